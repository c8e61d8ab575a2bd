"""A mean over items and a few seeds: how far it may lie from the truth, by the parts of its variance. No draws.

Knows numbers, clusters and seeds; nothing of Systems. y(seed, item) = mean + seed + item + noise: the spread of the seeds' means and the
spread of the items' means both hold the noise of single answers, so it is taken out once (Owen 2007 on crossed data). Entities are taken whole.

Three seeds leave two degrees of freedom, the items some hundreds, and only the data say which of the two the uncertainty comes from. Adding
Student's t of the seeds to the items' normal spread is too wide (98 % at three seeds), Satterthwaite's degrees of freedom are too many (92 %).
Taken here: 1 / freedom = share / (seeds - 1) + (1 - share) / (entities - 1), where share is what the seeds contribute to the variance, counted
as far as they differ by more than the noise explains.

Simulated with 3 to 8 seeds that spread normally by 0 to 20 points and 50 to 500 items, 95 % intervals hold the truth in 93 to 97 % in about
nine worlds of ten and in 92 to 98 % in the others: more where the seeds do not differ at all, less where three differ by about as much as the
noise alone. No such interval holds what few seeds cannot show: three that spread evenly instead of normally (92 %, Student's t itself), or by
more than half of the mean's distance from 0 or 1 (90 % and less, too skew). Two seeds cannot tell anything: their interval is meant to be too
wide rather than too narrow (92 to 99 %).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lab.compare import stats

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)
TELLING = 0.8, 1.2  # seeds that spread by less than the first times the noise say nothing of their own, by the second or more all
FAR = 12.0  # standard deviations of a nearly normal t behind which nothing is left


class Estimate(NamedTuple):
    """A mean over `n` items in `groups` entities with `seeds` seeds. Parts of that mean's variance (not of the values'): `items` from the
    spread of the items' means, `apart` from that of the seeds' means, and the `noise` that both of them hold."""

    mean: float
    items: float
    apart: float
    noise: float
    n: int
    groups: int
    seeds: int

    @property
    def variance(self) -> float:
        return self.items + max(0.0, self.apart - self.noise)

    @property
    def freedom(self) -> float:
        """Degrees of freedom with which the variance is known."""
        share = min(1.0, self._from_seeds() / self.variance) if self.variance else 0.0
        if self.seeds == 2:
            share = math.sqrt(share)  # its one degree of freedom is not to be diluted: 87 % otherwise
        return 1 / (share / (self.seeds - 1) + (1 - share) / (self.groups - 1))

    def _from_seeds(self) -> float:
        """The part of the variance whose size so few seeds have to tell."""
        if self.seeds == 2 or self.apart >= TELLING[1] * self.noise:
            return self.apart
        return self.apart * max(0.0, self.apart / self.noise - TELLING[0]) / (TELLING[1] - TELLING[0])

    def between(self) -> tuple[float, float]:
        """The 95 % interval."""
        half = quantile(self.freedom) * math.sqrt(self.variance)
        return self.mean - half, self.mean + half

    def share_between(self) -> tuple[float, float]:
        """The 95 % interval of a share: Wilson's, with as many independent answers as would vary like this, and Student's t for the normal."""
        plain, known = self.mean * (1 - self.mean), self.variance
        answers = min(plain / known, float(self.n * self.seeds)) if plain and known else float(self.n)
        answers *= (stats.Z / quantile(self.freedom)) ** 2
        found = stats.wilson(self.mean * answers, answers)
        return found.low, found.high

    def p(self) -> float:
        """Two-sided p of a mean of zero: below .05 exactly where `between` leaves zero out."""
        return tail(abs(self.mean) / math.sqrt(self.variance), self.freedom) if self.variance else float(self.mean == 0)

    def with_ends(self, least: float, most: float) -> Estimate:
        """With half an answer more at either end of the scale (a whole item where all items are alike), so that no change in n items is
        never read as certainty. An item's answers with several seeds count for as many as they are independent."""
        more = 0.5 * self.items / (self.items + (self.seeds - 1) * self.noise) if self.items else 1.0
        total = self.n + 2 * more
        mean, shrink = (self.n * self.mean + more * (least + most)) / total, (self.n / total) ** 2
        ends = more * ((least - mean) ** 2 + (most - mean) ** 2) / total**2
        return self._replace(mean=mean, items=self.items * shrink + ends, apart=self.apart * shrink, noise=self.noise * shrink)


def estimate(values: np.ndarray, clusters: Sequence[str]) -> Estimate | None:
    """Of the mean of `values` (seeds, items), at least two seeds; `clusters` holds each item's entity. None where all share one."""
    seeds, n = values.shape
    mean, of_seed, of_item = float(values.mean()), values.mean(1, keepdims=True), values.mean(0)
    rows = np.vstack([of_item - mean, values - of_seed - of_item + mean])
    sums = np.array([stats.cluster_sums(row, clusters)[0] for row in rows])
    groups = sums.shape[1]
    if groups < 2:
        return None
    spread = (sums**2).sum(1) * groups / (groups - 1) / n**2  # variance of each row's mean
    return Estimate(mean, items=float(spread[0]), apart=float(of_seed.var(ddof=1)) / seeds, noise=float(spread[1:].mean()) / (seeds - 1),
                    n=n, groups=groups, seeds=seeds)


def tail(t: float, freedom: float) -> float:
    """P(|T| > t) of Student's t with any number of degrees of freedom from one on (an integral over its angle, by Gauss and Legendre)."""
    begin = math.atan(t / math.sqrt(freedom))
    half = (min(math.pi / 2, begin + FAR / math.sqrt(freedom)) - begin) / 2
    inside = half * float(WEIGHTS @ np.cos(begin + half * (1 + NODES)) ** (freedom - 1))
    return min(1.0, 2 * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi) * inside)


@lru_cache(maxsize=4_096)
def quantile(freedom: float) -> float:
    """The t that |T| exceeds once in twenty times."""
    low, high = stats.Z, 13.0  # 12.7 with one degree of freedom
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle, freedom) > 1 - stats.LEVEL else (low, middle)
    return (low + high) / 2
