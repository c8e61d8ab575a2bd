"""A whole Experiment's board from its Outcomes: cells, paired differences to the base, and what each System forgot.

Knows Outcomes; reads nothing. The base is the bare System with the same base model and template, found by content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lab.compare.board import Cell, forgetting_json, scores_json
from lab.compare.forgetting import Drop, pooled_drop
from lab.compare.scores import Difference, difference, family
from lab.core import Evaluation, Outcome


def cells(outcomes: Iterable[Outcome]) -> list[Cell]:
    """One cell per run: its System on its task."""
    return [Cell(system=o.system, need=o.task, run=o.run.id, state=o.status, reason=o.reason, evaluation=o.evaluations.get(o.task))
            for o in outcomes]


def base_of(outcome: Outcome, outcomes: Sequence[Outcome]) -> Outcome | None:
    """The bare base's outcome on the same task (the first seed's: an untrained, greedy model has no randomness)."""
    wanted = (outcome.run.system.base.fingerprint, outcome.run.system.template, outcome.task)
    return next((o for o in outcomes if o.run.system.is_bare and
                 (o.run.system.base.fingerprint, o.run.system.template, o.task) == wanted), None)


def _pairs(outcomes: Sequence[Outcome], system: str, suite: str, task: str | None) -> list[tuple[Evaluation, Evaluation]]:
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


def differences(outcomes: Sequence[Outcome], reference: str, task: str, seed: int = 0, metric: str | None = None) -> dict[str, Difference]:
    """Every System against the reference on one task, Holm-adjusted as one family; Systems without a score are left out."""
    scored = {o.system: o.evaluations[task] for o in outcomes if o.task == task and o.seed == seed and task in o.evaluations}
    if reference not in scored:
        return {}
    found = {name: difference(scored[reference], evaluation, metric, names=(reference, name))
             for name, evaluation in scored.items() if name != reference}
    return family(found, reference)


def result_json(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """One object for programs: every task's scores, what each System forgot over all tasks, and the seconds it took."""
    return {"scores": scores_json(cells(outcomes)), "forgetting": forgetting_json(drops(outcomes)), "seconds": round(seconds, 1)}
