"""Bradley-Terry strengths with ties by Davidson (1970) and an effect of the side as in Davidson and Beaver (1977):

    left wins : the tie : right wins  =  exp(b_l + d/2) : exp((b_l + b_r)/2 + t) : exp(b_r - d/2)

A multinomial logit, so its likelihood has one maximum; without ties it is a logistic regression on the difference of the two. Strengths
add up to zero. Every two Systems that met count half a vote more for each outcome (a quarter per side), as Jeffreys' prior does for a
share: a System that won every time stays finite. Knows counts, no names.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

PRIOR = 0.5
STEPS, STEP, CLOSE = 60, 2.0, 1e-7  # of Newton's method: most steps, the longest one, and when it has arrived


def fit(counts: np.ndarray, prior: float = PRIOR, ties: bool = True, start: np.ndarray | None = None, met: np.ndarray | None = None) -> np.ndarray:
    """Maximum-likelihood parameters from counts (..., Systems left, Systems right, 3 outcomes: left, right, tie): (..., Systems + 2), the
    strengths, the side's effect d and the ties' t. `ties` False: a tie is no possible outcome, and t is zero. For resampled counts:
    `start` is where to begin, and `met` (Systems, Systems) says who met."""
    counts = np.asarray(counts, float)
    size, lead = counts.shape[-2], counts.shape[:-3]
    met = counts.sum(-1) > 0 if met is None else met
    counts = counts + prior / 2 * (met | np.swapaxes(met, -1, -2))[..., None]
    begin = np.zeros(size + 2) if start is None else start
    return _newton(counts.reshape(-1, size * size, 3), _features(size), ties, begin).reshape(*lead, size + 2)


@lru_cache(maxsize=8)
def _features(size: int) -> np.ndarray:
    """(left x right, outcome, parameter)."""
    found = np.zeros((size, size, 3, size + 2))
    for left in range(size):
        for right in range(size):
            found[left, right, 0, left] += 1
            found[left, right, 1, right] += 1
            found[left, right, 2, [left, right]] += 0.5
    found[..., 0, size], found[..., 1, size] = 0.5, -0.5
    found[..., 2, size + 1] = 1
    return found.reshape(size * size, 3, size + 2)


def _newton(counts: np.ndarray, features: np.ndarray, ties: bool, start: np.ndarray) -> np.ndarray:
    """A batch of concave maximisations: counts (batch, cells, 3), features (cells, 3, parameters)."""
    batch, parameters, among = len(counts), features.shape[-1], 3 if ties else 2
    used = counts.any((0, 2))
    counts, features = counts[:, used, :among], (features[used] - features[used][:, 1:2])[:, :among]  # right wins is the yardstick
    total, flat = counts.sum(2), features.reshape(-1, parameters)
    squares = (flat[:, :, None] * flat[:, None, :]).reshape(len(flat), -1)
    theta, pinned = np.tile(start, (batch, 1)), np.zeros((parameters, parameters))
    pinned[:-2, :-2] = 1  # the strengths' sum stays zero: the likelihood does not know it
    pinned[-1, -1] = not ties
    for _ in range(STEPS):
        eta = (theta @ flat.T).reshape(counts.shape)
        share = np.exp(eta - eta.max(2, keepdims=True))
        share /= share.sum(2, keepdims=True)
        mean = np.einsum("bck,ckp->bcp", share, features)
        expected = total[..., None] * share
        slope = (counts - expected).reshape(batch, -1) @ flat
        bend = (expected.reshape(batch, -1) @ squares).reshape(batch, parameters, parameters)
        bend -= (mean * total[..., None]).transpose(0, 2, 1) @ mean
        step = np.linalg.solve(bend + pinned, slope[..., None])[..., 0]
        step *= np.minimum(1, STEP / np.maximum(np.abs(step).max(1, keepdims=True), 1e-12))
        theta += step
        if np.abs(step).max() < CLOSE:
            break
    return theta


def influences(fitted: np.ndarray, left: np.ndarray, right: np.ndarray, outcome: np.ndarray, ties: bool = True) -> np.ndarray:
    """How much each vote moves the log odds of each System's expected share (votes, Systems): the delta method's first-order terms,
    whose sums over voters or items give clustered variances. One fit, votes as arrays."""
    size = len(fitted) - 2
    features = _features(size)[left * size + right]
    eta = features @ fitted - (0.0 if ties else np.array([0.0, 0.0, np.inf]))
    share = np.exp(eta - eta.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    mean = np.einsum("vk,vkp->vp", share, features)
    bend = np.einsum("vk,vkp,vkq->pq", share, features, features, optimize=True) - mean.T @ mean
    pinned = np.zeros_like(bend)
    pinned[:-2, :-2], pinned[-1, -1] = 1, not ties
    score = features[np.arange(len(left)), outcome] - mean
    return score @ np.linalg.solve(bend + pinned, _slopes(fitted).T)


def _slopes(fitted: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """d log odds of the shares / d parameters, (Systems, parameters), by central differences."""
    moved = np.eye(len(fitted)) * step
    if fitted[-1] == 0:
        moved[-1] = 0
    ahead, behind = (expected_shares(fitted + sign * moved) for sign in (1, -1))
    return ((np.log(ahead / (1 - ahead)) - np.log(behind / (1 - behind))) / (2 * step)).T


def expected_shares(fitted: np.ndarray) -> np.ndarray:
    """Share of wins (ties as half) of each System against an average other one, no side favoured: (..., Systems)."""
    strengths, tie = fitted[..., :-2], fitted[..., -1]
    ahead = np.exp((strengths[..., :, None] - strengths[..., None, :]) / 2)
    level = np.where(tie == 0, 0.0, np.exp(tie))[..., None, None]  # exactly zero: ties were no outcome
    beats = (ahead + level / 2) / (ahead + 1 / ahead + level)
    size = strengths.shape[-1]
    return (beats.sum(-1) - 0.5) / (size - 1)


def connected(counts: np.ndarray) -> bool:
    """Whether every System met every other, directly or through others; else their strengths cannot be compared."""
    met = counts.sum(-1) > 0
    reach = met | met.T | np.eye(len(met), dtype=bool)
    for _ in range(len(met)):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    return bool(reach.all())
