"""Made-up voters with known tastes."""

from __future__ import annotations

import numpy as np

from lab.compare.bradley_terry import expected_shares, fit
from lab.compare.votes import Cast

SIDE, TIE = 0.3, -0.5


def simulated(seed: int, voters: int, items: int, strengths, spread: float = 0.5, item_spread: float = 0.0) -> Cast:
    """Every voter judges every item once; pairs and sides are dealt out as in a session. `spread`: how much voters' tastes differ,
    `item_spread`: how much the Systems' quality differs from item to item."""
    rng, size = np.random.default_rng(seed), len(strengths)
    pairs = np.array([(one, other) for one in range(size) for other in range(one + 1, size)])
    taste = np.asarray(strengths, float) + rng.normal(0, spread, (voters, size))
    quality = rng.normal(0, item_spread, (items, size))
    voter, item = np.repeat(np.arange(voters), items), np.tile(np.arange(items), voters)
    dealt = pairs[(voter + item) % len(pairs)]
    turned = ((voter // len(pairs) + item // len(pairs)) % 2).astype(bool)
    left, right = np.where(turned, dealt[:, 1], dealt[:, 0]), np.where(turned, dealt[:, 0], dealt[:, 1])
    a, b = taste[voter, left] + quality[item, left], taste[voter, right] + quality[item, right]
    odds = np.exp(np.stack([a + SIDE / 2, b - SIDE / 2, (a + b) / 2 + TIE], 1))
    share = (odds / odds.sum(1, keepdims=True)).cumsum(1)
    outcome = np.minimum((rng.random(len(voter))[:, None] > share).sum(1), 2)
    return Cast(voter, item, left, right, outcome)


def cells(cast: Cast, size: int) -> np.ndarray:
    found = np.zeros((size, size, 3))
    np.add.at(found, (cast.left, cast.right, cast.outcome), 1)
    return found


def true_shares(strengths, spread: float = 0.5, item_spread: float = 0.0) -> np.ndarray:
    """What very many voters on very many items would say."""
    return expected_shares(fit(sum(cells(simulated(seed, 600, 300, strengths, spread, item_spread), len(strengths)) for seed in range(900_000, 900_010))))
