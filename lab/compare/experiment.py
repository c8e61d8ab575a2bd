"""A whole Experiment's board from its Outcomes: cells, paired differences to the base, and what each System forgot.

Knows Outcomes; reads nothing. The base is the bare System with the same base model and template, found by content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lab.compare.board import Cell, forgetting_json, scores_json
from lab.compare.forgetting import Drop, pooled_drop
from lab.compare.replicates import replicated_difference
from lab.compare.scores import Difference, family, refused
from lab.core import DataError, Measured, Outcome


def cells(outcomes: Iterable[Outcome]) -> list[Cell]:
    """One cell per run: its System on its task."""
    return [Cell(system=o.system, need=o.task, run=o.run.id, state=o.status, reason=o.reason, evaluation=o.evaluations.get(o.task))
            for o in outcomes]


def base_of(outcome: Outcome, outcomes: Sequence[Outcome]) -> Outcome | None:
    """The bare base's outcome on the same task (the first seed's: an untrained, greedy model has no randomness)."""
    wanted = (*_weights_of(outcome), outcome.task)
    return next((o for o in outcomes if o.run.system.is_bare and (*_weights_of(o), o.task) == wanted), None)


def _weights_of(outcome: Outcome) -> tuple[str, str, str]:
    system = outcome.run.system
    return system.base.fingerprint, system.template, system.quantisation


def _pairs(outcomes: Sequence[Outcome], system: str, suite: str, task: str | None) -> list[tuple[Measured, Measured]]:
    found = []
    for outcome in outcomes:
        base = base_of(outcome, outcomes)
        if outcome.system == system and base and task in (None, outcome.task):
            before, after = base.evaluations.get(suite), outcome.evaluations.get(suite)
            if before and after and before.role == "retention":
                found.append((before, after))
    return found


def drops(outcomes: Sequence[Outcome], task: str | None = None) -> list[tuple[str, Drop]]:
    """(System, Drop) for every System and retention suite that was scored; `task` None pools the tasks' Systems of one name."""
    systems = list(dict.fromkeys(o.system for o in outcomes))
    suites = list(dict.fromkeys(suite for o in outcomes for suite in o.run.suites))
    return [(system, pooled_drop(pairs)) for system in systems for suite in suites
            if (pairs := _pairs(outcomes, system, suite, task))]


def differences(outcomes: Sequence[Outcome], reference: str, task: str, seed: int | None = 0, metric: str | None = None) -> dict[str, Difference]:
    """Every System against the reference on one task, Holm-adjusted as one family. `seed` None takes all seeds that both were scored
    with. Systems without a score are left out; one that was not measured alike is refused, with what differs."""
    scored = _by_seed(outcomes, task, seed)
    if not scored.get(reference):
        return {}
    found = {name: _one_difference(scored[reference], runs, metric, (reference, name)) for name, runs in scored.items() if name != reference and runs}
    return family(found, reference)


def _by_seed(outcomes: Sequence[Outcome], task: str, seed: int | None) -> dict[str, dict[int, Outcome]]:
    """System -> seed -> its outcome, where the task was scored."""
    found: dict[str, dict[int, Outcome]] = {}
    for o in outcomes:
        if o.task == task and task in o.evaluations and seed in (None, o.seed):
            found.setdefault(o.system, {})[o.seed] = o
    return found


def _one_difference(before: dict[int, Outcome], after: dict[int, Outcome], metric: str | None, names: tuple[str, str]) -> Difference:
    shared = [seed for seed in before if seed in after]
    if not shared:
        return Difference(metric=metric or "", sentence="Not measured: the two share no seed.")
    left, right = ([side[seed] for seed in shared] for side in (before, after))
    if words := unlike_templates(left[0], right[0]):
        return refused(metric or "", words)
    task = left[0].task
    try:
        return replicated_difference([o.evaluations[task] for o in left], [o.evaluations[task] for o in right], metric or "", names)
    except DataError as error:
        return refused(metric or "", error.failure.what)


def unlike_templates(one: Outcome, other: Outcome) -> str:
    """What differs where one base was asked under two chat templates; empty where nothing does. Another base has its own."""
    mine, yours = one.run.system, other.run.system
    if mine.base.fingerprint != yours.base.fingerprint or mine.template == yours.template:
        return ""
    said = ["the base's own" if not system.template else f"one of {len(system.template)} characters" for system in (mine, yours)]
    return f"the same base was asked under two chat templates ({said[0]} against {said[1]}). Give both Systems the same one."


def result_json(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """One object for programs: every task's scores, what each System forgot over all tasks, and the seconds it took."""
    return {"scores": scores_json(cells(outcomes)), "forgetting": forgetting_json(drops(outcomes)), "seconds": round(seconds, 1)}
