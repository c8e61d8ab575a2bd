"""The worker for real on the shipped base: folders complete, parts shared, stops obeyed, failures recorded as rows."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import jobs, store
from lab.core import Experiment, Prompting, Retrieval, System, adapter_key, index_key, system_key
from lab.jobs.outcomes import checkpoint_key, checkpoint_name, evaluation_key, outcomes, places, suites_of
from lab.worker import work

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def base():
    return store.bases.resolve("shipped", store.bases.shipped()[0])


def planned(task, *systems, suites=("capitals", "text_loss"), checkpoints=False):
    """Runs of an experiment, queued; nobody but the test takes them."""
    experiment = Experiment(id=store.new_id("e"), name="E", tasks=(task,), systems=systems, suites=suites, checkpoints=checkpoints, created=time.time())
    store.experiments.save(experiment)
    runs = jobs.plan(experiment)
    for run in runs:
        store.runs.create(run)
    return {run.system.name: run for run in runs}, experiment


def in_a_child(run, attempt=1, **environment):
    return subprocess.Popen([sys.executable, "-m", "lab.worker", run.id, str(attempt), "cpu:0"], cwd=ROOT,
                            env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def points(run, stage, name):
    return [(e["step"], e["values"][name]) for e in store.runs.events(run.id)[0] if e.get("stage") == stage and name in e.get("values", {})]


def test_the_way_through_training_is_scored_where_that_is_wanted_and_shared_states_once(small_task, base, tiny):
    stages = {kind: stage.model_copy(update={"epochs": 4}) for kind, stage in tiny.items()}
    runs, experiment = planned("small", System(name="SFT", base=base, training=(stages["sft"],)),
                               System(name="both", base=base, training=(stages["sft"], stages["dpo"])), checkpoints=True)
    task = store.tasks.load("small").task
    assert work(runs["SFT"].id, 1, "cpu:0") == 0
    after_sft = {path.name for path in (store.home() / "evaluations").iterdir()}
    assert work(runs["base"].id, 1, "cpu:0") == 0 and work(runs["both"].id, 1, "cpu:0") == 0
    way = places(runs["both"], task)
    assert [(place.stage, place.step == place.steps) for place in way] == [(1, False)] * 3 + [(1, True)] + [(2, False)] * 3
    names = [{f"{checkpoint_key(runs['both'], suite, place, task)}--{suite.fingerprint}" for suite in suites_of(runs["both"])} for place in way]
    assert len(set().union(*names)) == 3 * len(way), "every state has a key of its own on every suite"
    assert set().union(*names) <= {path.name for path in (store.home() / "evaluations").iterdir()}
    assert set().union(*names[:4]) <= after_sft and not names[4] & after_sft, "SFT's way was scored by its own run"
    said = [e["values"].get("place") for e in store.runs.events(runs["both"].id)[0] if e.get("stage") == "evaluate" and e.get("values")]
    assert {place for place in said if place} == {place.title for place in way if place.stage == 2}
    early = store.artifacts.find(checkpoint_name(adapter_key(runs["both"].system, task, 1), way[0].step))
    whole = store.artifacts.find(adapter_key(runs["both"].system, task, 1))
    assert (early / "adapter_model.safetensors").read_bytes() != (whole / "adapter_model.safetensors").read_bytes()


def test_every_lever_becomes_real_and_is_scored(small_task, base, tiny):
    tiny = {kind: stage.model_copy(update={"with_passages": kind == "dpo"}) for kind, stage in tiny.items()}
    runs, experiment = planned("small", System(name="shots", base=base, prompting=Prompting(shots=2)),
                               System(name="RAG", base=base, retrieval=Retrieval(top_k=1)),
                               System(name="SFT", base=base, training=(tiny["sft"],)),
                               System(name="both", base=base, retrieval=Retrieval(top_k=1), training=(tiny["sft"], tiny["dpo"])))
    assert [work(run.id, 1, "cpu:0") for run in runs.values()] == [0] * 5
    assert {store.runs.state(run.id).name for run in runs.values()} == {"finished"}
    task = store.tasks.load("small").task
    for name, run in runs.items():
        for suite in suites_of(run):
            assert store.evaluations.find(evaluation_key(run, suite), suite.fingerprint), (name, suite.name)
    assert store.artifacts.find(index_key(Retrieval(), task))
    sft, chain = store.artifacts.find(adapter_key(runs["SFT"].system, task, 1)), store.artifacts.find(adapter_key(runs["both"].system, task, 2))
    assert (sft / "adapter_model.safetensors").stat().st_size > 0 and sft != chain
    assert not points(runs["both"], "sft", "loss"), "the SFT stage was there already and was not trained again"
    assert points(runs["both"], "dpo", "logps_rejected") and points(runs["SFT"], "sft", "eval_loss")[0][0] == 0
    shared = {evaluation_key(run, store.tasks.load_suite("text_loss")) for name, run in runs.items() if name in ("base", "shots", "RAG")}
    assert len(shared) == 1, "raw text is scored once for all Systems without training"
    assert {o.status for o in outcomes(experiment.id)} == {"finished"}
    made = store.artifacts.about(sft.name)
    sent = store.evaluations.find(runs["SFT"].system_key, store.tasks.load("small").test_suite().fingerprint)
    asked = next(score.prompt for score in sent.scores if score.item == made["rendered"]["item"])
    assert made["rendered"]["prompt"] == asked, "a question is put in training as it is asked, to the letter"
    assert made["cpu_seconds"] > 0 and made["joules"] is None, "no meter here: nothing is claimed"


def test_dpo_stands_on_fully_tuned_weights_and_says_how_far_both_moved(small_task, base, tiny):
    full = tiny["sft"].model_copy(update={"tuning": "full", "learning_rate": 1e-3, "replay": 0.1, "ewc": 1.0, "ewc_samples": 5})
    dpo = tiny["dpo"]
    runs, _ = planned("small", System(name="full", base=base, training=(full,)), System(name="both", base=base, training=(full, dpo)))
    assert [work(run.id, 1, "cpu:0") for run in runs.values()] == [0] * 3
    data = store.tasks.load("small")
    weights, adapter = (store.artifacts.find(adapter_key(runs["both"].system, data.task, number)) for number in (1, 2))
    assert store.artifacts.about(weights.name)["kind"] == "weights" and store.artifacts.about(adapter.name)["kind"] == "adapter"
    assert store.bases.resolve("folder", str(weights)).parameters == base.parameters, "the artifact is a base folder like any other"
    assert points(runs["full"], "sft", "replay_loss") and points(runs["full"], "sft", "ewc_penalty")[0][1] == 0
    assert not points(runs["both"], "sft", "loss") and points(runs["both"], "dpo", "eval_loss")[0] == (0, pytest.approx(0.6931, abs=1e-3)), \
        "the SFT stage was there, and DPO's reference is the model as it left it"
    kl = {}
    for name, run in runs.items():
        for suite in suites_of(run):
            found = store.evaluations.find(evaluation_key(run, suite), suite.fingerprint)
            kl[name, suite.name] = [score.kl for score in found.scores]
    assert all(value is None for suite in ("small", "text_loss", "capitals") for value in kl["base", suite])
    assert all(value > 0 for name in ("full", "both") for suite in ("small", "text_loss") for value in kl[name, suite])
    assert kl["both", "text_loss"] != kl["full", "text_loss"]


def test_full_tuning_is_stopped_kept_and_scored(small_task, base, tiny):
    long = tiny["sft"].model_copy(update={"tuning": "full", "learning_rate": 1e-4, "epochs": 200, "evaluations": 200})
    runs, _ = planned("small", System(name="long", base=base, training=(long,)), suites=())
    run = runs["long"]
    child = in_a_child(run)
    wait_for(lambda: len(points(run, "sft", "loss")) > 2)
    store.runs.ask_to_stop(run.id, keep=True)
    assert child.wait(90) == 0, child.stderr.read().decode()[-2000:]
    suite = store.tasks.load("small").test_suite()
    assert store.runs.state(run.id).kept == 1
    assert all(score.kl > 0 for score in store.evaluations.find(evaluation_key(run, suite, kept=1), suite.fingerprint).scores)


def test_a_second_run_of_an_equal_system_recomputes_nothing(small_task, base):
    system = System(name="one", base=base, prompting=Prompting(shots=1))
    first, _ = planned("small", system)
    work(first["one"].id, 1, "cpu:0")
    stamp = store.evaluations.stamp(system_key(system, store.tasks.load("small").task), store.tasks.load("small").test_suite().fingerprint)
    again, _ = planned("small", system.model_copy(update={"name": "two"}))
    work(again["two"].id, 1, "cpu:0")
    messages = [event.get("message", "") for event in store.runs.events(again["two"].id)[0]]
    assert stamp and sum("scored before" in message for message in messages) == 3


def test_a_failure_is_a_row_like_any_other(small_task, base, tiny):
    runs, experiment = planned("small", System(name="cut", base=base, training=(tiny["sft"].model_copy(update={"max_length": 16}),)))
    assert work(runs["cut"].id, 1, "cpu:0") == 1 and work(runs["base"].id, 1, "cpu:0") == 0
    state = store.runs.state(runs["cut"].id)
    assert (state.name, state.failure.kind, state.failure.where != "") == ("failed", "data", True) and "maximum length" in state.failure.do
    by_name = {o.system: o for o in outcomes(experiment.id)}
    assert "cut" in by_name["cut"].reason and by_name["base"].status == "finished"


def test_a_full_disk_is_said_as_such_and_costs_nothing_else(small_task, base, tiny, monkeypatch):
    runs, experiment = planned("small", System(name="SFT", base=base, training=(tiny["sft"],)), suites=())
    write = store.files.write_manifest

    def full(folder, extra=None):
        if "artifacts" in str(folder):
            raise OSError(28, "No space left on device")
        write(folder, extra)

    monkeypatch.setattr(store.files, "write_manifest", full)
    assert work(runs["SFT"].id, 1, "cpu:0") == 1 and work(runs["base"].id, 1, "cpu:0") == 0
    failure = store.runs.state(runs["SFT"].id).failure
    assert failure.kind == "disk" and "Free some space" in failure.do
    assert not list((store.home() / "artifacts").glob("*/adapter_model.safetensors")), "no half artifact is left"


def test_a_diverging_training_is_refused_and_leaves_no_adapter(small_task, base, tiny):
    wild = tiny["sft"].model_copy(update={"learning_rate": 1.0, "lora_alpha": 4096, "epochs": 40})
    runs, _ = planned("small", System(name="wild", base=base, training=(wild,)), suites=())
    assert work(runs["wild"].id, 1, "cpu:0") == 1
    state = store.runs.state(runs["wild"].id)
    assert state.failure.kind == "training" and "learning rate" in state.failure.do
    assert store.artifacts.find(adapter_key(runs["wild"].system, store.tasks.load("small").task, 1)) is None


def long_training(base, tiny):
    return System(name="long", base=base, training=(tiny["sft"].model_copy(update={"epochs": 200, "evaluations": 200}),))


def test_stop_ends_the_run_and_resume_goes_on_from_there(small_task, base, tiny):
    runs, _ = planned("small", long_training(base, tiny), suites=())
    run = runs["long"]
    child = in_a_child(run)
    wait_for(lambda: len(points(run, "sft", "loss")) > 5)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0 and store.runs.state(run.id).name == "stopped"
    reached = points(run, "sft", "loss")[-1][0]
    store.runs.move(run.id, "queued", attempt=2)
    child = in_a_child(run, 2)
    wait_for(lambda: points(run, "sft", "loss")[-1][0] > reached)
    later = [e for e in store.runs.events(run.id)[0] if e["attempt"] == 2 and "loss" in e.get("values", {})]
    assert later[0]["step"] == reached + 1
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0


def test_stop_and_keep_scores_what_was_trained_under_its_own_key(small_task, base, tiny):
    runs, experiment = planned("small", long_training(base, tiny), suites=("text_loss",))
    run = runs["long"]
    child = in_a_child(run)
    wait_for(lambda: len(points(run, "sft", "loss")) > 5)
    store.runs.ask_to_stop(run.id, keep=True)
    assert child.wait(90) == 0, child.stderr.read().decode()[-2000:]
    state = store.runs.state(run.id)
    assert (state.name, state.kept) == ("stopped", 1)
    task = store.tasks.load("small")
    assert store.artifacts.find(adapter_key(run.system, task.task, 1)) is None, "a half-trained adapter never takes the whole one's name"
    assert store.evaluations.find(evaluation_key(run, task.test_suite(), kept=1), task.test_suite().fingerprint)
    assert set(next(o for o in outcomes(experiment.id) if o.system == "long").evaluations) == {"small", "text_loss"}


def test_kill_9_costs_nothing_that_a_checkpoint_holds(small_task, base, tiny):
    runs, _ = planned("small", long_training(base, tiny), suites=())
    run = runs["long"]
    child = in_a_child(run, LAB_CHECKPOINT_SECONDS="0.3")
    key = adapter_key(run.system, store.tasks.load("small").task, 1)
    wait_for(lambda: store.runs.complete_checkpoint(store.runs.checkpoints(run.id, key)) is not None)
    child.kill()
    child.wait(30)
    saved = int(store.runs.complete_checkpoint(store.runs.checkpoints(run.id, key)).name.split("-")[1])
    store.runs.move(run.id, "queued", attempt=2)
    child = in_a_child(run, 2)
    wait_for(lambda: any(e["attempt"] == 2 and "loss" in e.get("values", {}) for e in store.runs.events(run.id)[0]))
    first = next(e for e in store.runs.events(run.id)[0] if e["attempt"] == 2 and "loss" in e.get("values", {}))
    assert first["step"] > saved > 0
    child.kill()
    child.wait(30)
