"""Learning against forgetting in one Experiment: each System's place, and the way its training took to get there.

Knows Outcomes. A path goes from the bare base over every System whose training is a beginning of this one's (SFT before SFT → DPO): these
are the trained states that were scored on the same items. Checkpoints within a stage are kept for resuming and are not scored.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lab.compare.experiment import base_of, drops
from lab.compare.forgetting import mean_retention
from lab.compare.replicates import Replicated, replicated
from lab.core import DataError, Outcome, System

COLUMNS = ("system", "before", "stages", "value", "low", "high", "n", "seeds", "kept", "kept_low", "kept_high", "suites", "metric")


def paths(outcomes: Sequence[Outcome], task: str, order: Sequence[str], metric: str = "") -> pd.DataFrame:
    """One row per scored System of a task, seeds taken together: task score and mean chance-corrected retention (1: all of what the base
    knew), each with its interval, and `before`, the System from which its path comes ("" for the bare base itself)."""
    mine = [o for o in outcomes if o.task == task and task in o.evaluations]
    first = {name: next(o for o in mine if o.system == name) for name in order if any(o.system == name for o in mine)}
    lost: dict[str, list] = {}
    for name, found in drops(outcomes, task):
        lost.setdefault(name, []).append(found)
    rows = [_row(name, one, [o for o in mine if o.system == name], first, lost.get(name, []), metric, outcomes) for name, one in first.items()]
    return pd.DataFrame([row for row in rows if row], columns=list(COLUMNS))


def _row(name: str, one: Outcome, runs: list[Outcome], first: dict[str, Outcome], lost: list, metric: str, outcomes: Sequence[Outcome]) -> dict | None:
    task, own = one.task, one.evaluations[one.task]
    try:
        score = replicated([o.evaluations[task] for o in runs], metric or own.primary)
    except DataError:
        score = Replicated()
    kept, bare = mean_retention(lost), one.run.system.is_bare
    if score.value is None or (kept.value is None and not bare):
        return None
    base = base_of(one, outcomes)
    return {"system": name, "before": "" if bare else _before(one.run.system, first) or (base.system if base else ""),
            "stages": len(one.run.system.training), "value": score.value, "low": score.low, "high": score.high, "n": score.n, "seeds": len(runs),
            "kept": 1.0 if bare else kept.value, "kept_low": None if bare else kept.low, "kept_high": None if bare else kept.high, "suites": kept.n,
            "metric": metric or own.primary}


def _before(system: System, first: dict[str, Outcome]) -> str:
    """The System with the longest beginning of this one's training and the same prompt; empty where only the base comes before."""
    stages = [stage.model_dump() for stage in system.training]
    found = [(len(other.training), name) for name, one in first.items()
             if (other := one.run.system).training and other.base == system.base and (other.prompting, other.retrieval) == (system.prompting, system.retrieval)
             and len(other.training) < len(stages) and [stage.model_dump() for stage in other.training] == stages[:len(other.training)]]
    return max(found)[1] if found else ""
