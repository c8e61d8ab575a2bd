"""Curves of runs as the lines of a chart: smoothed, thinned, laid together. Each is worked out once for the same events.

Knows runs and numbers; knows nothing of widgets.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from lab import compare
from lab.core import Run
from lab.ui import curve_reads
from lab.ui.charts import DASHES, SYMBOLS, Line, Style

POINTS = 400  # of one curve
ALL_DASHES = (*DASHES, "longdash", "longdashdot")
MOST = 4_000  # points of all curves of a panel: twenty curves have 200 each, still two per ten pixels


class Wish(NamedTuple):
    """Which curve, along which axis, and how smooth."""

    stage: str
    metric: str
    axis: str = "step"
    weight: float = 0.0


def one(run: Run, wish: Wish, name: str, style: Style, points: int = POINTS) -> Line | None:
    """A run's curve under a name; None where it has none."""
    if not (trainer := curve_reads.trainer(run, wish.stage)):
        return None
    x, y, raw = _thinned(curve_reads.mark(trainer), wish, points)
    return Line(name, style, x, y, raw) if len(x) else None


@lru_cache(maxsize=4_096)
def _thinned(at: curve_reads.Mark, wish: Wish, points: int) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
    """(x, y, raw x and y where y is smoothed): float32, at most `points` points. What is smoothed is the whole curve, not what is left of it."""
    x, y = curve_reads.curves_at(at).line(wish.stage, wish.metric, wish.axis)
    raw = _small(*compare.thin(x, y, points))
    if wish.weight <= 0 or not len(x):
        return *raw, None
    return *_small(*compare.thin(x, compare.smooth(x, y, wish.weight), points // 2)), raw


def _small(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(column, np.float32) for column in columns)


def each(runs: Mapping[str, Run], wish: Wish, styles: Mapping[str, Style]) -> list[Line]:
    """One line per run (label -> run), raw and smoothed."""
    points = min(POINTS, max(100, MOST // max(1, len(runs))))
    found = [one(run, wish, label, styles[label], points) for label, run in runs.items()]
    return [line for line in found if line]


def together(runs: Mapping[str, Run], names: Mapping[str, str], wish: Wish, styles: Mapping[str, Style]) -> list[Line]:
    """One line per System (`names`: label -> System's name): the mean over its runs, with the band of all of them."""
    found = []
    for name in dict.fromkeys(names[label] for label in runs):
        trainers = [curve_reads.trainer(run, wish.stage) for label, run in runs.items() if names[label] == name]
        x, mean, low, high, smooth = _spread(tuple(curve_reads.mark(trainer) for trainer in trainers if trainer), wish)
        if len(x):
            found.append(Line(name, styles[name], x, smooth, (x, mean) if wish.weight > 0 else None, (x, low, high)))
    return found


@lru_cache(maxsize=256)
def _spread(marks: tuple[curve_reads.Mark, ...], wish: Wish) -> tuple[np.ndarray, ...]:
    x, mean, low, high = compare.spread([curve_reads.curves_at(at).line(wish.stage, wish.metric, wish.axis) for at in marks], POINTS)
    return _small(x, mean, low, high, compare.smooth(x, mean, wish.weight))


def apart(styles: Mapping[str, Style]) -> dict[str, Style]:
    """The same System on several tasks or seeds keeps its colour; dash and symbol tell its runs apart. As many runs of one colour as there are
    dashes have each their own."""
    taken: dict[str, list[str]] = {}
    found = {}
    for label, style in styles.items():
        mine = taken.setdefault(style.colour, [])
        start = ALL_DASHES.index(style.dash)
        around = [*ALL_DASHES[start:], *ALL_DASHES[:start]]
        dash = min(around, key=mine.count)
        mine.append(dash)
        found[label] = style._replace(dash=dash, symbol=SYMBOLS[(SYMBOLS.index(style.symbol) + around.index(dash)) % len(SYMBOLS)])
    return found


def table(panels: Mapping[str, list[Line]]) -> pd.DataFrame:
    """What a chart draws, as numbers: curve, series, x, value, and smooth, low and high where there are any."""
    parts = []
    for curve, lines in panels.items():
        for line in lines:
            x, value = line.raw or (line.x, line.y)
            part = pd.DataFrame({"curve": curve, "series": line.name, "x": x, "value": value})
            if line.raw:
                part["smooth"] = np.interp(x, line.x, line.y)
            if line.band:
                part["low"], part["high"] = line.band[1:]
            parts.append(part)
    return pd.concat(parts, ignore_index=True)
