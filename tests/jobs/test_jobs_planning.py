"""What is queued, in which order, and what is refused before."""

import shutil
from collections import namedtuple

import pytest

from lab import jobs, store
from lab.core import DataError, DiskError, Dpo, Prompting, Retrieval, Scorer, Sft, System, TaskData, adapter_key, system_key
from lab.jobs import checking


def test_the_bare_base_comes_first_once_per_task_and_seed(experiment, base, task):
    wanted = experiment("x").model_copy(update={"systems": (System(name="SFT", base=base, training=(Sft(),)),), "seeds": (0, 1)})
    runs = jobs.plan(wanted)
    assert [(run.system.name, run.seed) for run in runs] == [("base", 0), ("base", 1), ("SFT", 0), ("SFT", 1)]
    assert len({run.id for run in runs}) == 4 and [run.created for run in runs] == sorted({run.created for run in runs})
    assert [run.system.training[0].seed for run in runs[2:]] == [0, 1]
    assert all(run.system_key == system_key(run.system, task) for run in runs)


def test_a_bare_base_that_is_there_is_not_added_and_names_stay_unique(experiment, base):
    assert [run.system.name for run in jobs.plan(experiment("mine"))] == ["mine"]
    taken = experiment("x").model_copy(update={"systems": (System(name="base", base=base, training=(Sft(),)),)})
    assert [run.system.name for run in jobs.plan(taken)] == ["base (2)", "base"]


def test_sharers_of_an_adapter_stand_apart(experiment, base, task):
    data = store.tasks.load(task.id)
    store.tasks.save(TaskData(task=task.model_copy(update={"id": "other"}), examples=data.examples[1:], preferences=data.preferences,
                              documents=data.documents))
    systems = (System(name="SFT DPO", base=base, training=(Sft(), Dpo())), System(name="SFT", base=base, training=(Sft(),)),
               System(name="RAG", base=base, retrieval=Retrieval()))
    runs = jobs.plan(experiment("x", tasks=(task.id, "other")).model_copy(update={"systems": systems}))
    assert [run.system.name for run in runs] == ["base", "base", "RAG", "RAG", "SFT", "SFT", "SFT DPO", "SFT DPO"]
    trained = [run for run in runs if run.system.training]
    keys = [adapter_key(run.system, store.tasks.load(run.task).task, 1) for run in trained]
    assert all(one != two for one, two in zip(keys, keys[1:]))


@pytest.mark.parametrize("system, word", [
    (dict(training=(Sft(),)), "training examples"), (dict(training=(Dpo(),)), "preference pairs"),
    (dict(retrieval=Retrieval()), "documents"), (dict(prompting=Prompting(shots=1)), "shots"),
    (dict(retrieval=Retrieval(retriever="dense")), "embedding"), (dict(retrieval=Retrieval(retriever="fusion")), "embedding")])
def test_what_a_system_lacks_is_refused_by_name(experiment, base, task, system, word):
    full = store.tasks.load(task.id)
    poor = TaskData(task=task.model_copy(update={"id": "poor", "name": "Poor"}), examples=full.split("test"))
    store.tasks.save(poor)
    wanted = experiment("x", tasks=("poor",)).model_copy(update={"systems": (System(name="Mine", base=base, **system),)})
    found = [failure for failure in jobs.check(wanted) if word in failure.what]
    assert found and "Mine" in found[0].where and "Poor" in found[0].where and found[0].do
    with pytest.raises(DataError):
        jobs.launch(wanted)
    assert store.runs.ids() == [] and store.experiments.ids() == [] and not jobs.supervisor_alive()


def test_a_tokenizer_that_cannot_count_passages_is_refused_before_anything_is_queued(experiment, base, tmp_path):
    def found(name):
        retrieval = Retrieval(chunking="tokens", tokenizer=name)
        return jobs.check(experiment("x").model_copy(update={"systems": (System(name="Mine", base=base, retrieval=retrieval),)}))

    assert found("") == found(base.ref) == found(store.bases.shipped()[0]) == []
    (missing,) = found(str(tmp_path))
    assert "no tokenizer.json" in missing.what and "Mine" in missing.where and str(tmp_path) in missing.where and "cut by words" in missing.do
    (tmp_path / "tokenizer.json").write_text("{}")
    (broken,) = found(str(tmp_path))
    assert "cannot be read" in broken.what and "Mine" in broken.where
    (tmp_path / "tokenizer.json").unlink()
    assert jobs.check(experiment("x").model_copy(update={"systems": (System(name="Mine", base=base, retrieval=Retrieval(tokenizer=str(tmp_path))),)})) == []


def test_unknown_names_changed_bases_and_a_full_disk_are_refused(experiment, base, tmp_path, monkeypatch):
    assert jobs.check(experiment("x")) == []
    assert [failure.kind for failure in jobs.check(experiment("x", tasks=("nowhere",)))] == ["data"]
    assert "nosuite" in jobs.check(experiment("x", suites=("nosuite",)))[0].where
    (tmp_path / "base" / "config.json").write_text('{"changed": 1}')
    assert [failure.kind for failure in jobs.check(experiment("x"))] == ["model"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: namedtuple("usage", "free")(checking.FREE_BYTES - 1))
    with pytest.raises(DiskError):
        jobs.launch(experiment("x"))


def test_a_task_without_test_examples_is_refused(experiment, task):
    full = store.tasks.load(task.id)
    store.tasks.save(TaskData(task=task.model_copy(update={"id": "blind"}), examples=full.split("train")))
    assert "nothing could be scored" in jobs.check(experiment("x", tasks=("blind",)))[0].what


def test_an_experiment_is_never_overwritten(experiment):
    wanted = experiment("x")
    store.experiments.save(wanted)
    with pytest.raises(DataError, match="exists already"):
        jobs.launch(wanted)
    assert store.runs.ids() == []


def test_rows_that_would_be_cut_are_refused_before_anything_is_queued(small_task, workspace):
    import time

    from lab import jobs, store
    from lab.core import Experiment, Sft, System
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    system = System(name="SFT", base=base, training=(Sft(max_length=32),))
    experiment = Experiment(id="long", name="L", tasks=("small",), systems=(system,), created=time.time())
    found = jobs.check(experiment)
    assert len(found) == 1 and "more than 32 tokens" in found[0].what and "maximum length" in found[0].do
    with pytest.raises(DataError, match="more than 32 tokens"):
        jobs.launch(experiment)
    assert store.runs.ids() == [] and store.experiments.ids() == []
    assert jobs.check(experiment.model_copy(update={"systems": (system.model_copy(update={"training": (Sft(),)}),)})) == []


@pytest.mark.parametrize("training, what, do", [
    ((Sft(), Sft(tuning="full")), "follows a LoRA stage", "first"),
    ((Sft(rows="kind=c"),), "slice kind=c", "a, b"), ((Sft(rows="sort=a"),), "slice sort=a", "slices: kind"),
    ((Sft(examples=4),), "there are 3", "at most 3"), ((Sft(rows="kind=a", examples=3),), "there are 2 with kind=a", "at most 2"),
    ((Sft(replay=0.1, replay_from="0123456789abcdef"),), "saved text", "Saved texts"),
    ((Sft(tuning="full", ewc=1.0, replay_from="nowhere"),), "saved text", "Saved texts")])
def test_a_training_that_cannot_be_is_refused_with_the_way_out(experiment, base, task, training, what, do):
    full = store.tasks.load(task.id)
    rows = [row.model_copy(update={"slices": {"kind": "b" if row.id == "train2" else "a"}}) for row in full.examples]
    store.tasks.save(full.model_copy(update={"task": task.model_copy(update={"id": "sliced", "name": "Sliced"}), "examples": tuple(rows)}))
    wanted = experiment("x", tasks=("sliced",)).model_copy(update={"systems": (System(name="Mine", base=base, training=training),)})
    found = [failure for failure in jobs.check(wanted) if what in failure.what]
    assert len(found) == 1 and "Mine" in found[0].where and do in found[0].do


def test_trainings_that_can_be_are_not_refused(experiment, base):
    key = store.texts.save("Letters", ["Dear Ann,"])
    chains = ((Sft(tuning="full"), Dpo()), (Sft(tuning="full"), Sft(tuning="full"), Sft()), (Sft(), Dpo()), (Sft(examples=3),),
              (Sft(replay=0.1, replay_from=key),), (Sft(replay=0.1),), (Sft(replay_from="never read"),))
    systems = tuple(System(name=str(number), base=base, training=chain) for number, chain in enumerate(chains))
    assert jobs.check(experiment("x").model_copy(update={"systems": systems})) == []


def long_answers(small_task, scorer, answer, **fields):
    """A task that holds `answer` as the right answer of every test row, saved."""
    rows = tuple(row.model_copy(update={"answer": answer}) if row.split == "test" else row for row in small_task.examples)
    made = small_task.task.model_copy(update={"id": "long-answers", "name": "Long answers", "scorers": (Scorer(kind=scorer),), **fields})
    return store.tasks.save(small_task.model_copy(update={"task": made, "examples": rows}))


def shipped_systems(*trainings):
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    return tuple(System(name=f"S{number}", base=base, training=training) for number, training in enumerate(trainings))


@pytest.mark.parametrize("scorer, refused", [("answer_loss", True), ("contains_answer", False)])
def test_a_right_answer_that_the_score_reads_and_the_base_cannot_is_refused_once_for_all_systems(small_task, experiment, scorer, refused):
    long_answers(small_task, scorer, "word " * 600, max_new_tokens=8)
    found = jobs.check(experiment("x", tasks=("long-answers",)).model_copy(update={"systems": shipped_systems((), (Sft(),))}))
    assert [("right answer" in failure.where, "choose a base" in failure.do) for failure in found] == [(True, True)] * refused


def test_where_nothing_is_written_no_room_is_kept_for_an_answer(small_task, experiment):
    systems = shipped_systems(())
    long_answers(small_task, "answer_loss", "word", max_new_tokens=systems[0].base.context)
    assert jobs.check(experiment("x", tasks=("long-answers",)).model_copy(update={"systems": systems})) == []


def test_no_stage_is_told_to_read_more_than_its_base_can(small_task, experiment):
    rows = tuple(row.model_copy(update={"answer": "word " * 600}) if row.split == "train" else row for row in small_task.examples)
    made = small_task.task.model_copy(update={"id": "long-rows", "name": "Long rows"})
    store.tasks.save(small_task.model_copy(update={"task": made, "examples": rows}))
    systems = shipped_systems((Sft(max_length=128),))
    [failure] = jobs.check(experiment("x", tasks=("long-rows",)).model_copy(update={"systems": systems}))
    assert "maximum length" not in failure.do and f"reads {systems[0].base.context} tokens" in failure.do
