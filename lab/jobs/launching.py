"""What a page or a shell may do to runs: launch (an Experiment or a pretraining), stop, resume. Each writes files and wakes the
supervisor; none starts a worker."""

from __future__ import annotations

import time

from lab import store
from lab.core import FINAL, DataError, Experiment, Pretraining, Run
from lab.jobs import office
from lab.jobs.checking import disk, problems
from lab.jobs.planning import plan


def launch(experiment: Experiment, slots: int | None = None) -> list[Run]:
    """Save the Experiment, queue its Runs and see to it that the supervisor lives.

    `slots`: runs at a time on a machine without a GPU; None leaves it as it is (1). Raises the first reason why the Experiment
    could not end well, before anything is written, and DataError where the Experiment's id is taken.
    """
    for problem in problems(experiment):
        raise problem
    runs = plan(experiment)
    store.experiments.save(experiment.pinned(store.tasks.glance(name).task for name in experiment.tasks))
    if slots is not None:
        office.change(slots=slots)
    _queue(runs)
    return runs


def launch_pretraining(settings: Pretraining) -> Run:
    """Queue the making of a base and see to it that the supervisor lives. Its checkpoints become Bases (store.bases.made).

    Raises DiskError where there is no room for it, before anything is written.
    """
    for problem in disk():
        raise problem
    run = Run(id=store.new_id("run"), pretraining=settings, seed=settings.seed, created=time.time())
    _queue([run])
    return run


def _queue(runs: list[Run]) -> None:
    office.ensure_supervisor()  # first, so that its imports run while the runs are written
    for run in runs:
        store.runs.create(run)
    office.ping()
    office.ensure_supervisor()


def stop(run_id: str, keep: bool = False) -> None:
    """Ask a run to stop; a queued one is stopped at once. `keep` keeps and scores what was trained so far; of a pretraining it
    keeps the model as a base.

    The supervisor sees to the rest from the file, whatever becomes of the caller. A run that has ended is left as it is.
    """
    store.runs.load(run_id)  # an unknown run is refused by name
    if store.runs.state(run_id).name in FINAL:
        return
    store.runs.ask_to_stop(run_id, keep)
    if store.runs.state(run_id).name == "queued":
        try:
            store.runs.move(run_id, "stopped", ended=time.time())
        except DataError:  # it ended in this very moment
            return
    office.ping()  # also after a queued one: a worker may have been asked for it already
    if store.runs.state(run_id).name == "running":
        office.ensure_supervisor()


def resume(run_id: str) -> None:
    """Queue a failed or stopped run again; it goes on from its newest complete checkpoint. Raises DataError for another state, and where its
    task is gone."""
    run = store.runs.load(run_id)
    now = store.runs.state(run_id).name
    if now not in ("failed", "stopped"):
        raise DataError(f"A {now} run cannot be resumed", run_id, "Only failed and stopped runs can")
    if run.task:
        store.tasks.describe(run.task)
    store.runs.clear_stop(run_id)
    store.runs.move(run_id, "queued", failure=None, ended=None, pid=None, pid_created=None)
    office.ping()
    office.ensure_supervisor()
