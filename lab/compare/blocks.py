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
from lab.compare.scores import ALPHA, measured, refuse_unlike, values_of
from lab.core import DataError, Evaluation

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


class Found(NamedTuple):
    """A quantity with its two-level interval. `n` counts different items."""

    value: float
    low: float
    high: float
    n: int
    seeds: int


def block_from(table: Sequence[Sequence[Evaluation]], metric: str = "") -> Block:
    """The items measured under every arm (row) with every seed (column). Raises DataError where an arm was measured otherwise or no
    item is left."""
    first = table[0][0]
    metric = metric or first.primary
    columns = []
    for evaluation in (each for line in table for each in line):
        refuse_unlike(first, evaluation)
        columns.append(values_of(evaluation, metric))
    items = [item for item in columns[0] if all(item in column and measured(column[item][1]) for column in columns)]
    if not items:
        raise DataError(f"No item of {first.suite} was measured under all of them")
    values = np.array([[column[item][1] for item in items] for column in columns], float).reshape(len(table), -1, len(items))
    return Block(first.suite, metric, values, tuple(columns[0][item][0] for item in items))


def interval(blocks: Sequence[Block], statistic: Statistic, weights: Sequence[float], least: float = -1.0, most: float = 1.0,
             draws: int = DRAWS) -> Found:
    """A quantity of the arms' means, averaged over the blocks, with its two-level interval. `weights`: the quantity as a weighted sum
    of arms (as it stands at the arms' means), for the floor below which no interval narrows."""
    found = sum(statistic(drawn(each, number, draws)) for number, each in enumerate(blocks)) / len(blocks)
    value = float(sum(statistic(each.values.mean((1, 2))) for each in blocks)) / len(blocks)
    low, high = ends(found, blocks, np.asarray(weights), least, most)
    return Found(value, low, high, sum(len(each.clusters) for each in blocks), blocks[0].values.shape[1])


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


def contrast_draws(one: Block, weights: np.ndarray, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Draws of a weighted sum of arms whose spread is that of items and seeds crossed, for 95 % intervals that hold the truth in 95 %.

    y(seed, item) = mean + seed + item + noise. Drawing items anew and spreading the seeds by Student's t would count the noise of single
    answers twice (Owen 2007, the pigeonhole bootstrap); so what both levels hold of it is taken out of the items' share. Entities are drawn
    whole. One seed: the entities' bootstrap alone.
    """
    values = np.tensordot(weights, one.values, 1)
    seeds, mean = len(values), float(values.mean())
    sums, counts = stats.cluster_sums(values.mean(0), one.clusters)
    bootstrap = stats.resampled_means(sums, counts, draws, seed) - mean
    groups = len(sums)
    if seeds < 2 or groups < 2:
        return mean + bootstrap * _few(groups)
    noise = values - values.mean(1, keepdims=True) - values.mean(0) + mean
    of_items, of_noise = (_variance(part, one.clusters, values.shape[1]) for part in (values.mean(0) - mean, noise))
    of_noise /= (seeds - 1)  # (S / (S - 1) for the degrees of freedom that the means took) x (1 / S for a mean over seeds)
    kept = np.sqrt(max(0.0, of_items - of_noise) / of_items) if of_items > 0 else 0.0
    t = np.random.default_rng([seed, seeds]).standard_t(seeds - 1, draws)
    return mean + bootstrap * (kept * _few(groups)) + t * float(values.mean(1).std(ddof=1) / np.sqrt(seeds))


def _few(groups: int) -> float:
    """By how much a bootstrap over few entities is too narrow (Hesterberg 2015)."""
    return float(np.sqrt(groups / (groups - 1)) * stats.t_quantile(groups - 1) / stats.Z) if groups > 1 else 1.0


def _variance(deviations: np.ndarray, clusters: Sequence[str], n: int) -> float:
    """Variance of a mean over n items from its items' deviations, entities taken whole; of several rows their mean."""
    rows = np.atleast_2d(deviations)
    sums = np.array([stats.cluster_sums(row, clusters)[0] for row in rows])
    groups = sums.shape[1]
    return float((sums**2).sum(1).mean() * groups / (groups - 1) / n**2)
