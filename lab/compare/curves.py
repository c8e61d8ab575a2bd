"""Curves out of events: one long frame, thinned and smoothed for drawing, and the settings in which runs differ.

Knows the events' shape; knows nothing of files and charts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lab.core import Run

COLUMNS = ("stage", "step", "metric", "value", "at", "seconds", "tokens", "epoch", "attempt")
AXES = ("tokens", "epoch")  # counted up with training: they place a point and are no curves of their own
VIEWPORT = 1_000  # a curve's x range counts as this many units, so that one weight smooths short and long runs alike
STRETCH = 500  # exp of it is still a float
UNUSED = "not used"


def curve_frame(events: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per (stage, step, metric); where an attempt repeated a step after a resume, the newest attempt's value stands.

    `seconds` is time at work since the run began, pauses between attempts left out. Non-finite values are kept: they are news.
    """
    events = [event for event in events if isinstance(event.get("at"), (int, float))]
    starts = _work_before(events)
    rows = []
    for event in events:
        if event.get("kind") != "metric" or event.get("step") is None:
            continue
        at, attempt, values = event["at"], event.get("attempt", 1), event.get("values") or {}
        place = (event.get("stage", ""), event["step"])
        axes = (at, at + starts[attempt], *[_number(values.get(axis)) for axis in AXES], attempt)
        rows += [(*place, name, float(value), *axes) for name, value in values.items() if name not in AXES and _is_number(value)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame = frame.astype({name: float for name in ("value", "at", "seconds", *AXES)} | {"step": int, "attempt": int})
    return _filled(_newest(frame))


def _is_number(value: Any) -> bool:
    return type(value) in (float, int)  # JSON's own numbers, and no truth values


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else np.nan


def _work_before(events: list[dict[str, Any]]) -> dict[int, float]:
    """What to add to an attempt's clock to get seconds at work."""
    spans: dict[int, list[float]] = {}
    for event in events:
        span = spans.setdefault(event.get("attempt", 1), [event["at"], event["at"]])
        span[0], span[1] = min(span[0], event["at"]), max(span[1], event["at"])
    offsets, worked = {}, 0.0
    for attempt in sorted(spans):
        start, end = spans[attempt]
        offsets[attempt], worked = worked - start, worked + end - start
    return offsets


def _newest(frame: pd.DataFrame) -> pd.DataFrame:
    """Stages in order of appearance, steps upwards, one value each."""
    order = {stage: place for place, stage in enumerate(frame["stage"].unique())}
    frame = frame.assign(_stage=frame["stage"].map(order)).sort_values(["_stage", "metric", "step", "attempt"], kind="stable")
    return frame.drop_duplicates(["_stage", "metric", "step"], keep="last").drop(columns="_stage").reset_index(drop=True)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Give points that came without tokens or epoch (validation) those of the latest step before them; step 0 is zero."""
    for axis in AXES:
        if not frame[axis].notna().any():
            continue
        known = frame.groupby(["stage", "step"], sort=True)[axis].max().groupby(level="stage").ffill()
        known[known.isna() & (known.index.get_level_values("step") == 0)] = 0.0
        known = known.groupby(level="stage").ffill()
        frame[axis] = known.reindex(pd.MultiIndex.from_frame(frame[["stage", "step"]])).to_numpy()
    return frame


def curve(frame: pd.DataFrame, stage: str, metric: str, x: str = "step") -> tuple[np.ndarray, np.ndarray]:
    """One curve's x and y; empty arrays where it was not measured."""
    wanted = ((frame["stage"] == stage) & (frame["metric"] == metric)).to_numpy()
    return frame[x].to_numpy(float)[wanted], frame["value"].to_numpy(float)[wanted]


class Curves(NamedTuple):
    """A curve frame, and the places of every curve's rows in it: looking one up costs nothing."""

    frame: pd.DataFrame
    places: dict[tuple[str, str], np.ndarray]

    @classmethod
    def of(cls, events: Iterable[dict[str, Any]]) -> Curves:
        frame = curve_frame(events)
        return cls(frame, frame.groupby(["stage", "metric"], sort=False).indices)

    @property
    def stages(self) -> set[str]:
        return {stage for stage, _ in self.places}

    def line(self, stage: str, metric: str, x: str = "step") -> tuple[np.ndarray, np.ndarray]:
        """As `curve`."""
        rows = self.places.get((stage, metric), np.array([], int))
        return self.frame[x].to_numpy(float)[rows], self.frame["value"].to_numpy(float)[rows]


def thin(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """At most `points` points of a curve: each bucket's lowest and highest, and both ends, so that no spike is lost."""
    x, y = np.asarray(x), np.asarray(y)
    if len(y) <= points:
        return x, y
    buckets = max(1, (points - 2) // 2)
    borders = np.linspace(0, len(y), buckets + 1).astype(int)
    width = int(np.diff(borders).max())
    places = borders[:-1, None] + np.arange(width)
    inside = places < borders[1:, None]
    places = np.where(inside, places, borders[:-1, None])
    values, rows = y[places], np.arange(buckets)
    known = ~np.isnan(values)
    lows = places[rows, np.where(known, values, np.inf).argmin(1)]
    highs = places[rows, np.where(known, values, -np.inf).argmax(1)]
    kept = np.unique(np.concatenate([[0], lows, highs, [len(y) - 1]]))
    return x[kept], y[kept]


def spread(lines: Sequence[tuple[np.ndarray, np.ndarray]], points: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(x, mean, lowest, highest) of several curves where all of them run, at the first one's places (at most `points`); between its own
    points a curve is a straight line. Points that are not finite are left out of their curve. Empty where the curves never meet."""
    known = [(x[keep], y[keep]) for x, y in lines if (keep := np.isfinite(x) & np.isfinite(y)).any()]
    if not known:
        return (np.array([]),) * 4
    start, end = max(x[0] for x, _ in known), min(x[-1] for x, _ in known)
    places = known[0][0][(known[0][0] >= start) & (known[0][0] <= end)]
    if len(places) > points:
        places = places[np.unique(np.linspace(0, len(places) - 1, points).astype(int))]
    values = np.array([np.interp(places, x, y) for x, y in known])
    return places, values.mean(0), values.min(0), values.max(0)


def smooth(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray, weight: float) -> np.ndarray:
    """Exponential moving average weighted by the distance in x, without the pull towards zero at the start (de-biased).

    weight 0 is the raw line, below 1 is smoother. Points that are not finite stay as they are and are not averaged in.
    """
    out, raw_x = np.array(y, float), np.asarray(x, float)
    span = float(np.ptp(raw_x)) if len(raw_x) else 0.0
    known = np.isfinite(out)
    if weight <= 0 or span == 0 or not known.any():
        return out
    faded = (raw_x[known] - raw_x[0]) / span * VIEWPORT * -math.log(min(weight, 0.9999))
    out[known] = _faded_mean(faded, out[known])
    return out


def _faded_mean(age: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean of all values up to each one, where a value weighs exp(its age - now). `age` rises; sums are carried from stretch to stretch, short
    enough for floats."""
    out, total, mass, before = np.empty(len(y)), 0.0, 0.0, age[0]
    stretches = np.floor((age - age[0]) / STRETCH)
    borders = [0, *(np.flatnonzero(np.diff(stretches)) + 1).tolist(), len(y)]
    for start, end in zip(borders, borders[1:]):
        carried, weights = math.exp(before - age[start]), np.exp(age[start:end] - age[start])
        totals = total * carried + np.cumsum(weights * y[start:end])
        masses = mass * carried + np.cumsum(weights)
        out[start:end] = totals / masses
        total, mass, before = totals[-1] / weights[-1], masses[-1] / weights[-1], age[end - 1]
    return out


def differing_settings(runs: Sequence[Run]) -> pd.DataFrame:
    """Settings as rows, runs as columns (by id), only the settings in which the runs differ; texts, for reading."""
    flat = {run.id: _flat({"task": run.task, "seed": run.seed, "suites": list(run.suites),
                           "system": run.system.model_dump(mode="json")}) for run in runs}
    names = dict.fromkeys(name for settings in flat.values() for name in settings)
    rows = {name: [settings.get(name, UNUSED) for settings in flat.values()] for name in names}
    differing = {name: row for name, row in rows.items() if len(set(row)) > 1}
    return pd.DataFrame(differing.values(), index=pd.Index(differing, name="setting", dtype=object), columns=list(flat))


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Nested settings as dotted names. Training stages go by place and kind, so that SFT is never compared with DPO."""
    if isinstance(value, dict):
        parts = [(key, part) for key, part in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        parts = [(f"{place + 1}:{part.get('kind', '')}", part) for place, part in enumerate(value)]
    else:
        return {} if value is None or value == [] else {name: str(value)}
    found: dict[str, str] = {}
    for key, part in parts:
        found |= _flat(part, f"{name}.{key}".removeprefix(".").removeprefix("system."))
    return found
