"""Pretraining through the real worker: events, bases, stop and keep, resume, failure, as a Run has them. The size is a test's own."""

import time

import pytest

torch = pytest.importorskip("torch")

from world_help import TINY, one_thread  # noqa: E402

from lab import store  # noqa: E402
from lab.core import Pretraining, Run  # noqa: E402
from lab.engine.load import load_base  # noqa: E402
from lab.worker import work  # noqa: E402
from lab.world import presets, pretrain  # noqa: E402


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """XS becomes a size that takes a second, with two items per probe."""
    monkeypatch.setitem(presets.PRESETS, "XS", TINY)
    monkeypatch.setattr(pretrain, "LADDER_ITEMS", 2)
    monkeypatch.setattr(pretrain, "FEW_ITEMS", 2)
    with one_thread():
        yield


def queued(**settings):
    run = Run(id=store.new_id("run"), pretraining=Pretraining(**settings), created=time.time())
    store.runs.create(run)
    return run


def events(run, kind, attempt=1):
    return [one for one in store.runs.events(run.id)[0] if one["kind"] == kind and one["attempt"] == attempt]


def stop_at(monkeypatch, step, keep):
    """The user's stop comes with the metric of a step."""
    emit = store.runs.emit

    def watching(run_id, event):
        emit(run_id, event)
        if event.kind == "metric" and event.step == step and event.attempt == 1:
            store.runs.ask_to_stop(run_id, keep)
    monkeypatch.setattr(store.runs, "emit", watching)


def test_a_whole_run_leaves_its_curves_and_its_bases():
    run = queued(steps=40, checkpoints=2, seed=1)
    assert work(run.id, 1, "cpu:0") == 0 and store.runs.state(run.id).name == "finished"
    metrics = [one for one in events(run, "metric") if one["stage"] == "pretrain"]
    assert [one["step"] for one in metrics if {"loss", "tokens", "learning_rate"} <= one["values"].keys()] == [20, 40]
    held = [one["values"] for one in metrics if "eval_loss" in one["values"]]
    assert len(held) == 2 and all(0 <= values["probe: capitals"] <= 1 for values in held)
    asked = events(run, "progress")
    assert [(one["stage"], one["step"], one["total"]) for one in asked] == [("evaluate", n, len(asked)) for n in range(1, len(asked) + 1)]
    assert [one["message"] for one in events(run, "note")][1:] == ["Step 20 was kept as a base", "Step 40 was kept as a base"]
    made = store.bases.made()
    assert [(about["step"], about["total"], about["final"]) for about in made] == [(20, 40, False), (40, 40, True)]
    assert made[1]["title"] == "XS, next token, seed 1, step 40" and made[1]["pretraining"]["checkpoints"] == 2
    assert all({"value", "n", "low", "high"} == set(score) for about in made for score in about["probes"].values())
    base = store.bases.resolve("made", made[1]["key"])
    loaded = load_base(store.bases.folder_of(base), torch.device("cpu"))
    assert loaded.model.num_parameters() == base.parameters == made[1]["parameters"] and loaded.template.source


def test_stop_leaves_no_base_and_resume_ends_where_it_would_have(monkeypatch):
    whole = queued(steps=40, checkpoints=1)
    assert work(whole.id, 1, "cpu:0") == 0
    stop_at(monkeypatch, 20, keep=False)
    run = queued(steps=40, checkpoints=1)
    assert work(run.id, 1, "cpu:0") == 0 and store.runs.state(run.id).name == "stopped"
    assert [about["run"] for about in store.bases.made()] == [whole.id]
    store.runs.clear_stop(run.id)
    store.runs.move(run.id, "queued")
    assert work(run.id, 2, "cpu:0") == 0 and store.runs.state(run.id).name == "finished"
    assert "resuming at checkpoint-20" in events(run, "note", 2)[0]["message"] and events(run, "metric", 2)[0]["step"] == 40
    keys = [store.bases.made_key(each.id, 40) for each in (whole, run)]
    fingerprints = {store.files.sha256(store.artifacts.find(key) / "model.safetensors") for key in keys}
    assert len(fingerprints) == 1  # bit by bit the model of the run that was never stopped


def test_stop_and_keep_leaves_the_model_as_a_base(monkeypatch):
    stop_at(monkeypatch, 20, keep=True)
    run = queued(steps=40, checkpoints=1)
    assert work(run.id, 1, "cpu:0") == 0
    assert (store.runs.state(run.id).name, store.runs.state(run.id).kept) == ("stopped", 1)
    (about,) = store.bases.made()
    assert (about["step"], about["final"]) == (20, False) and store.bases.resolve("made", about["key"]).parameters


def test_a_masked_run_is_listed_only_where_all_are_asked_for():
    run = queued(steps=20, checkpoints=1, objective="masked")
    assert work(run.id, 1, "cpu:0") == 0 and store.bases.made() == []
    (about,) = store.bases.made(all_objectives=True)
    assert about["objective"] == "masked" and "writes an answer" in about["not_measured"] and "capitals" not in about["probes"]


def test_a_failure_is_the_runs_own(monkeypatch):
    monkeypatch.setitem(presets.PRESETS, "XS", TINY.model_copy(update={"learning_rate": 1e30, "muon_rate": 1e30}))
    run = queued(steps=20)
    assert work(run.id, 1, "cpu:0") == 1
    failure = store.runs.state(run.id).failure
    assert (store.runs.state(run.id).name, failure.kind) == ("failed", "training") and failure.do
