"""A System with several seeds: its score and its paired difference to a reference over items and seeds, as one claim about the method.

Knows Evaluations, one per seed. With one seed everything is as for one checkpoint (scores.py); with several the interval is two-level
(blocks.contrast_draws), and p is the share of draws on the other side of zero, twice, so that test and interval agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.compare.blocks import Block, block_from, contrast_draws, ends
from lab.compare.scores import ALPHA, Difference, Pair, difference, is_binary, measured, score, smallest_visible, values_of, worded
from lab.compare.stats import Interval
from lab.core import Evaluation, Value

TEST = "two-level bootstrap (items x seeds)"


class Replicated(Value):
    """A score over seeds. `each` is the score of every seed in turn; `n` counts the items measured with every seed."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    each: tuple[float | None, ...] = ()


def replicated(evaluations: Sequence[Evaluation], metric: str = "") -> Replicated:
    """The score of one System over its seeds. Raises DataError where the seeds were measured otherwise."""
    if not evaluations:
        return Replicated()
    name = metric or evaluations[0].primary
    each = tuple(_mean(evaluation, name) for evaluation in evaluations)
    if len(evaluations) == 1 or any(value is None for value in each):
        found = score(next((e for e, value in zip(evaluations, each) if value is not None), evaluations[0]), name)
        return Replicated(**found.model_dump(), each=each)
    found = score_interval(block_from([evaluations], name))
    return Replicated(**found.model_dump(), each=each)


def _mean(evaluation: Evaluation, metric: str) -> float | None:
    known = [value for _, value in values_of(evaluation, metric).values() if measured(value)]
    return sum(known) / len(known) if known else None


def score_interval(one: Block) -> Interval:
    """Two-level interval of one arm's mean; shares stay within 0 and 1."""
    return _interval(one, np.ones(1), contrast_draws(one, np.ones(1)))


def difference_interval(one: Block) -> tuple[Interval, float]:
    """(two-level interval of the second arm minus the first, p of the same draws)."""
    weights = np.array([-1.0, 1.0])
    draws = contrast_draws(one, weights)
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return _interval(one, weights, draws), min(1.0, 2 * (beyond + 1) / (len(draws) + 1))


def _interval(one: Block, weights: np.ndarray, draws: np.ndarray) -> Interval:
    """The draws' interval of a weighted sum of arms; for right/wrong items no narrower than Bonett and Price's."""
    value = float(weights @ one.values.mean((1, 2)))
    if is_binary(one.values.ravel()):
        low, high = ends(draws, [one], weights, float(weights[weights < 0].sum()), float(weights[weights > 0].sum()))
    else:
        low, high = (float(number) for number in np.quantile(draws, [ALPHA / 2, 1 - ALPHA / 2]))
    return Interval(value=value, low=low, high=high, n=len(one.clusters))


def replicated_difference(reference: Sequence[Evaluation], candidate: Sequence[Evaluation], metric: str = "",
                          names: tuple[str, str] = ("the reference", "the candidate")) -> Difference:
    """Candidate minus reference, seed by seed on the same items. Both sides hold the same seeds in the same order. Raises DataError
    where they were not measured alike."""
    metric = metric or reference[0].primary
    if len(reference) == 1:
        return difference(reference[0], candidate[0], metric, names=names)
    one = block_from([reference, candidate], metric)
    found, p = difference_interval(one)
    items = {item for evaluation in (*reference, *candidate) for item in values_of(evaluation, metric)}
    return worded(Difference(metric=metric, value=found.value, low=found.low, high=found.high, p=p, n=found.n, dropped=len(items) - found.n,
                             test=TEST, seeds=len(reference), smallest=smallest_visible(_pairs(one), found)), names)


def _pairs(one: Block) -> list[Pair]:
    """Every item with every seed as a pair: what `smallest_visible` reads the discordant share from."""
    before, after = one.values
    return [(str(place), one.clusters[place], float(a), float(b)) for line, other in zip(before, after)
            for place, (a, b) in enumerate(zip(line, other))]
