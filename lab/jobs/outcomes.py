"""What an Experiment has shown so far: each run with its status and the Evaluations that exist. Reads only."""

from __future__ import annotations

from typing import Any

from lab import store
from lab.core import Measured, Outcome, Place, Run, Suite, SuiteMark, Task, adapter_key, content_key, system_key, weights_key
from lab.jobs import watch

KEPT = "Stopped early: what was trained until then was kept and scored"


def evaluation_key(run: Run, suite: Suite | SuiteMark, kept: int = 0, task: Task | None = None) -> str:
    """The first half of an Evaluation's name for this run and suite. `kept`: the attempt that was stopped early and kept, which is
    the run's own; 0 for a whole run.

    `task`: the run's task, where the caller has read it already.
    """
    task = task or store.tasks.glance(run.task).task
    key = weights_key(run.system, task) if suite.raw_text else system_key(run.system, task)
    return content_key(key, "kept", run.id, kept) if kept else key


def kept_name(key: str, run_id: str, attempt: int) -> str:
    """A half-trained adapter's name: never that of the whole one."""
    return f"{key}-kept-{run_id}-{attempt}"


def checkpoint_name(key: str, step: int) -> str:
    """The artifact of a step on the way through the stage whose artifact is `key`."""
    return f"{key}-step-{step}"


def checkpoint_key(run: Run, suite: Suite | SuiteMark, place: Place, task: Task) -> str:
    """As `evaluation_key`, for a state on the way through the run's training. The end of a stage is the System that stops there."""
    part = run.system.model_copy(update={"training": run.system.training[:place.stage]})
    key = weights_key(part, task) if suite.raw_text else system_key(part, task)
    return key if place.step == place.steps else content_key(key, "step", place.step)


def places(run: Run, task: Task) -> list[Place]:
    """The states on the way to a System whose weights are there, in their order; what it became in the end is not among them."""
    found = []
    for number, stage in enumerate(run.system.training, start=1):
        about = store.artifacts.about(adapter_key(run.system, task, number))
        steps = about.get("steps") or 0
        ends = [steps] if steps and number < len(run.system.training) else []
        found += [Place(stage=number, kind=stage.kind, step=step, steps=steps) for step in [*about.get("checkpoints", ()), *ends]]
    return found


def suites_of(run: Run) -> list[Suite]:
    """The run's own test split, then its retention suites."""
    return [store.tasks.glance(run.task).test_suite(), *(store.tasks.load_suite(name) for name in run.suites)]


def outcome_of(view: Any) -> Outcome:
    """A run's outcome from its view."""
    run, task = view.run, store.tasks.glance(view.run.task).task
    found = {suite.name: store.evaluations.numbers(evaluation_key(run, suite, view.state.kept, task), suite.fingerprint) for suite in suites_of(run)}
    failure = view.state.failure
    return Outcome(system=run.system.name, task=run.task, seed=run.seed, run=run, status=view.status,
                   reason=failure.sentence() if failure else KEPT if view.state.kept else "",
                   evaluations={name: evaluation for name, evaluation in found.items() if evaluation})


def checkpoint_outcome(run: Run, status: str, place: Place, evaluations: dict[str, Measured]) -> Outcome:
    """A state on the way to a System, under a name of its own."""
    return Outcome.model_construct(system=f"{run.system.name}, {place.title}", task=run.task, seed=run.seed, run=run, status=status, reason="",
                                   evaluations=evaluations, place=place, of=run.system.name)


def outcomes(experiment_id: str) -> list[Outcome]:
    """Every run of an experiment: bare bases that nobody listed first, then the experiment's own order of Systems, tasks and seeds."""
    experiment = store.experiments.load(experiment_id)
    systems = [system.name for system in experiment.systems]

    def place(view: Any) -> tuple[int, int, int]:
        name, task = view.run.system.name, view.run.task
        return (systems.index(name) if name in systems else -1, experiment.tasks.index(task), view.run.seed)

    return [outcome_of(view) for view in sorted(watch.views(experiment_id), key=place)]
