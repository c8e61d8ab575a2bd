"""Items x seeds: what several Systems answered to the same items with every seed, and two-level intervals of it.

Knows numbers, clusters and seeds; knows nothing of claims or boards. The interval is a hierarchical bootstrap (Davison and Hinkley 1997,
section 3.8; Saravanan, Berman and Sober 2020): entities are drawn anew, the same ones for every arm and seed, and the seeds count with
the uncertainty that so few of them leave (Student's t). No interval is narrower than that of Bonett and Price (2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lab.compare import stats
from lab.compare.scores import ALPHA, Column, picked, places, refuse_unlike, values_of
from lab.core import DataError, Measured

DRAWS = 4_000
Statistic = Callable[[np.ndarray], np.ndarray]  # means (..., arms) -> quantity (...)


class Block(NamedTuple):
    """One suite's items under every arm with every seed: values (arms, seeds, items), None nowhere; one cluster per item."""

    suite: str
    metric: str
    values: np.ndarray
    clusters: tuple[str, ...]

    def half(self, first: int) -> "Block":
        """Every second item, from place 0 or 1 on."""
        return self._replace(values=self.values[:, :, first::2], clusters=self.clusters[first::2])


class Quantity(NamedTuple):
    """A quantity with its two-level interval. `n` counts different items."""

    value: float
    low: float
    high: float
    n: int
    seeds: int


def block_from(table: Sequence[Sequence[Measured]], metric: str = "") -> Block:
    """The items measured under every arm (row) with every seed (column). Raises DataError where an arm was measured otherwise or no
    item is left."""
    first = table[0][0]
    metric = metric or first.primary
    columns = []
    for evaluation in (each for line in table for each in line):
        refuse_unlike(first, evaluation)
        columns.append(values_of(evaluation, metric))
    items = columns[0].items
    values = np.array([column.values if column.items == items else _in_order(column, items) for column in columns])
    keep = np.isfinite(values).all(0)
    if not keep.any():
        raise DataError(f"No item of {first.suite} was measured under all of them")
    return Block(first.suite, metric, values[:, keep].reshape(len(table), -1, int(keep.sum())), picked(columns[0].clusters, keep))


def _in_order(column: Column, items: Sequence[str]) -> np.ndarray:
    """The column's values of these items; NaN for one that it does not hold."""
    at, padded = places(column.items), np.append(column.values, np.nan)
    return padded[[at.get(item, -1) for item in items]]


def interval(blocks: Sequence[Block], statistic: Statistic, weights: Sequence[float], least: float = -1.0, most: float = 1.0,
             draws: int = DRAWS) -> Quantity:
    """A quantity of the arms' means, averaged over the blocks, with its two-level interval. `weights`: the quantity as a weighted sum
    of arms (as it stands at the arms' means), for the floor below which no interval narrows."""
    found = sum(statistic(drawn(each, number, draws)) for number, each in enumerate(blocks)) / len(blocks)
    value = float(sum(statistic(each.values.mean((1, 2))) for each in blocks)) / len(blocks)
    low, high = ends(found, blocks, np.asarray(weights), least, most)
    return Quantity(value, low, high, sum(len(each.clusters) for each in blocks), blocks[0].values.shape[1])


def ends(draws: np.ndarray, blocks: Sequence[Block], weights: np.ndarray, least: float, most: float) -> tuple[float, float]:
    """The draws' interval, no narrower than the floor and within what is possible."""
    bottom, found = floor(blocks, weights), np.quantile(draws, [ALPHA / 2, 1 - ALPHA / 2])
    return max(least, min(float(found[0]), bottom[0])), min(most, max(float(found[1]), bottom[1]))


def drawn(one: Block, number: int = 0, draws: int = DRAWS) -> np.ndarray:
    """Means (draws, arms) of resampled seeds and entities."""
    arms, seeds, items = one.values.shape
    sums, counts = zip(*(stats.cluster_sums(line, one.clusters) for line in one.values.reshape(-1, items)))
    return stats.two_level_means(np.array(sums).reshape(arms, seeds, -1), counts[0], draws, block=number)


def floor(blocks: Sequence[Block], weights: np.ndarray) -> tuple[float, float]:
    """Bonett and Price's interval of a weighted sum of shares; several suites are joined as independent ones."""
    least, most = float(weights[weights < 0].sum()), float(weights[weights > 0].sum())
    found = [stats.widest(np.tensordot(weights, each.values, 1).ravel(), least, most, len(each.clusters)) for each in blocks]
    middle = sum((low + high) / 2 for low, high in found) / len(found)
    half = sum(((high - low) / 2) ** 2 for low, high in found) ** 0.5 / len(found)
    return middle - half, middle + half
