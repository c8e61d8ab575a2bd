"""Do people who saw the same two answers say the same? Raw agreement, and Krippendorff's alpha, which takes chance away.

Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). With o the coincidences of values within units and n their
margins: alpha = 1 - (n - 1) * sum o[c, k] d[c, k] / sum n[c] n[k] d[c, k].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lab.compare.stats import DRAWS, Interval, bootstrap_mean, cluster_sums, wilson
from lab.core import Value

VALUES = (-1, 0, 1)
FEWEST = 6  # items; with fewer, alpha has no interval and nothing is concluded from it
LOW = 0.4  # alpha; below, people disagree (Landis and Koch 1977 call 0.41 and more moderate)


class Agreement(Value):
    """`raw`: the chance that two people say the same on the same pair; `alpha`: 1 perfect, 0 what chance gives. `pairs` had two voters
    or more."""

    raw: Interval = Interval()
    alpha: Interval = Interval()
    pairs: int = 0

    @property
    def disagree(self) -> bool | None:
        """None: too few items to say."""
        return None if self.alpha.low is None or self.alpha.value is None else self.alpha.value < LOW


def agreement(units: Sequence[Sequence[int]], items: Sequence[str] | None = None, seed: int = 0) -> Agreement:
    """`units`: for each pair of answers what its voters said (1 the first, 0 a tie, -1 the second); intervals over resampled items.

    Which answer is called the first is arbitrary, so every unit counts in either order: the margins of the two become equal, and alpha
    does not depend on names. The distance of a tie to a win is half of that between two opposite wins (squared, as for intervals).
    """
    kept = [place for place, said in enumerate(units) if len(said) >= 2]
    if not kept:
        return Agreement()
    tables = np.stack([coincidences(units[place], VALUES) for place in kept])
    tables = (tables + tables[:, ::-1, ::-1]) / 2
    groups = [items[place] for place in kept] if items is not None else None
    same = np.trace(tables, axis1=1, axis2=2) / tables.sum((1, 2))
    distance = np.subtract.outer(VALUES, VALUES).astype(float) ** 2
    return Agreement(raw=_raw_interval(same, groups, seed), alpha=_alpha_interval(tables, distance, groups, seed), pairs=len(kept))


def _raw_interval(same: np.ndarray, groups: Sequence[str] | None, seed: int) -> Interval:
    """Over resampled items, and never narrower than independent pairs would give (Wilson): perfect agreement has no spread to resample."""
    found, floor = bootstrap_mean(same.tolist(), groups, seed=seed), wilson(float(same.sum()), len(same))
    if found.low is None or found.high is None:
        return found
    return found.model_copy(update={"low": min(found.low, floor.low), "high": max(found.high, floor.high)})


def coincidences(said: Sequence[int], values: Sequence[int]) -> np.ndarray:
    """How often each two values stand together in one unit of m values, each ordered couple of voters counting 1 / (m - 1)."""
    counts = np.array([list(said).count(value) for value in values], float)
    return (np.outer(counts, counts) - np.diag(counts)) / max(1, len(said) - 1)


def krippendorff(tables: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Alpha from summed coincidences (..., values, values); NaN where all values are one and the same."""
    margins = tables.sum(-1)
    n = margins.sum(-1)
    observed, expected = (tables * distance).sum((-1, -2)), np.einsum("...c,...k,ck->...", margins, margins, distance)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 - (n - 1) * observed / expected


def _alpha_interval(tables: np.ndarray, distance: np.ndarray, groups: Sequence[str] | None, seed: int) -> Interval:
    value = float(krippendorff(tables.sum(0), distance))
    if value != value:
        return Interval(n=len(tables))
    flat = tables.reshape(len(tables), -1)
    summed = np.stack([cluster_sums(column, groups)[0] for column in flat.T], axis=1)
    if len(summed) < FEWEST:
        return Interval(value=value, n=len(tables))
    chosen = np.random.default_rng(seed).multinomial(len(summed), np.full(len(summed), 1 / len(summed)), DRAWS)
    drawn = krippendorff((chosen @ summed).reshape(DRAWS, *distance.shape), distance)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high), n=len(tables))
