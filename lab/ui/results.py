"""From an experiment's outcomes to what the screens draw: the board, what was forgotten, what answering cost. Knows no widget."""

from __future__ import annotations

from typing import Any, Iterable

import pandas as pd

from lab import compare
from lab.core import Evaluation, Experiment
from lab.jobs.outcomes import Outcome

FORGETTING = ("system", "suite", "metric", "base", "value", "drop", "low", "high", "n")


def order(experiment: Experiment, outcomes: Iterable[Outcome]) -> list[str]:
    """System names as they shall stand everywhere: bare bases that nobody listed first, then the experiment's own order."""
    named = [system.name for system in experiment.systems]
    extra = dict.fromkeys(outcome.system for outcome in outcomes if outcome.system not in named)
    return [*extra, *named]


def board(experiment: Experiment, outcomes: list[Outcome], needs: dict[str, str], metric: str | None = None) -> pd.DataFrame:
    """The long scoreboard over tasks; `needs` maps a task's id to the name it is shown under."""
    cells = [compare.Cell(system=outcome.system, need=needs.get(outcome.task, outcome.task), run=outcome.run.id, state=outcome.status,
                          evaluation=outcome.evaluations.get(outcome.task), reason=outcome.reason)
             for name in order(experiment, outcomes) for outcome in outcomes if outcome.system == name]
    frame = compare.scoreboard(cells, metric)
    return frame.assign(seed=[outcome.seed for name in order(experiment, outcomes) for outcome in outcomes if outcome.system == name])


def base_of(outcome: Outcome, outcomes: list[Outcome]) -> Outcome | None:
    """The bare base that this outcome is measured against: same model and template, task and seed."""
    def fits(other: Outcome) -> bool:
        ours, theirs = outcome.run.system, other.run.system
        return (theirs.is_bare and theirs.base.fingerprint == ours.base.fingerprint and theirs.template == ours.template
                and other.task == outcome.task)
    found = [other for other in outcomes if fits(other)]
    return next((other for other in found if other.seed == outcome.seed), found[0] if found else None)


def forgetting(experiment: Experiment, outcomes: list[Outcome], titles: dict[str, str], task: str | None = None) -> pd.DataFrame:
    """Suites x Systems, before and after, pooled over tasks and seeds (or for one task); the bare bases themselves left out."""
    drops = []
    for suite in experiment.suites:
        for name in order(experiment, outcomes):
            pairs = _pairs(name, suite, outcomes, task)
            if pairs:
                drops.append((name, compare.pooled_drop(pairs).model_copy(update={"suite": titles.get(suite, suite)})))
    return compare.forgetting_frame(drops)


def _pairs(name: str, suite: str, outcomes: list[Outcome], task: str | None) -> list[tuple[Evaluation, Evaluation]]:
    found = []
    for outcome in outcomes:
        if outcome.system != name or outcome.run.system.is_bare or (task and outcome.task != task):
            continue
        base = base_of(outcome, outcomes)
        if base and suite in base.evaluations and suite in outcome.evaluations:
            found.append((base.evaluations[suite], outcome.evaluations[suite]))
    return found


def of_task(outcomes: list[Outcome], task: str, seed: int) -> dict[str, Evaluation]:
    """System name -> its Evaluation of the task's own test split."""
    return {outcome.system: outcome.evaluations[task] for outcome in outcomes
            if outcome.task == task and outcome.seed == seed and task in outcome.evaluations}


def differences(evaluations: dict[str, Evaluation], reference: str) -> dict[str, Any]:
    """Every other System against the reference, one family (Holm). Systems measured unlike it are left out."""
    if reference not in evaluations:
        return {}
    found = {name: compare.difference(evaluations[reference], evaluation, names=(reference, name))
             for name, evaluation in evaluations.items()
             if name != reference and evaluation.suite_fingerprint == evaluations[reference].suite_fingerprint}
    return compare.family(found, reference)


def from_recorded(rows: list[dict[str, Any]], names: dict[str, str], primary: dict[str, str]) -> pd.DataFrame:
    """Recorded scores in the board's shape: the tasks' own suites by their primary metric."""
    kept = [{**row, "need": names[row["suite"]], "state": "finished"} for row in rows
            if row["suite"] in names and row["metric"] in (primary.get(row["suite"]), None)]
    return pd.DataFrame(kept, columns=["system", "need", "metric", "value", "low", "high", "n", "state"])


def recorded_forgetting(rows: list[dict[str, Any]], titles: dict[str, str], metrics: dict[str, str]) -> pd.DataFrame:
    """Recorded forgetting in the heat map's shape; Systems that are the base itself left out."""
    kept = [{"metric": metrics.get(row["suite"], ""), **row, "suite": titles.get(row["suite"], row["suite"])} for row in rows
            if row["system"] != "base"]
    return pd.DataFrame(kept, columns=list(FORGETTING))
