"""Blind votes in numbers: how strong each System is, whether the side decided, whether people agree.

What people read is not Bradley-Terry's b (lab/compare/bradley_terry.py) but the share of wins that it means against an average other
System, a tie being half a win. Its interval is over voters, on these items; a second, wider one is over voters and items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lab.compare.agreement import Agreement, agreement
from lab.compare.bradley_terry import connected, expected_shares, fit, influences
from lab.compare.stats import DRAWS, NORMAL, Z_POWER, Interval, Z, share_interval, t_quantile, wilson
from lab.core import Value
from lab.core.votes import Vote, VotePair, VoteSession

FEWEST = 2  # voters, for an interval over voters
FEW = 10  # voters; below, their resamples are too few to trust alone (coverage measured)
OUTCOMES = ("left", "right", "tie")


class Strength(Value):
    """One System. `share`: of wins expected against an average other System, its interval over other voters on the same items; `wide`:
    over other voters and other items. `strength` is Bradley-Terry's b (log odds)."""

    system: str
    strength: float | None
    share: Interval
    wide: Interval
    wins: int
    ties: int
    losses: int


class Meeting(Value):
    """Two Systems directly: votes for each, ties, and the share of `one`'s wins with ties as half, clustered by voter."""

    one: str
    other: str
    wins: int
    losses: int
    ties: int
    share: Interval
    separate: bool


class VoteResult(Value):
    """Everything that is shown of a vote. `position`: the share of decided votes that went to the left side."""

    strengths: tuple[Strength, ...]
    meetings: tuple[Meeting, ...]
    position: Interval
    agreement: Agreement
    voters: int
    votes: int
    ties: int
    items: int
    smallest: float | None


class Cast(NamedTuple):
    """Votes as arrays of equal length: who, on which item, which Systems left and right, which outcome (place in OUTCOMES)."""

    voter: np.ndarray
    item: np.ndarray
    left: np.ndarray
    right: np.ndarray
    outcome: np.ndarray


def vote_result(session: VoteSession, votes: Sequence[Vote], draws: int = DRAWS, seed: int = 0) -> VoteResult:
    """Strengths, direct meetings, the effect of the side, agreement. With one voter nothing over voters has an interval."""
    cast = arrays(session, votes)
    strengths = system_strengths(cast, session.systems, draws, seed)
    decided = cast.outcome < 2
    position = share_interval((cast.outcome[decided] == 0).astype(float), cast.voter[decided].tolist())
    voters = len(np.unique(cast.voter))
    return VoteResult(strengths=strengths, meetings=_meetings(cast, session.systems),
                      position=position if voters >= FEWEST else position.model_copy(update={"low": None, "high": None}),
                      agreement=agreement(preferences(session.pairs, votes), [pair.item for pair in session.pairs]), voters=voters,
                      votes=len(votes), ties=int((~decided).sum()), items=len(np.unique(cast.item)), smallest=smallest_share(int(decided.sum())))


def arrays(session: VoteSession, votes: Sequence[Vote]) -> Cast:
    place = {name: number for number, name in enumerate(session.systems)}
    item = {name: number for number, name in enumerate(session.items)}
    pairs = [session.pairs[vote.pair] for vote in votes]
    rights = [pair.other if vote.left == pair.one else pair.one for vote, pair in zip(votes, pairs)]
    columns = ([vote.voter for vote in votes], [item[pair.item] for pair in pairs], [place[vote.left] for vote in votes],
               [place[name] for name in rights], [OUTCOMES.index(vote.choice) for vote in votes])
    return Cast(*(np.array(column, int) for column in columns))


def preferences(pairs: Sequence[VotePair], votes: Sequence[Vote]) -> list[list[int]]:
    """For every pair, what its voters said: 1 for its first System, -1 for its second, 0 for a tie."""
    found: list[list[int]] = [[] for _ in pairs]
    for vote in votes:
        winner = vote.winner(pairs[vote.pair])
        found[vote.pair].append(0 if winner is None else 1 if winner == pairs[vote.pair].one else -1)
    return found


def system_strengths(cast: Cast, systems: Sequence[str], draws: int = DRAWS, seed: int = 0) -> tuple[Strength, ...]:
    """Strongest first. Where some Systems never met the others, directly or through others, nothing is said about strength."""
    size = len(systems)
    cells = _cells(cast, size)
    counts = cells.sum(0).reshape(size, size, 3)
    tally = _tally(counts)
    if not connected(counts):
        return tuple(Strength(system=name, strength=None, share=Interval(n=sum(tally[place])), wide=Interval(), **_named(tally[place]))
                     for place, name in enumerate(systems))
    ties = bool(counts[..., 2].any())
    fitted = fit(counts, ties=ties)
    shares = expected_shares(fitted)
    over, wide = _over_voters(cast, cells, fitted, ties, draws, seed), _clustered(cast, fitted, ties, cast.voter, cast.item)
    found = []
    for place, name in enumerate(systems):
        narrow = _interval(shares[place], over, place, tally[place])
        found.append(Strength(system=name, strength=float(fitted[place]), share=narrow, wide=_wider(narrow, wide, place), **_named(tally[place])))
    return tuple(sorted(found, key=lambda one: -one.share.value))


Ends = tuple[np.ndarray, np.ndarray]  # lows and highs of the Systems' intervals


def _interval(share: float, ends: Ends | None, place: int, tally: tuple[int, int, int]) -> Interval:
    """Never narrower than independent votes would give (Wilson): where everybody agrees, resampling sees no spread at all."""
    found = Interval(value=float(share), n=sum(tally))
    if ends is None or not found.n:
        return found
    floor = wilson(share * found.n, found.n)
    return _wider(found.model_copy(update={"low": floor.low, "high": floor.high}), ends, place)


def _wider(narrow: Interval, ends: Ends | None, place: int) -> Interval:
    """The interval stretched to these ends; none where there are none."""
    if ends is None or narrow.low is None or narrow.high is None:
        return narrow.model_copy(update={"low": None, "high": None})
    return narrow.model_copy(update={"low": min(narrow.low, float(ends[0][place])), "high": max(narrow.high, float(ends[1][place]))})


def _over_voters(cast: Cast, cells: np.ndarray, fitted: np.ndarray, ties: bool, draws: int, seed: int) -> Ends | None:
    """Percentiles over resampled voters, moved outwards for few of them (Hesterberg 2015, as in `stats`). With fewer than FEW voters
    there are too few different resamples, so the clustered variance has its say too. None with fewer than two voters."""
    voter = np.unique(cast.voter, return_inverse=True)[1]
    groups = int(voter.max()) + 1 if len(voter) else 0
    if groups < FEWEST:
        return None
    size = len(fitted) - 2
    per_voter = np.zeros((groups, cells.shape[1]))
    np.add.at(per_voter, voter, cells)
    chosen = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), draws)
    counts = (chosen @ per_voter).reshape(draws, size, size, 3)
    met = per_voter.sum(0).reshape(size, size, 3).sum(-1) > 0
    tail = NORMAL.cdf(-math.sqrt(groups / (groups - 1)) * t_quantile(groups - 1))
    low, high = np.quantile(expected_shares(fit(counts, ties=ties, start=fitted, met=met)), [tail, 1 - tail], axis=0)
    if groups < FEW and (ends := _clustered(cast, fitted, ties, cast.voter)):
        return np.minimum(low, ends[0]), np.maximum(high, ends[1])
    return low, high


def _clustered(cast: Cast, fitted: np.ndarray, ties: bool, *ways: np.ndarray) -> Ends | None:
    """Intervals from clustered variances of the log odds, Student's t for the fewest clusters. Two ways (Cameron, Gelbach and Miller
    2011): the variance over voters plus the one over items less the one over single votes. None with fewer than two clusters."""
    levels = [np.unique(each, return_inverse=True)[1] for each in ways]
    groups = [int(level.max()) + 1 if len(level) else 0 for level in levels]
    fewest = min(groups)
    if fewest < FEWEST:
        return None
    moves = influences(fitted, cast.left, cast.right, cast.outcome, ties)
    parts = [np.stack([np.bincount(level, column) for column in moves.T]) for level in levels]
    each = [(part**2).sum(1) * among / (among - 1) for part, among in zip(parts, groups)]
    both = sum(each) - (len(each) - 1) * (moves**2).sum(0)
    shares = expected_shares(fitted)
    middle, half = np.log(shares / (1 - shares)), t_quantile(fewest - 1) * np.sqrt(np.maximum(np.max(each, axis=0), both))
    return 1 / (1 + np.exp(half - middle)), 1 / (1 + np.exp(-half - middle))


def _cells(cast: Cast, size: int) -> np.ndarray:
    """One row per vote with a single one in the cell of (left, right, outcome)."""
    found = np.zeros((len(cast.voter), size * size * 3))
    found[np.arange(len(cast.voter)), (cast.left * size + cast.right) * 3 + cast.outcome] = 1
    return found


def _tally(counts: np.ndarray) -> list[tuple[int, int, int]]:
    """(wins, ties, losses) of each System."""
    wins = counts[..., 0].sum(1) + counts[..., 1].sum(0)
    losses = counts[..., 1].sum(1) + counts[..., 0].sum(0)
    ties = counts[..., 2].sum(1) + counts[..., 2].sum(0)
    return [(int(one), int(two), int(three)) for one, two, three in zip(wins, ties, losses)]


def _named(tally: tuple[int, int, int]) -> dict[str, int]:
    return dict(zip(("wins", "ties", "losses"), tally))


def _meetings(cast: Cast, systems: Sequence[str]) -> tuple[Meeting, ...]:
    found = []
    for one in range(len(systems)):
        for other in range(one + 1, len(systems)):
            here = ((cast.left == one) & (cast.right == other)) | ((cast.left == other) & (cast.right == one))
            first = np.where(cast.left[here] == one, 0, 1)
            gained = np.where(cast.outcome[here] == 2, 0.5, (cast.outcome[here] == first).astype(float))
            share = share_interval(gained, cast.voter[here].tolist()) if len(np.unique(cast.voter[here])) >= FEWEST else Interval(
                value=float(gained.mean()) if len(gained) else None, n=len(gained))
            found.append(Meeting(one=systems[one], other=systems[other], wins=int((gained == 1).sum()), losses=int((gained == 0).sum()),
                                 ties=int((gained == 0.5).sum()), share=share, separate=share.excludes(0.5)))
    return tuple(found)


def smallest_share(n: int) -> float | None:
    """The smallest true share of wins above one half that n independent decided votes show with 80 % power at two-sided .05."""
    if n < 6:
        return None
    low, high = 0.5, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        wanted = ((Z * 0.5 + Z_POWER * math.sqrt(middle * (1 - middle))) / (middle - 0.5)) ** 2 if middle > 0.5 else math.inf
        low, high = (middle, high) if wanted > n else (low, middle)
    return high
