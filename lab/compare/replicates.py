"""A System with several seeds: its score and its paired difference to a reference over items and seeds, as one claim about the method.

Knows Evaluations, one per seed. With one seed everything is as for one checkpoint (scores.py); with several the interval is two-level
(two_level.py, which says what it covers and with how many seeds), and p is that of the same estimate, so that test and interval agree.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.compare.blocks import Block, block_from
from lab.compare.scores import Difference, difference, is_binary, score, smallest_visible, values_of, worded
from lab.compare.stats import Interval
from lab.compare.two_level import estimate
from lab.core import Measured, Value

TEST = "two-level t (items x seeds)"


class Replicated(Value):
    """A score over seeds. `each` is the score of every seed in turn; `n` counts the items measured with every seed."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    each: tuple[float | None, ...] = ()


def replicated(evaluations: Sequence[Measured], metric: str = "") -> Replicated:
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


def _mean(evaluation: Measured, metric: str) -> float | None:
    column = values_of(evaluation, metric)
    return float(column.values[column.known].mean()) if column.known.any() else None


def score_interval(one: Block) -> Interval:
    """Two-level interval of one arm's mean over at least two seeds; that of a share stays within 0 and 1. None where all items are of one
    entity."""
    values = one.values[0]
    found, bare = estimate(values, one.clusters), Interval(value=float(values.mean()), n=len(one.clusters))
    if found is None:
        return bare
    low, high = found.share_between() if is_binary(values.ravel()) else found.between()
    return bare.model_copy(update={"low": low, "high": high})


def difference_interval(one: Block) -> tuple[Interval, float]:
    """(two-level interval of the second arm minus the first over at least two seeds, two-sided p). No interval and a p of 1 where all items
    are of one entity."""
    changes = one.values[1] - one.values[0]
    found, bare = estimate(changes, one.clusters), Interval(value=float(changes.mean()), n=len(one.clusters))
    if found is None:
        return bare, 1.0
    if not is_binary(one.values.ravel()):
        low, high = found.between()
        return bare.model_copy(update={"low": low, "high": high}), found.p()
    found = found.with_ends(-1, 1)
    low, high = found.between()
    return bare.model_copy(update={"low": max(-1.0, low), "high": min(1.0, high)}), found.p()


def replicated_difference(reference: Sequence[Measured], candidate: Sequence[Measured], metric: str = "",
                          names: tuple[str, str] = ("the reference", "the candidate")) -> Difference:
    """Candidate minus reference, seed by seed on the same items. Both sides hold the same seeds in the same order. Raises DataError
    where they were not measured alike."""
    metric = metric or reference[0].primary
    if len(reference) == 1:
        return difference(reference[0], candidate[0], metric, names=names)
    one = block_from([reference, candidate], metric)
    found, p = difference_interval(one)
    items = {item for evaluation in (*reference, *candidate) for item in evaluation.columns.items}
    return worded(Difference(metric=metric, value=found.value, low=found.low, high=found.high, p=p, n=found.n, dropped=len(items) - found.n,
                             test=TEST, seeds=len(reference), smallest=smallest_visible(*one.values, found)), names)
