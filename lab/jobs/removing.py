"""What stands against deleting a Task or a download, and deleting it. Runs that wait or run keep what they need; finished ones keep their scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab import store
from lab.core import AccessError, Base, DataError, Experiment, LabError, Run
from lab.jobs import answerer, watch

NAMED = 3  # of those that are in the way, in one sentence


def experiments_of(task_id: str) -> list[Experiment]:
    """Every readable experiment that asks for a Task, newest first."""
    return [found for name in store.experiments.ids() if (found := _read(name)) and task_id in found.tasks]


def delete_task(task_id: str) -> None:
    """Delete a Task of the workspace. Scores that finished runs have stay. Raises AccessError while a run that needs it waits or runs,
    DataError where it ships with the lab or is not there."""
    store.tasks.own_folder(task_id)
    _demand_free(lambda run: run.task == task_id, "task", task_id)
    store.removed.task(task_id)


def delete_download(key: str) -> None:
    """Delete what was downloaded under this artifact key; a model that answers questions leaves memory first. Raises AccessError while a
    run that needs it waits or runs, DataError where it is not there (any longer) or no download."""
    if not key.startswith((store.downloads.MODEL, store.downloads.DATA)):
        raise DataError("This is no download", key[:80], "Only what came from a hub is deleted here")
    about = store.artifacts.about(key)
    if not about:
        raise DataError("This was deleted already", key[:80], "Load the page again to see what is there")
    if key.startswith(store.downloads.MODEL):
        ref = f"{about['repo']}@{about['commit']}"
        _demand_free(lambda run: bool(run.system) and (run.system.base.kind, run.system.base.ref) == ("hub", ref), "model", about["repo"])
        if base := _base(ref):
            answerer.end(base.fingerprint)
    store.removed.artifact(key)


def answers_now(ref: str) -> bool:
    """Whether a downloaded model is in memory for questions."""
    base = _base(ref)
    return bool(base) and answerer.living(base.fingerprint) is not None


def _base(ref: str) -> Base | None:
    try:
        return store.bases.resolve("hub", ref)
    except LabError:  # damaged: nothing can have loaded it since
        return None


def _demand_free(needs: Callable[[Run], bool], what: str, where: str) -> None:
    busy: list[Any] = [view.run for view in watch.views() if view.status in ("queued", "running", "lost") and needs(view.run)]
    if busy:
        names = ", ".join(dict.fromkeys(run.title for run in busy))
        first = names if len(busy) <= NAMED else f"{names[:120]} …"
        words = "1 run that needs this {0} waits or runs" if len(busy) == 1 else f"{len(busy)} runs that need this {{0}} wait or run"
        raise AccessError(f"{words.format(what)} ({first})", where,
                          "Stop them on the page Runs, or wait until they have ended")


def _read(name: str) -> Experiment | None:
    try:
        return store.experiments.load(name)
    except LabError:  # a damaged one is said on the page Runs
        return None
