"""Renaming changes a label and no key; deleting takes a Task whole, and leaves what names its answers."""

import shutil

import pytest

from lab import store
from lab.core import DataError, Example, Scorer, Task, TaskData, adapter_key, system_key
from lab.store import removed
from tests.ui import workspaces


@pytest.fixture
def own():
    return workspaces.task("t-own", "Own task")


def test_a_renamed_task_keeps_its_rows_its_fingerprints_and_every_key(own):
    before = store.tasks.load("t-own")
    keys = [(system_key(system, before.task), adapter_key(system, before.task, len(system.training))) for system in workspaces.systems()]
    assert store.tasks.rename("t-own", "  Another name ").name == "Another name"
    after = store.tasks.load("t-own")
    assert after.task == before.task.model_copy(update={"name": "Another name"}) and after.examples == before.examples
    assert after.test_suite().fingerprint == before.test_suite().fingerprint
    assert keys == [(system_key(system, after.task), adapter_key(system, after.task, len(system.training))) for system in workspaces.systems()]


def test_only_tasks_of_the_workspace_can_be_renamed_or_deleted_and_not_without_a_name(own):
    for shipped in ("form", "facts"):
        with pytest.raises(DataError, match="ships with the lab"):
            store.tasks.rename(shipped, "Mine")
        with pytest.raises(DataError, match="ships with the lab"):
            removed.task(shipped)
    with pytest.raises(DataError, match="needs a name"):
        store.tasks.rename("t-own", "  ")
    with pytest.raises(DataError, match="no longer"):
        store.tasks.rename("t-nowhere", "x")
    assert {"form", "facts", "t-own"} <= set(store.tasks.ids()) and store.tasks.describe("t-own").name == "Own task"


def test_a_deleted_task_is_gone_whole_and_what_names_its_answers_stays(own, workspace):
    suite = own.test_suite()
    removed.task("t-own")
    assert "t-own" not in store.tasks.ids() and list((workspace / "tasks").iterdir()) == []
    left = removed.remains("t-own")
    assert left.task == own.task and left.suite.fingerprint == suite.fingerprint and left.suite.name == "t-own" and not left.suite.raw_text
    assert removed.names() == {"t-own": "Own task"} and store.tasks.stamp("t-own") == 0
    with pytest.raises(DataError):
        removed.task("t-own")


def test_a_delete_that_was_cut_short_leaves_no_half_task_and_is_cleared_by_the_next(own, workspace, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if the power went between the rename and the removal
        removed.task("t-own")
    assert "t-own" not in store.tasks.ids() and len(list((workspace / "tasks").iterdir())) == 1
    workspaces.task("t-other", "Other")
    removed.task("t-other")
    assert list((workspace / "tasks").iterdir()) == []


def test_a_task_saved_again_under_the_id_of_a_deleted_one_takes_its_place(own):
    removed.task("t-own")
    workspaces.task("t-own", "Own task, again")
    assert removed.remains("t-own") is None and removed.names() == {} and store.tasks.describe("t-own").name == "Own task, again"


def test_a_damaged_task_can_be_deleted_too(own, workspace):
    (workspace / "tasks" / "t-own" / "task.json").write_text("{torn")
    removed.task("t-own")
    assert "t-own" not in store.tasks.ids() and removed.remains("t-own") is None


def test_a_task_of_raw_text_is_remembered_as_one():
    rows = tuple(Example(id=str(n), prompt="", answer=f"text {n}", split="test") for n in range(3))
    store.tasks.save(TaskData(task=Task(id="t-text", name="Text", scorers=(Scorer(kind="text_loss"),)), examples=rows))
    removed.task("t-text")
    assert removed.remains("t-text").suite.raw_text


def test_an_artifact_is_deleted_once(workspace):
    with store.artifacts.making("hub-abc", {"of": "model"}) as folder:
        (folder / "README.md").write_text("x")
    removed.artifact("hub-abc")
    assert store.artifacts.find("hub-abc") is None and not [path for path in (workspace / "artifacts").iterdir() if path.is_dir()]
    with pytest.raises(DataError, match="already"):
        removed.artifact("hub-abc")
