"""What an Experiment has shown so far: each run with its status and the Evaluations that exist. Reads only."""

from __future__ import annotations

from typing import Any

from lab import store
from lab.core import Outcome, Run, Suite, Task, content_key, system_key, weights_key
from lab.jobs import watch

KEPT = "Stopped early: what was trained until then was kept and scored"


def is_raw_text(suite: Suite) -> bool:
    """A suite without prompts is scored on the weights alone: no lever that works through the prompt can touch it."""
    return all(not item.prompt for item in suite.items)


def evaluation_key(run: Run, suite: Suite, kept: int = 0, task: Task | None = None) -> str:
    """The first half of an Evaluation's name for this run and suite. `kept`: the attempt that was stopped early and kept, which is
    the run's own; 0 for a whole run.

    `task`: the run's task, where the caller has read it already.
    """
    task = task or store.tasks.glance(run.task).task
    key = weights_key(run.system, task) if is_raw_text(suite) else system_key(run.system, task)
    return content_key(key, "kept", run.id, kept) if kept else key


def kept_name(key: str, run_id: str, attempt: int) -> str:
    """A half-trained adapter's name: never that of the whole one."""
    return f"{key}-kept-{run_id}-{attempt}"


def suites_of(run: Run) -> list[Suite]:
    """The run's own test split, then its retention suites."""
    return [store.tasks.glance(run.task).test_suite(), *(store.tasks.load_suite(name) for name in run.suites)]


def outcome_of(view: Any) -> Outcome:
    """A run's outcome from its view."""
    run, task = view.run, store.tasks.glance(view.run.task).task
    found = {suite.name: store.evaluations.find(evaluation_key(run, suite, view.state.kept, task), suite.fingerprint) for suite in suites_of(run)}
    failure = view.state.failure
    return Outcome(system=run.system.name, task=run.task, seed=run.seed, run=run, status=view.status,
                   reason=failure.sentence() if failure else KEPT if view.state.kept else "",
                   evaluations={name: evaluation for name, evaluation in found.items() if evaluation})


def outcomes(experiment_id: str) -> list[Outcome]:
    """Every run of an experiment: bare bases that nobody listed first, then the experiment's own order of Systems, tasks and seeds."""
    experiment = store.experiments.load(experiment_id)
    systems = [system.name for system in experiment.systems]

    def place(view: Any) -> tuple[int, int, int]:
        name, task = view.run.system.name, view.run.task
        return (systems.index(name) if name in systems else -1, experiment.tasks.index(task), view.run.seed)

    return [outcome_of(view) for view in sorted(watch.views(experiment_id), key=place)]
