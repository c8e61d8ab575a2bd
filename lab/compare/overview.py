"""Everything about every System in one table: scores with intervals, distance from the base, what answers and training cost.

Knows Outcomes and what making a System's parts took (Making); reads nothing. Columns that nobody measured are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
import pandas as pd

from lab.compare.answers import known_of, usage
from lab.compare.replicates import Replicated, replicated
from lab.core import DataError, Measured, Outcome, Value

JOULES_PER_WATT_HOUR = 3_600.0
CPU_WATTS = 15.0  # of one busy core with its share of the machine: servers and laptops lie between 5 and 25
SCORE = ("value", "low", "high", "n")
COSTS = ("kl_task", "kl_text", "seconds_p50", "seconds_p95", "prompt_tokens", "answer_tokens", "training_seconds", "energy_wh", "adapter_bytes")


class Making(Value):
    """What making the trained parts of one run took. None: not measured. `joules` is what the device's own meter counted."""

    seconds: float | None = None
    cpu_seconds: float | None = None
    joules: float | None = None
    size: int | None = None

    def watt_hours(self, watts: float = CPU_WATTS) -> tuple[float | None, bool]:
        """(energy of training, whether it is an estimate): the meter's where there is one, else CPU seconds x `watts`."""
        if self.joules is not None:
            return self.joules / JOULES_PER_WATT_HOUR, False
        return (None if self.cpu_seconds is None else self.cpu_seconds * watts / JOULES_PER_WATT_HOUR), True


def overview(outcomes: Sequence[Outcome], task: str, suites: Sequence[str], order: Sequence[str], metric: str = "",
             making: Mapping[str, Making] | None = None, watts: float = CPU_WATTS) -> pd.DataFrame:
    """One row per System in `order`, its seeds taken together. For the task (column group "task") and each suite: value, low, high, n;
    then COSTS, as means over seeds. `making`: run id -> Making. NaN and None where nothing was measured."""
    rows = []
    for name in order:
        mine = [o for o in outcomes if o.system == name and o.task == task]
        if mine:
            rows.append({"system": name, "state": _state(mine), "seeds": sum(task in o.evaluations for o in mine)}
                        | _scores(mine, task, metric, "task") | _of_suites(mine, suites) | _costs(mine, task, making or {}, watts))
    frame = pd.DataFrame(rows)
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def _state(mine: Sequence[Outcome]) -> str:
    return next((o.status for o in mine if o.status != "finished"), "finished")


def _of_suites(mine: Sequence[Outcome], suites: Sequence[str]) -> dict[str, float]:
    return {name: value for suite in suites for name, value in _scores(mine, suite, "", suite).items()}


def _scores(mine: Sequence[Outcome], suite: str, metric: str, group: str) -> dict[str, float]:
    found = _replicated([o.evaluations[suite] for o in mine if suite in o.evaluations], metric)
    return {f"{group} {name}": np.nan if (value := getattr(found, name)) is None else float(value) for name in SCORE}


def _replicated(evaluations: list[Measured], metric: str) -> Replicated:
    try:
        return replicated(evaluations, metric)
    except DataError:  # the board says what differs between the seeds; here there is no number
        return Replicated()


def _costs(mine: Sequence[Outcome], task: str, making: Mapping[str, Making], watts: float) -> dict[str, float | bool]:
    own = [o.evaluations[task] for o in mine if task in o.evaluations]
    used = [usage(evaluation) for evaluation in own]
    made = [making[o.run.id] for o in mine if o.run.id in making]
    energy = [one.watt_hours(watts) for one in made]
    row = {"kl_task": _mean(map(kl, own)), "kl_text": _mean(kl(o.evaluations["text_loss"]) for o in mine if "text_loss" in o.evaluations)}
    row |= {name: _mean(getattr(one, name) for one in used) for name in ("seconds_p50", "seconds_p95", "prompt_tokens", "answer_tokens")}
    return row | {"training_seconds": _mean(one.seconds for one in made), "energy_wh": _mean(value for value, _ in energy),
                  "energy_estimated": any(estimated for value, estimated in energy if value is not None),
                  "adapter_bytes": _mean(one.size for one in made)}


def kl(evaluation: Measured) -> float | None:
    """Mean KL(base || tuned) in nats per token over the items on which it was measured."""
    known = known_of(evaluation, "kl")
    return float(known.mean()) if len(known) else None


def _mean(values) -> float:
    known = [value for value in values if value is not None]
    return fmean(known) if known else np.nan
