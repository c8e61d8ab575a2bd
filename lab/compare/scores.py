"""Scores of one Evaluation and the paired difference of two. Knows Evaluations; knows nothing of Systems' names or of files.

Refuses what was not measured alike and says what differs. A value that is missing or not a finite number is "not measured": it is
left out and counted, never zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import compress
from typing import Literal, NamedTuple

import numpy as np

from lab.compare import stats
from lab.compare.stats import Interval
from lab.core import DataError, Measured, Value
from lab.core.tasks import LOSSES

ALPHA = 1 - stats.LEVEL
TWO_SEEDS = " Two seeds hardly show how much seeds differ."  # their interval is wide on purpose: two_level.py
LEAST_DISCORDANT = 0.1  # two Systems that differed on fewer items may well differ on more of the next ones


class Column(NamedTuple):
    """One metric of an Evaluation, item by item; NaN where it was not measured."""

    items: tuple[str, ...]
    clusters: tuple[str, ...]
    values: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return np.isfinite(self.values)


class Pairs(NamedTuple):
    """Items measured under a reference (`before`) and a candidate (`after`)."""

    items: tuple[str, ...]
    clusters: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, float, float]]) -> Pairs:
        """From rows of (item, cluster, before, after)."""
        items, clusters, before, after = zip(*rows) if (rows := list(rows)) else ((), (), (), ())
        return cls(items, clusters, np.array(before, float), np.array(after, float))

    @property
    def binary(self) -> bool:
        return is_binary(self.before) and is_binary(self.after)


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Several lots of pairs as one."""
    return parts[0] if len(parts) == 1 else Pairs(sum((one.items for one in parts), ()), sum((one.clusters for one in parts), ()),
                                                  *(np.concatenate([one[side] for one in parts]) for side in (2, 3)))


class Difference(Value):
    """Candidate minus reference on the items scored under both, in the metric's own unit (for losses positive is worse)."""

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    n: int = 0
    dropped: int = 0
    test: str = ""
    smallest: float | None = None
    seeds: int = 1
    verdict: Literal["better", "worse", "unclear", "not measured", "refused"] = "not measured"
    sentence: str = ""


def higher_is_better(metric: str) -> bool:
    return metric not in LOSSES


def measured(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def values_of(evaluation: Measured, metric: str | None = None) -> Column:
    """One metric of an Evaluation. An item without an entity is its own cluster. Raises DataError for an unknown metric."""
    metric, columns = metric or evaluation.primary, evaluation.columns
    known = columns.values.keys() | {scorer.kind for scorer in evaluation.scorers}
    if metric not in known:
        raise DataError(f"'{metric}' was not measured on {evaluation.suite}", evaluation.system_key,
                        f"Choose one of: {', '.join(sorted(known))}")
    if len(places(columns.items)) < len(columns.items):
        raise DataError(f"{evaluation.suite} holds an item twice", evaluation.system_key, "Give every item its own id")
    values = columns.values.get(metric)
    return Column(columns.items, columns.clusters, np.full(len(columns.items), np.nan) if values is None else np.asarray(values))


@lru_cache(maxsize=128)
def places(items: tuple[str, ...]) -> dict[str, int]:
    """Item -> its place. Do not change it: all Systems that answered one suite share it."""
    return {item: place for place, item in enumerate(items)}


def picked(names: tuple[str, ...], keep: np.ndarray) -> tuple[str, ...]:
    """The names at the places where `keep` is true."""
    return names if keep.all() else tuple(compress(names, keep.tolist()))


def is_binary(values: Sequence[float] | np.ndarray) -> bool:
    numbers = np.asarray(values)
    return bool(((numbers == 0) | (numbers == 1)).all())


def interval(values: Sequence[float] | np.ndarray, clusters: Sequence[str], seed: int = 0) -> Interval:
    """Wilson for right/wrong, else the clustered bootstrap."""
    if is_binary(values):
        return stats.share_interval(values, clusters)
    return stats.bootstrap_mean(values, clusters, seed=seed)


def score(evaluation: Measured, metric: str | None = None, seed: int = 0) -> Interval:
    """Mean of one metric with its 95 % interval; n says how many items were measured."""
    found = values_of(evaluation, metric)
    keep = found.known
    return interval(found.values[keep], picked(found.clusters, keep), seed) if keep.any() else Interval()


def refuse_unlike(reference: Measured, candidate: Measured) -> None:
    """Raises DataError naming everything in which the two were measured differently."""
    sides = {"suite": lambda e: f"{e.suite} ({e.suite_fingerprint})", "decoding": lambda e: e.decoding or "not said",
             "scorers": lambda e: ", ".join(s.kind + (f" {list(s.phrases)}" if s.phrases else "") for s in e.scorers)}
    unlike = {"suite": reference.suite_fingerprint != candidate.suite_fingerprint,
              "decoding": reference.decoding != candidate.decoding, "scorers": reference.scorers != candidate.scorers}
    named = [f"{name}: {sides[name](reference)} against {sides[name](candidate)}" for name, differs in unlike.items() if differs]
    if named:
        raise DataError("These two were not measured alike (" + "; ".join(named) + ")",
                        f"{reference.system_key} and {candidate.system_key}",
                        "Score both Systems again on the same suite with the same settings")


def paired(reference: Measured, candidate: Measured, metric: str | None = None) -> tuple[Pairs, int]:
    """The items measured under both, in the reference's order, and how many items of either were left out."""
    refuse_unlike(reference, candidate)
    left, right = values_of(reference, metric), values_of(candidate, metric)
    after, every = right.values, len(left.items)
    if left.items != right.items:
        of_right = places(right.items)
        at = np.array([of_right.get(item, len(right.items)) for item in left.items], int)
        after, every = np.append(right.values, np.nan)[at], len(places(left.items).keys() | of_right.keys())
    keep = left.known & np.isfinite(after)
    found = Pairs(picked(left.items, keep), picked(left.clusters, keep), left.values[keep], after[keep])
    return found, every - len(found.items)


def pair_interval(pairs: Pairs, seed: int = 0) -> Interval:
    """Mean of (candidate - reference). Right/wrong: Bonett and Price's interval, and where items share an entity never
    narrower than the bootstrap over entities; anything else: that bootstrap alone. n counts different items."""
    if not pairs.items:
        return Interval()
    n, changes = len(places(pairs.items)), pairs.after - pairs.before
    drawn = stats.bootstrap_mean(changes, pairs.clusters, seed=seed)
    found = drawn.model_copy(update={"n": n})
    if not pairs.binary:
        return found
    low, high = stats.paired_interval((changes > 0).mean() * n, (changes < 0).mean() * n, n)
    if drawn.low is not None and len(set(pairs.clusters)) < len(changes):
        low, high = min(low, drawn.low), max(high, drawn.high)
    return found.model_copy(update={"low": float(low), "high": float(high)})


def p_value(pairs: Pairs, seed: int = 0) -> tuple[float | None, str]:
    """Exact McNemar for right/wrong on independent items, else sign flips by entity; and the test's name."""
    changes = pairs.after - pairs.before
    alone = len(set(pairs.clusters)) == len(pairs.clusters)
    if alone and pairs.binary:
        return stats.mcnemar((changes > 0).sum(), (changes < 0).sum()), "exact McNemar"
    return stats.sign_flip(changes, pairs.clusters, seed=seed), "sign flips" + ("" if alone else " by entity")


def smallest_visible(before: np.ndarray, after: np.ndarray, found: Interval) -> float | None:
    """The smallest true difference that items like these would show with 80 % power; both arrays have one shape."""
    if found.low is None or found.high is None:
        return None
    spread = (found.high - found.low) / 2 / stats.Z * (stats.Z + stats.Z_POWER)
    if not (is_binary(before) and is_binary(after)):
        return spread
    formula = stats.minimum_difference(found.n, max(float((before != after).mean()), LEAST_DISCORDANT))
    return formula and min(1.0, max(formula, spread))


def difference(reference: Measured, candidate: Measured, metric: str | None = None,
               names: tuple[str, str] = ("the reference", "the candidate"), seed: int = 0) -> Difference:
    """Paired difference on shared items. `names` are the labels of (reference, candidate) in the sentence. Raises DataError."""
    metric = metric or reference.primary
    pairs, dropped = paired(reference, candidate, metric)
    if not pairs.items:
        return Difference(metric=metric, dropped=dropped, sentence="Not measured: no item was scored under both.")
    found, (p, test) = pair_interval(pairs, seed), p_value(pairs, seed)
    bare = Difference(metric=metric, value=found.value, low=found.low, high=found.high, p=p, n=found.n, dropped=dropped, test=test,
                      smallest=smallest_visible(pairs.before, pairs.after, found))
    return worded(bare, names)


def family(differences: dict[str, Difference], reference: str = "the reference") -> dict[str, Difference]:
    """One declared family (candidate's name -> Difference): p adjusted by Holm, verdicts and sentences by the adjusted p."""
    adjusted = stats.holm([found.p for found in differences.values()])
    return {name: worded(found.model_copy(update={"p_holm": p}), (reference, name)) if found.value is not None else found
            for (name, found), p in zip(differences.items(), adjusted)}


def refused(metric: str, reason: str) -> Difference:
    """Two Systems that may not be compared, with what differs."""
    return Difference(metric=metric, verdict="refused", sentence=f"Not compared: {reason}")


def worded(found: Difference, names: tuple[str, str]) -> Difference:
    """With its verdict (by the adjusted p, where there is one) and its sentence."""
    p = found.p if found.p_holm is None else found.p_holm
    clear = Interval(low=found.low, high=found.high).excludes(0) and p is not None and p < ALPHA
    better = (found.value > 0) == higher_is_better(found.metric)
    verdict = ("better" if better else "worse") if clear else "unclear"
    return found.model_copy(update={"verdict": verdict, "sentence": _sentence(found, names, verdict)})


def _sentence(found: Difference, names: tuple[str, str], verdict: str) -> str:
    losses = not higher_is_better(found.metric)
    scale, digits, unit = (1.0, 3, " nats per token") if losses else (100.0, 0, " points")

    def say(number: float) -> str:
        text = f"{number * scale:.{digits}f}"
        return text.lstrip("-") if float(text) == 0 else text

    left_out = f" {found.dropped} item{'s were' if found.dropped > 1 else ' was'} left out." if found.dropped else ""
    left_out += TWO_SEEDS if found.seeds == 2 else ""
    size_of = f"n = {found.n}" + (f", {found.seeds} seeds" if found.seeds > 1 else "")
    if verdict != "unclear":
        size, above = say(abs(found.value)), found.value > 0
        span = f"95 % interval {say(found.low if above else -found.high)} to {say(found.high if above else -found.low)}"
        place = f"{'above' if above else 'below'} {names[0]}{' (worse)' if losses and above else ' (better)' if losses else ''}"
        candidate = names[1][:1].upper() + names[1][1:] if names[1].startswith("the ") else names[1]
        return f"{candidate} is {size}{unit if size != '1' else unit.rstrip('s')} {place} ({span}, {size_of}).{left_out}"
    span = "no interval" if found.low is None else f"interval {say(found.low)} to {say(found.high)}"
    limit = (f"with {size_of} only differences above about {say(found.smallest)}{unit} can be seen" if found.smallest
             else f"{size_of} is too few to see anything")
    taken_back = Interval(low=found.low, high=found.high).excludes(0) and found.p_holm is not None and found.p is not None and found.p < ALPHA
    holm = f"; clear alone (p = {found.p:.3f}), but not among all comparisons (Holm: p = {found.p_holm:.3f})" if taken_back else ""
    return f"Cannot tell apart: {say(found.value)}{unit}, {span}{holm}; {limit}.{left_out}"
