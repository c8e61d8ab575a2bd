"""The page Runs after failures: reasons in full, no way on where there is none."""

import time

from lab import store
from lab.core import Failure
from tests.pages.pages_help import opened
from tests.ui import workspaces

WHY = Failure(kind="data", what="The prompt has 28 tokens and the answer may take 1308; the base reads 512", where="e7", do="Shorten the longest answer")


def failed():
    found = workspaces.experiment()
    for run in workspaces.runs_of(found):
        workspaces.start(run)
        store.runs.move(run.id, "failed", failure=WHY, ended=time.time())
    return found


def test_equal_failures_are_told_once_and_in_full(workspace):
    found = failed()
    app, number = opened("runs", {"experiment": found.id}), len(workspaces.runs_of(found))
    told = [text.value for text in app.text]
    assert told.count(f"{WHY.what}. {WHY.do}.") == 1 and any(f"{number} runs failed" in caption.value for caption in app.caption)
    assert any(f"{number} of {number} runs ended, {number} of them failed" in caption.value for caption in app.caption)
    assert "Resume" in [button.label for button in app.button]


def test_a_run_whose_task_was_deleted_cannot_be_resumed(workspace):
    found = failed()
    for task in found.tasks:
        store.removed.task(task)
    app = opened("runs", {"experiment": found.id})
    assert not app.exception and "Resume" not in [button.label for button in app.button]
    assert any("its task was deleted" in caption.value for caption in app.caption)
