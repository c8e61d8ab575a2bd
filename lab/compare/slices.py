"""Parts of a suite: its items by a column of the data, and each System's score there.

Knows Suites and Evaluations. A slice of few items has a wide interval, and says so by its n.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lab.compare.scores import interval, picked, values_of
from lab.core import Item, Measured, Suite

ANSWER = "right answer"
MOST_VALUES = 30  # of a column: with more it is an identity and no slice
COLUMNS = ("slice", "system", "value", "low", "high", "n")


def slice_columns(suite: Suite) -> dict[str, list[str]]:
    """Column -> its values in order of appearance: the data's own columns, and the right answer where it is a label."""
    names = dict.fromkeys(name for item in suite.items for name in item.slices)
    found = {name: list(dict.fromkeys(reader(name)(item) for item in suite.items)) for name in (*names, ANSWER)}
    return {name: values for name, values in found.items() if 1 < len(values) <= min(MOST_VALUES, max(2, len(suite.items) // 2))}


def reader(column: str) -> Callable[[Item], str]:
    """How an item's value in a column is read; an item without it has the value ""."""
    return (lambda item: item.answer) if column == ANSWER else (lambda item: item.slices.get(column, ""))


def items_in(suite: Suite, column: str, value: str) -> set[str]:
    """Ids of the items whose column has that value."""
    read = reader(column)
    return {item.id for item in suite.items if read(item) == value}


def slice_scores(evaluations: dict[str, Measured], suite: Suite, column: str, metric: str | None = None) -> pd.DataFrame:
    """One row per slice and System: mean with its 95 % interval and n; NaN where nothing was measured."""
    read = reader(column)
    place = {item.id: read(item) for item in suite.items}
    columns = {name: values_of(evaluation, metric) for name, evaluation in evaluations.items()}
    rows = []
    for value in slice_columns(suite).get(column, []):
        for name, one in columns.items():
            keep = one.known & np.array([place.get(item) == value for item in one.items], bool)
            found = interval(one.values[keep], picked(one.clusters, keep)).model_dump() if keep.any() else {"n": 0}
            rows.append({"slice": value, "system": name, **found})
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({name: float for name in ("value", "low", "high")} | {"n": int})
