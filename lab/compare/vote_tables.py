"""A vote as tables: Systems, direct meetings, pair by pair, and every single vote. Votes in, frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lab.compare.votes import VoteResult, preferences
from lab.core.votes import Vote, VoteSession


def strengths_frame(result: VoteResult) -> pd.DataFrame:
    """One row per System, strongest first."""
    return pd.DataFrame([{"system": one.system, "share": one.share.value, "low": one.share.low, "high": one.share.high, "wide_low": one.wide.low,
                          "wide_high": one.wide.high, "strength": one.strength, "wins": one.wins, "ties": one.ties, "losses": one.losses}
                         for one in result.strengths])


def meetings_frame(result: VoteResult) -> pd.DataFrame:
    return pd.DataFrame([{"system": one.one, "against": one.other, "wins": one.wins, "ties": one.ties, "losses": one.losses, "share": one.share.value,
                          "low": one.share.low, "high": one.share.high, "n": one.share.n} for one in result.meetings])


def pairs_frame(session: VoteSession, votes: Sequence[Vote]) -> pd.DataFrame:
    """One row per pair: what it showed and how many voted how. `split` where neither System nor the tie has more than half."""
    found = []
    for pair, said in zip(session.pairs, preferences(session.pairs, votes)):
        counts = {name: said.count(value) for name, value in (("for_one", 1), ("tie", 0), ("for_other", -1))}
        found.append({"item": pair.item, "prompt": pair.prompt, "one": pair.one, "answer_one": pair.answers[0], "other": pair.other,
                      "answer_other": pair.answers[1], **counts, "split": bool(said) and max(counts.values()) * 2 <= len(said)})
    return pd.DataFrame(found)


def votes_frame(session: VoteSession, votes: Sequence[Vote]) -> pd.DataFrame:
    """Every single vote; people are numbers."""
    rows: list[Mapping[str, object]] = []
    for vote in votes:
        pair = session.pairs[vote.pair]
        right = pair.other if vote.left == pair.one else pair.one
        rows.append({"voter": vote.voter + 1, "item": pair.item, "left": vote.left, "right": right, "choice": vote.choice,
                     "preferred": vote.winner(pair) or "tie", "at": vote.at})
    return pd.DataFrame(rows, columns=["voter", "item", "left", "right", "choice", "preferred", "at"])
