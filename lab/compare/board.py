"""The scoreboard: Systems x needs, as a long frame, as a matrix, and as rows for programs.

Knows cells (what a run has to show for one System and one need); knows nothing of runs on disk or of colours. What is not measured
stays in its place: NaN in frames, None in rows, words in texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lab.compare.forgetting import Drop
from lab.compare.replicates import replicated
from lab.compare.scores import higher_is_better, score
from lab.compare.stats import Interval
from lab.core import DataError, Measured, Value

COLUMNS = ("system", "need", "metric", "value", "low", "high", "n", "state", "reason", "run")
NOT_MEASURED = "not measured"


class Cell(Value):
    """One System on one need (a task, or a retention suite). `evaluation` is None until there is one; `reason` says why."""

    system: str
    need: str
    run: str = ""
    state: str = ""
    evaluation: Measured | None = None
    reason: str = ""


def scoreboard(cells: Iterable[Cell], metric: str | None = None) -> pd.DataFrame:
    """One row per cell, failed and waiting ones too. `metric` None: each suite's primary one."""
    frame = pd.DataFrame([_row(cell, metric) for cell in cells], columns=list(COLUMNS))
    return frame.astype({"value": float, "low": float, "high": float, "n": int})


def _row(cell: Cell, metric: str | None) -> dict[str, Any]:
    row = {"system": cell.system, "need": cell.need, "metric": metric or "", "state": cell.state, "reason": cell.reason,
           "run": cell.run}
    if cell.evaluation is None:
        return row | Interval().model_dump()
    name = metric or cell.evaluation.primary
    scored = name in {scorer.kind for scorer in cell.evaluation.scorers}
    found = score(cell.evaluation, name) if scored else Interval()
    reason = cell.reason or ("" if found.n else f"no item was scored by {name}")
    return row | found.model_dump() | {"metric": name, "reason": reason}


def over_seeds(cells: Iterable[Cell], metrics: dict[str, str] | None = None) -> pd.DataFrame:
    """One row per System and need with its seeds taken together: `scoreboard`'s columns, `seeds` (how many were scored) and `dots` (the score
    of each). `metrics`: need -> the metric that decides there."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.system, cell.need), []).append(cell)
    rows = [_together(group, (metrics or {}).get(need)) for (_, need), group in groups.items()]
    frame = pd.DataFrame(rows, columns=[*COLUMNS, "seeds", "dots"])
    return frame.astype({"value": float, "low": float, "high": float, "n": int, "seeds": int})


def _together(group: list[Cell], metric: str | None) -> dict[str, Any]:
    scored = [cell for cell in group if cell.evaluation is not None]
    first = (scored or group)[0]
    one = _row(first if scored else group[-1], metric)
    one["state"] = next((cell.state for cell in group if cell.state != "finished"), "finished")
    missing = [cell.reason or cell.state for cell in group if cell.evaluation is None]
    if scored and missing:
        one["reason"] = f"{len(missing)} of {len(group)} seeds without a score: {missing[0]}"
    if not scored or not one["n"]:
        return one | {"seeds": 0, "dots": ()}
    try:
        found = replicated([cell.evaluation for cell in scored], one["metric"])
    except DataError as error:
        return one | Interval().model_dump() | {"seeds": len(scored), "dots": (), "reason": error.failure.what}
    return one | found.model_dump(exclude={"each"}) | {"seeds": len(scored), "dots": found.each}


def wide(frame: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """System x need in order of first appearance, the mean over seeds; NaN where nothing was measured."""
    table = frame.pivot_table(index="system", columns="need", values=column, aggfunc="mean", dropna=False, sort=False, observed=False)
    return table.reindex(index=frame["system"].unique(), columns=frame["need"].unique()).rename_axis(None, axis=1)


def wide_text(frame: pd.DataFrame) -> pd.DataFrame:
    """System x need as people read it: '67 % (58 to 75)', the range over seeds where there are several, or why there is none."""
    cells = {key: _text(rows) for key, rows in frame.groupby(["system", "need"], sort=False)}
    systems, needs = frame["system"].unique(), frame["need"].unique()
    return pd.DataFrame([[cells.get((system, need), NOT_MEASURED) for need in needs] for system in systems],
                        index=pd.Index(systems, name="system"), columns=list(needs))


def _text(rows: pd.DataFrame) -> str:
    found = rows[rows["value"].notna()]
    if found.empty:
        state = rows["state"].iloc[-1]
        return state if state and state != "finished" else NOT_MEASURED
    losses = not higher_is_better(found["metric"].iloc[0])
    scale, digits, unit = (1, 3, "") if losses else (100, 0, " %")
    seeds = len(found) > 1
    low, high = (found["value"].min(), found["value"].max()) if seeds else (found["low"].iloc[0], found["high"].iloc[0])
    how_many = f", {len(found)} seeds" if seeds else ""
    span = f" ({low * scale:.{digits}f} to {high * scale:.{digits}f}{how_many})" if pd.notna(low) else ""
    return f"{found['value'].mean() * scale:.{digits}f}{unit}{span}"


def scores_json(cells: Iterable[Cell]) -> list[dict[str, Any]]:
    """One row per cell and metric, the primary metric first; a cell without an Evaluation is a row whose value is None."""
    rows = []
    for cell in cells:
        kinds: Sequence[str | None] = [scorer.kind for scorer in cell.evaluation.scorers] if cell.evaluation else [None]
        for kind in dict.fromkeys(kinds):
            found = score(cell.evaluation, kind) if cell.evaluation else Interval()
            suite = cell.evaluation.suite if cell.evaluation else cell.need
            rows.append({"system": cell.system, "suite": suite, "metric": kind, **found.model_dump()})
    return rows


def forgetting_json(drops: Iterable[tuple[str, Drop]]) -> list[dict[str, Any]]:
    """One row per (System's name, Drop). `base` and `value` are the scores before and after."""
    return [{"system": system, **found.model_dump(include={"suite", "base", "value", "drop", "low", "high", "n"})}
            for system, found in drops]


def forgetting_frame(drops: Iterable[tuple[str, Drop]]) -> pd.DataFrame:
    """The same as a long frame, with metric, retention and chance: what a heat map and its table draw."""
    columns = ["system", *Drop.model_fields]
    frame = pd.DataFrame([{"system": system, **found.model_dump()} for system, found in drops], columns=columns)
    numbers = ["base", "value", "drop", "low", "high", "retention", "chance"]
    return frame.astype({name: np.float64 for name in numbers} | {"n": int, "dropped": int})
