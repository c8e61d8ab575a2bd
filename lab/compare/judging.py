"""How far a judge model agrees with people: on pairs of answers about which people voted, which one the judge's scores prefer.

Knows scores and votes as plain tuples; neither a judge nor a vote's session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from lab.compare.agreement import agreement
from lab.compare.stats import DRAWS, Interval, bootstrap_mean
from lab.core import Value

FEWEST_ITEMS = 20  # below this an interval says little; the sentence says so
SAME = 1e-9  # scores this close are a tie

HumanVote = tuple[Hashable, str, str, str, str | None]  # voter, item, one System, other System, the preferred one (None: a tie)


class JudgeAgreement(Value):
    """A judge against people. `share`: votes on which both prefer the same answer, or both none; `kappa`: the same beyond what their
    habits would give by chance (Cohen 1960), with ties as a third choice; `people`: the chance that two people agree with each other,
    which no judge can be expected to pass. Intervals resample whole items. `left_out`: votes on answers without a judge's score."""

    share: Interval
    kappa: Interval
    people: Interval
    votes: int
    items: int
    left_out: int

    def sentence(self) -> str:
        """For people; says what is missing where nothing was measured."""
        if not self.votes:
            return "No vote is on answers that the judge scored: how far people agree with it is not known."
        few = f" Only {self.items} items: too few to rely on." if self.items < FEWEST_ITEMS else ""
        words = [f"The judge and people prefer the same answer in {_percent(self.share)} of {self.votes} votes on {self.items} items"]
        if self.kappa.value is not None:
            words.append(f"Cohen's kappa {self.kappa.value:.2f}" + (f" ({self.kappa.low:.2f} to {self.kappa.high:.2f})" if self.kappa.low is not None
                                                                  else ""))
        if self.people.value is not None:
            words.append(f"people agree with each other in {_percent(self.people)}")
        return "; ".join(words) + "." + few


def judge_agreement(scores: Mapping[tuple[str, str], float | None], votes: Sequence[HumanVote], seed: int = 0) -> JudgeAgreement:
    """scores: the judge's number by (item, System), None where it gave none. Votes on answers without a score are counted, not guessed."""
    pairs = [(item, _preferred(scores.get((item, one)), scores.get((item, other))), _side(one, other, chosen))
             for _, item, one, other, chosen in votes]
    read = [(item, judge, human) for item, judge, human in pairs if judge is not None]
    items = [item for item, _, _ in read]
    return JudgeAgreement(share=bootstrap_mean([float(judge == human) for _, judge, human in read], items, seed=seed),
                          kappa=_kappa(read, seed), people=_people(votes, seed), votes=len(read), items=len(set(items)),
                          left_out=len(votes) - len(read))


def _preferred(one: float | None, other: float | None) -> int | None:
    """0: the first answer, 1: the second, 2: a tie; None where either has no score."""
    if one is None or other is None:
        return None
    return 2 if abs(one - other) < SAME else int(other > one)


def _side(one: str, other: str, chosen: str | None) -> int:
    if chosen not in (one, other, None):
        raise ValueError(f"a vote on {one} and {other} cannot be for {chosen}")
    return {one: 0, other: 1}.get(chosen, 2)


def _kappa(read: Sequence[tuple[str, int, int]], seed: int) -> Interval:
    """Cohen's kappa from the 3 x 3 table of choices; not measured where chance alone would always agree."""
    tables: dict[str, np.ndarray] = defaultdict(lambda: np.zeros((3, 3)))
    for item, judge, human in read:
        tables[item][judge, human] += 1
    if not tables:
        return Interval()
    stacked = np.stack(list(tables.values()))
    value = float(_kappas(stacked.sum(0)[None])[0])
    if len(stacked) < 2 or np.isnan(value):
        return Interval(value=None if np.isnan(value) else value, n=len(read))
    weights = np.random.default_rng(seed).multinomial(len(stacked), np.full(len(stacked), 1 / len(stacked)), DRAWS)
    drawn = _kappas(np.einsum("di,ijk->djk", weights, stacked))
    drawn = drawn[~np.isnan(drawn)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high), n=len(read))


def _kappas(tables: np.ndarray) -> np.ndarray:
    """Per table (draws, 3, 3); NaN where both always choose the same one thing."""
    shares = tables / tables.sum((1, 2), keepdims=True)
    seen = np.trace(shares, axis1=1, axis2=2)
    expected = (shares.sum(1) * shares.sum(2)).sum(1)
    return np.where(expected < 1 - SAME, (seen - expected) / np.maximum(1 - expected, SAME), np.nan)


def _people(votes: Sequence[HumanVote], seed: int) -> Interval:
    """The chance that two people say the same about the same two answers of an item."""
    said: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for _, item, one, other, chosen in votes:
        first, second = sorted((one, other))
        said[item, first, second].append({0: 1, 1: -1, 2: 0}[_side(first, second, chosen)])
    return agreement(list(said.values()), [item for item, _, _ in said], seed).raw


def _percent(found: Interval) -> str:
    around = f" ({100 * found.low:.0f} to {100 * found.high:.0f} %)" if found.low is not None else ""
    return f"{100 * found.value:.0f} %{around}"
