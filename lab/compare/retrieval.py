"""How often the right document is found, and how high it stands: hit@k and mean reciprocal rank, and the paired difference of two settings.

Knows ranks of questions whose right documents are known; knows nothing of indexes. A passage counts where its document holds the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lab.compare import scores
from lab.compare.scores import Difference, Pairs
from lab.compare.stats import Interval
from lab.core import DataError, Value

DEPTH = 50  # ranks that are looked at: a right document below them counts as not found
STEPS = (1, 3, 5)  # hit@k is shown for these k and for the setting's own
MRR = "MRR"


class Asked(Value):
    """One question: the rank of the first passage from a right document, from 1; None where there is none among the first DEPTH."""

    item: str
    cluster: str
    rank: int | None = None


def rank_of(documents: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Rank of the first passage (given by its document) that is from a wanted document."""
    return next((rank for rank, document in enumerate(documents[:DEPTH], start=1) if document in wanted), None)


def hit_name(k: int) -> str:
    return f"hit@{k}"


def value(asked: Asked, measure: str) -> float:
    """One question's value: 1 or 0 for hit@k; for MRR one over the rank, 0 where nothing was found."""
    if measure == MRR:
        return 1 / asked.rank if asked.rank else 0.0
    return float(asked.rank is not None and asked.rank <= int(measure.removeprefix("hit@")))


def mean(rows: Sequence[Asked], measure: str, seed: int = 0) -> Interval:
    """hit@k or MRR with its 95 % interval: Wilson's for shares, else the bootstrap over clusters (questions about one entity)."""
    if not rows:
        return Interval()
    return scores.interval([value(row, measure) for row in rows], [row.cluster for row in rows], seed)


def measures(*ks: int) -> list[str]:
    """What is shown for settings with these top_k, in order."""
    return [*(hit_name(step) for step in sorted({*STEPS, *ks})), MRR]


def difference(reference: Sequence[Asked], candidate: Sequence[Asked], measure: str, seed: int = 0) -> Difference:
    """Candidate minus reference on the same questions. Raises DataError where they were asked different ones."""
    if [row.item for row in reference] != [row.item for row in candidate]:
        raise DataError("The two settings were asked different questions", "retrieval", "Measure both on the same questions")
    pairs = Pairs.of((one.item, one.cluster, value(one, measure), value(other, measure)) for one, other in zip(reference, candidate))
    if not pairs.items:
        return Difference(metric=measure, sentence="Not measured: no question says which documents hold its answer.")
    found, (p, test) = scores.pair_interval(pairs, seed), scores.p_value(pairs, seed)
    return Difference(metric=measure, value=found.value, low=found.low, high=found.high, p=p, n=found.n, test=test,
                      smallest=scores.smallest_visible(pairs.before, pairs.after, found))


def differences(measured: Mapping[str, Sequence[Asked]], measure: str) -> dict[str, Difference]:
    """Every setting against the first one: one family, p adjusted by Holm, each with its sentence."""
    (reference, rows), *others = measured.items()
    return scores.family({name: difference(rows, candidate, measure) for name, candidate in others}, reference)


def frame(measured: Mapping[str, Sequence[Asked]], ks: Sequence[int]) -> pd.DataFrame:
    """One row per setting and measure: settings, measure, value, low, high, n. `ks`: every top_k among the settings."""
    rows = [(name, measure, mean(asked, measure)) for name, asked in measured.items() for measure in measures(*ks)]
    return pd.DataFrame([{"settings": name, "measure": measure, "value": found.value, "low": found.low, "high": found.high, "n": found.n}
                         for name, measure, found in rows], columns=["settings", "measure", "value", "low", "high", "n"])
