"""Learning against forgetting in one Experiment: each System's place, and the way its training took to get there.

Knows Outcomes. A path goes from the bare base over every System whose training is a beginning of this one's (SFT before SFT → DPO), and over
the checkpoints that were scored on the same items.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lab.compare.experiment import base_of, drops
from lab.compare.forgetting import mean_retention
from lab.compare.replicates import Replicated, replicated
from lab.core import DataError, Outcome, System

COLUMNS = ("system", "before", "stages", "value", "low", "high", "n", "seeds", "kept", "kept_low", "kept_high", "suites", "metric",
           "of", "place")


def paths(outcomes: Sequence[Outcome], task: str, order: Sequence[str], metric: str = "") -> pd.DataFrame:
    """One row per scored System of a task and per checkpoint on its way, seeds taken together: task score and mean chance-corrected
    retention (1: all of what the base knew), each with its interval, and `before`, the row from which its path comes ("" for the bare base
    itself). A checkpoint has its `place` in words and the System that it is a state `of`."""
    mine = [o for o in outcomes if o.task == task and task in o.evaluations]
    first = {name: next(o for o in mine if o.system == name) for name in order if any(o.system == name for o in mine)}
    before = {name: _before(one.run.system, first) for name, one in first.items()}
    first |= {o.system: o for o in mine if o.place and o.of in first and _is_new(o, first, before)}
    lost: dict[str, list] = {}
    for name, found in drops(outcomes, task):
        lost.setdefault(name, []).append(found)
    rows = [_row(name, one, [o for o in mine if o.system == name], lost.get(name, []), metric) for name, one in first.items()]
    return pd.DataFrame(_chained([row for row in rows if row], first, before, outcomes), columns=list(COLUMNS))


def _is_new(checkpoint: Outcome, first: dict[str, Outcome], before: dict[str, str]) -> bool:
    """Whether it is a state that the System from which its path comes does not show already."""
    behind = first.get(before[checkpoint.of])
    return checkpoint.place.stage > (len(behind.run.system.training) if behind else 0)


def _chained(rows: list[dict], first: dict[str, Outcome], before: dict[str, str], outcomes: Sequence[Outcome]) -> list[dict]:
    """Each path from where it comes over its checkpoints to its System."""
    ways: dict[str, list[dict]] = {}
    for row in rows:
        ways.setdefault(row["of"] or row["system"], []).append(row)
    shown = {row["system"] for row in rows}
    for name, way in ways.items():
        own = first[name]
        base = base_of(own, outcomes)
        last = "" if own.run.system.is_bare else before[name] if before[name] in shown else base.system if base else ""
        for row in sorted(way, key=lambda row: _order(first[row["system"]])):
            row["before"], last = last, row["system"]
    return rows


def _order(one: Outcome) -> tuple[int, int]:
    """Checkpoints by stage and step, what they led to after them."""
    return (one.place.stage, one.place.step) if one.place else (len(one.run.system.training) + 1, 0)


def _row(name: str, one: Outcome, runs: list[Outcome], lost: list, metric: str) -> dict | None:
    task, own = one.task, one.evaluations[one.task]
    try:
        score = replicated([o.evaluations[task] for o in runs], metric or own.primary)
    except DataError:
        score = Replicated()
    kept, bare = mean_retention(lost), one.run.system.is_bare
    if score.value is None or (kept.value is None and not bare):
        return None
    return {"system": name, "before": "", "stages": len(one.run.system.training), "value": score.value, "low": score.low, "high": score.high,
            "n": score.n, "seeds": len(runs), "kept": 1.0 if bare else kept.value, "kept_low": None if bare else kept.low,
            "kept_high": None if bare else kept.high, "suites": kept.n, "metric": metric or own.primary, "of": one.of,
            "place": one.place.title if one.place else ""}


def _before(system: System, first: dict[str, Outcome]) -> str:
    """The System with the longest beginning of this one's training and the same prompt; empty where only the base comes before."""
    stages = [stage.model_dump() for stage in system.training]
    found = [(len(other.training), name) for name, one in first.items()
             if (other := one.run.system).training and other.base == system.base and (other.prompting, other.retrieval) == (system.prompting, system.retrieval)
             and len(other.training) < len(stages) and [stage.model_dump() for stage in other.training] == stages[:len(other.training)]]
    return max(found)[1] if found else ""
