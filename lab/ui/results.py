"""What the screens draw of an experiment, in the order and under the names people know. Knows no widget; the numbers are compare's."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lab import compare
from lab.core import Experiment, Measured, Outcome
from lab.ui import text

FORGETTING = ("system", "suite", "metric", "base", "value", "drop", "low", "high", "n")


def order(experiment: Experiment, outcomes: list[Outcome]) -> list[str]:
    """System names as they stand everywhere: bare bases that nobody listed first, then the experiment's own order."""
    named = [system.name for system in experiment.systems]
    return [*dict.fromkeys(outcome.system for outcome in outcomes if outcome.system not in named), *named]


def board(experiment: Experiment, outcomes: list[Outcome], tasks: dict[str, str], seed: int | None = None) -> pd.DataFrame:
    """The long scoreboard by the metrics that decide, of one seed or of all taken together; `tasks` maps a task's id to the name it is
    shown under."""
    place = {name: number for number, name in enumerate(order(experiment, outcomes))}
    task = {name: number for number, name in enumerate(experiment.tasks)}
    rows = sorted((outcome for outcome in outcomes if seed in (None, outcome.seed)),
                  key=lambda outcome: (place[outcome.system], task.get(outcome.task, 0), outcome.seed))
    frame = compare.over_seeds(compare.cells(rows), experiment.primary)
    return frame.assign(need=frame["need"].map(lambda name: tasks.get(name, name)))


def metrics(outcomes: list[Outcome], tasks: dict[str, str]) -> pd.DataFrame:
    """Every metric that was measured on the tasks, one row per run and metric."""
    rows = [{"system": outcome.system, "task": tasks.get(outcome.task, outcome.task), "seed": outcome.seed, "metric": text.metric(row["metric"]),
             **{name: row[name] for name in ("value", "low", "high", "n")}}
            for outcome in outcomes for row in compare.scores_json(compare.cells([outcome])) if row["metric"]]
    return pd.DataFrame(rows, columns=["system", "task", "seed", "metric", "value", "low", "high", "n"])


def forgetting(experiment: Experiment, outcomes: list[Outcome], titles: dict[str, str], task: str | None = None) -> pd.DataFrame:
    """Suites x Systems, before and after, pooled over tasks and seeds or for one task; the bare bases left out."""
    bare = {outcome.system for outcome in outcomes if outcome.run.system.is_bare}
    place = {name: number for number, name in enumerate(order(experiment, outcomes))}
    drops = [(name, drop) for name, drop in compare.drops(outcomes, task) if name not in bare]
    frame = compare.forgetting_frame(sorted(drops, key=lambda pair: place[pair[0]]))
    return frame.assign(suite=frame["suite"].map(lambda name: titles.get(name, name)))


def of_task(outcomes: list[Outcome], task: str, seed: int, names: list[str], suite: str = "") -> dict[str, Measured]:
    """System name -> its Evaluation of the task's own test split (or of a suite), in the order of `names`."""
    found = {outcome.system: outcome.evaluations[suite or task] for outcome in outcomes
             if outcome.task == task and outcome.seed == seed and (suite or task) in outcome.evaluations}
    return {name: found[name] for name in names if name in found}


def making(manifests: list[dict[str, Any]]) -> compare.Making:
    """What training took, from the manifests of a System's stages in order; the size is that of what the last one left."""
    if not manifests:
        return compare.Making()
    sums = {name: sum(known) if (known := [one[name] for one in manifests if one.get(name) is not None]) and len(known) == len(manifests) else None
            for name in ("seconds", "cpu_seconds", "joules")}
    return compare.Making(size=sum(file["bytes"] for file in manifests[-1].get("files", {}).values()), **sums)


def from_recorded(rows: list[dict[str, Any]], tasks: dict[str, str], primary: dict[str, str]) -> pd.DataFrame:
    """Recorded scores in the board's shape: the tasks' own suites by their primary metric."""
    kept = [{**row, "need": tasks[row["suite"]], "state": "finished"} for row in rows
            if row["suite"] in tasks and row["metric"] in (primary.get(row["suite"]), None)]
    frame = pd.DataFrame(kept, columns=["system", "need", "metric", "value", "low", "high", "n", "state"])
    return frame.astype({"value": float, "low": float, "high": float})


def recorded_forgetting(rows: list[dict[str, Any]], titles: dict[str, str], metrics: dict[str, str]) -> pd.DataFrame:
    """Recorded forgetting in the heat map's shape; the base against itself left out."""
    kept = [{"metric": metrics.get(row["suite"], ""), **row, "suite": titles.get(row["suite"], row["suite"])} for row in rows
            if row["system"] != "base"]
    frame = pd.DataFrame(kept, columns=list(FORGETTING))
    return frame.astype({name: float for name in ("base", "value", "drop", "low", "high")})
