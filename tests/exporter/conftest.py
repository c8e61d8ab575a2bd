"""One workspace with finished runs for a whole file: they take seconds to make and no test changes them."""

import time

import pytest

from lab import jobs, store
from lab.core import Dpo, Experiment, Prompting, Retrieval, Sft, System
from lab.exporter import export
from lab.worker import work

LORA = {"epochs": 1, "batch_size": 8, "max_length": 256, "lora_rank": 4, "lora_alpha": 8, "evaluations": 2}
SFT, DPO = Sft(learning_rate=3e-3, with_passages=True, **LORA), Dpo(learning_rate=1e-3, **LORA)
FULL = Sft(learning_rate=1e-3, tuning="full", **LORA)


@pytest.fixture(scope="session")
def exported_home(tmp_path_factory):
    """The folder of that workspace, and its runs by their Systems' names."""
    home = tmp_path_factory.mktemp("exports") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", str(home))
        base, whole = store.bases.resolve("shipped", store.bases.shipped()[0]), store.tasks.load("form")
        rows = [row for name, count in (("train", 24), ("validation", 8), ("test", 10)) for row in list(whole.split(name))[:count]]
        store.tasks.save(whole.model_copy(update={"task": whole.task.model_copy(update={"id": "small", "name": "Small | <b>task</b>"}), "examples": tuple(rows),
                                                  "preferences": tuple(whole.preferences[:8]), "documents": tuple(whole.documents[:6])}))
        systems = (System(name="3 shots", base=base, prompting=Prompting(instruction="Answer in JSON.", shots=2)),
                   System(name="RAG + SFT", base=base, training=(SFT,),
                          retrieval=Retrieval(top_k=1, chunking="tokens", tokenizer=str(store.SHIPPED / "bases" / base.ref))),
                   System(name="full → DPO", base=base, training=(FULL, DPO)))
        experiment = Experiment(id=store.new_id("e"), name="E", tasks=("small",), systems=systems, created=time.time())
        store.experiments.save(experiment)
        runs = {run.system.name: run for run in jobs.plan(experiment)}
        for run in runs.values():
            store.runs.create(run)
            if run.system.name != "base":  # stays in the queue
                assert work(run.id, 1, "cpu:0") == 0
    return home, runs


@pytest.fixture
def runs(exported_home, monkeypatch):
    """System name -> run, in their workspace."""
    monkeypatch.setenv("LAB_HOME", str(exported_home[0]))
    return exported_home[1]


_written = {}


@pytest.fixture
def exported(runs, tmp_path_factory):
    """exported(System name, merged): its folder and check; written once, by the first who asks."""
    def folder(name, merged=False):
        key = runs[name].id, merged
        if key not in _written:
            _written[key] = export(runs[name].id, merged, tmp_path_factory.mktemp("out") / "export")
        return _written[key]
    return folder
