"""The statistics the lab rests on: intervals, tests, the smallest difference that can be seen.

Knows numbers and clusters (an entity about which several items ask); knows nothing of Systems, Suites or metrics. Every random
choice comes from a seed. Without scipy: the few quantiles that are needed come from the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from lab.core import Value

LEVEL = 0.95
POWER = 0.80
DRAWS = 2_000  # an interval's ends then move by less than a tenth of its half-width from seed to seed
NORMAL = NormalDist()
Z = NORMAL.inv_cdf(0.5 + LEVEL / 2)
Z_POWER = NORMAL.inv_cdf(POWER)
ENUMERATED = 12  # up to so many clusters every sign pattern is tried (4,096 of them) instead of drawn ones
CACHED = 1_000  # clusters; a cached resample of 2,000 draws then takes at most 16 MB
BLOCK = 4_000_000  # numbers held at once while resampling more clusters than that
FEWEST = 6  # with fewer pairs even 'all better' has an exact p above .05


class Interval(Value):
    """A number with its 95 % interval. None is "not measured"; `n` counts what was measured."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0

    def excludes(self, number: float) -> bool:
        return self.low is not None and self.high is not None and not self.low <= number <= self.high


def wilson(successes: float, n: float) -> Interval:
    """Wilson's score interval for a share; `n` may be an effective, fractional number of items."""
    if n <= 0:
        return Interval()
    share, square = successes / n, Z * Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return Interval(value=share, low=low, high=high, n=round(n))


def cluster_sums(values: Sequence[float], clusters: Sequence[Hashable] | None) -> tuple[np.ndarray, np.ndarray]:
    """Sum and count of the values per cluster, clusters in order of first appearance; None: each value is its own."""
    numbers = np.asarray(values, float)
    if clusters is None:
        return numbers, np.ones(len(numbers))
    codes, groups = _codes(tuple(clusters))
    return np.bincount(codes, numbers, groups), np.bincount(codes, minlength=groups).astype(float)


@lru_cache(maxsize=64)
def _codes(clusters: tuple[Hashable, ...]) -> tuple[np.ndarray, int]:
    """A number per cluster in order of first appearance, and how many there are: all Systems that answered one suite have the same."""
    places: dict[Hashable, int] = {}
    codes = np.fromiter((places.setdefault(cluster, len(places)) for cluster in clusters), int, len(clusters))
    codes.flags.writeable = False
    return codes, len(places)


def resampled_means(sums: np.ndarray, counts: np.ndarray, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Means of `draws` resamples of whole clusters. Equal (clusters, draws, seed) give the same resamples to every arm."""
    groups = len(sums)
    if groups <= CACHED:
        return _means(_resample(groups, draws, seed), sums, counts)
    rng, rows = np.random.default_rng(seed), max(1, BLOCK // groups)
    return np.concatenate([_means(_weights(rng, min(rows, draws - start), groups), sums, counts) for start in range(0, draws, rows)])


def _means(weights: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return (weights @ sums) / (weights @ counts)  # two products with a vector: fifteen times faster than one with two columns


@lru_cache(maxsize=16)  # a board goes from suite to suite, System by System: every suite of an experiment has to fit
def _resample(groups: int, draws: int, seed: int) -> np.ndarray:
    weights = _weights(np.random.default_rng(seed), draws, groups)
    weights.flags.writeable = False
    return weights


def _weights(rng: np.random.Generator, draws: int, groups: int) -> np.ndarray:
    """How often each cluster (column) is drawn in each resample (row)."""
    chosen = rng.integers(0, groups, (draws, groups)) + groups * np.arange(draws)[:, None]
    return np.bincount(chosen.ravel(), minlength=draws * groups).reshape(draws, groups).astype(float)


def bootstrap_mean(values: Sequence[float], clusters: Sequence[Hashable] | None = None, draws: int = DRAWS,
                   seed: int = 0) -> Interval:
    """Mean with a percentile interval over resampled clusters, its ends moved outwards for few clusters (Hesterberg 2015,
    "expanded percentile": the plain one is too narrow below some fifty). One cluster has no interval."""
    sums, counts = cluster_sums(values, clusters)
    n = int(counts.sum())
    if not n:
        return Interval()
    mean = float(sums.sum() / n)
    if len(sums) < 2:
        return Interval(value=mean, n=n)
    tail = NORMAL.cdf(-math.sqrt(len(sums) / (len(sums) - 1)) * t_quantile(len(sums) - 1))
    low, high = np.quantile(resampled_means(sums, counts, draws, seed), [tail, 1 - tail])
    return Interval(value=mean, low=float(low), high=float(high), n=n)


def t_quantile(freedom: int, z: float = Z) -> float:
    """Student's t at the 95 % level by the expansion of Abramowitz and Stegun 26.7.5 (within 0.3 % from 4 degrees on)."""
    terms = ((z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384)
    return z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))


def two_level_means(sums: np.ndarray, counts: np.ndarray, draws: int = DRAWS, seed: int = 0, block: int = 0) -> np.ndarray:
    """Means of `draws` resamples of seeds and of clusters, (draws, arms), from `sums` (arms, seeds, clusters) and `counts` (clusters).

    Every arm and every seed of one resample meets the same clusters, every arm and every block the same seeds. Clusters are drawn
    with replacement, their weights spread as few clusters demand (Hesterberg 2015). Three seeds cannot be resampled like that: the
    weights around their mean are normal and scaled so that one arm's draws follow Student's t about its mean over the seeds. `block`
    numbers another set of items (a suite), whose clusters are drawn apart.
    """
    groups, repeats = sums.shape[2], sums.shape[1]
    spread = math.sqrt(groups / (groups - 1)) * t_quantile(groups - 1) / Z if groups > 1 else 1.0
    drawn = 1 + spread * (_resample(groups, draws, seed * 1_000 + block) - 1)
    per_seed = drawn @ sums.reshape(-1, groups).T / (drawn @ counts)[:, None]
    return np.einsum("das,ds->da", per_seed.reshape(draws, -1, repeats), _seed_weights(repeats, draws, seed))


def _seed_weights(repeats: int, draws: int, seed: int) -> np.ndarray:
    """Weights of the seeds in each draw (row), adding up to one. One seed has no spread: it stands for itself alone."""
    if repeats < 2:
        return np.ones((draws, repeats))
    rng = np.random.default_rng([seed, repeats])
    normal = rng.standard_normal((draws, repeats))
    scale = np.sqrt((repeats - 1) / rng.chisquare(repeats - 1, draws) / (repeats * (repeats - 1)))
    return 1 / repeats + (normal - normal.mean(1, keepdims=True)) * scale[:, None]


def widest(values: Sequence[float] | np.ndarray, least: float, most: float, n: int) -> tuple[float, float]:
    """A Wald interval of a mean over n items with one more item at either end of its scale. For right/wrong pairs (-1, 0, 1) it is
    `paired_interval`; like that one it never has width zero. `values` may hold each item several times (once per seed)."""
    numbers = np.asarray(values, float)
    mean = (n * numbers.mean() + least + most) / (n + 2)
    square = (n * (numbers**2).mean() + least**2 + most**2) / (n + 2)
    half = Z * math.sqrt(max(0.0, square - mean**2) / (n + 2))
    return max(least, mean - half), min(most, mean + half)


def spearman(one: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray) -> float | None:
    """Spearman's rank correlation, ties with their mean rank; None where one side does not vary."""
    left, right = (ranks - ranks.mean() for ranks in (_ranks(one), _ranks(other)))
    spread = math.sqrt((left @ left) * (right @ right))
    return float(left @ right / spread) if len(left) > 2 and spread else None


def _ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    numbers = np.asarray(values, float)
    ordered = np.sort(numbers)
    return (ordered.searchsorted(numbers, "left") + ordered.searchsorted(numbers, "right") + 1) / 2


def share_interval(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Interval:
    """Wilson's interval for 0/1 values; where clusters rise and fall together, with Kish's effective number of items."""
    sums, counts = cluster_sums(values, clusters)
    n = int(counts.sum())
    if not n:
        return Interval()
    share, groups = sums.sum() / n, len(sums)
    plain = share * (1 - share) / n
    effect = 1.0
    if plain > 0 and 1 < groups < n:
        spread = float(((sums - share * counts) ** 2).sum()) * groups / (groups - 1) / n**2
        effect = max(1.0, spread / plain) * (t_quantile(groups - 1) / Z) ** 2
    found = wilson(share * n / effect, n / effect)
    return found.model_copy(update={"value": float(share), "n": n})


def paired_interval(better: float, worse: float, n: float) -> tuple[float, float]:
    """Interval of (better - worse) / n, the paired difference of two shares (Bonett and Price 2012). Unlike a bootstrap it
    never claims certainty when nothing differed: 0 of n still leaves room for about 3 / n."""
    up, down = (better + 1) / (n + 2), (worse + 1) / (n + 2)
    half = Z * math.sqrt(max(0.0, up + down - (up - down) ** 2) / (n + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def mcnemar(b: int, c: int) -> float:
    """Exact two-sided p of the sign test on discordant pairs: b items only one is right on, c only the other."""
    b, c = int(b), int(c)  # NumPy's integers would overflow
    n, smaller = b + c, min(b, c)
    term = total = 1
    for k in range(smaller):
        term = term * (n - k) // (k + 1)
        total += term
    return min(1.0, 2 * total / 2**n)


def sign_flip(differences: Sequence[float], clusters: Sequence[Hashable] | None = None, draws: int = DRAWS,
              seed: int = 0) -> float | None:
    """Permutation p of a paired difference: under no difference each cluster's sign could as well be the other one."""
    sums, _ = cluster_sums(differences, clusters)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0 if len(differences) else None
    enumerated = len(sums) <= ENUMERATED
    if enumerated:
        signs = 2.0 * (np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1) - 1
    else:
        signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), (draws, len(sums)))
    reached = int((np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-9)).sum())
    return reached / len(signs) if enumerated else (reached + 1) / (draws + 1)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p for each p of one declared family; None (not tested) stays None and does not count."""
    order = sorted((p, place) for place, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - rank)))
        adjusted[place] = highest
    return adjusted


def minimum_difference(n: int, discordant: float = 0.3) -> float | None:
    """Smallest true difference of two shares that n paired items show with 80 % power at two-sided .05 (Connor 1987), when on
    a share `discordant` of the items exactly one arm is right. None: so few items show nothing."""
    if n < FEWEST:
        return None
    low, high = 1e-6, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if needed(middle, discordant) > n else (low, middle)
    return high


def needed(difference: float, discordant: float = 0.3) -> float:
    """Paired items needed to see a true difference; a difference can never exceed the discordant share."""
    share = max(discordant, difference)
    root = Z * math.sqrt(share) + Z_POWER * math.sqrt(max(0.0, share - difference**2))
    return (root / difference) ** 2
