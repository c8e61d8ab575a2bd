"""Votes in lab.db: sessions, people, and one vote per person and pair. A vote can be changed until its session is closed.

Imported where votes are read or written, not with `lab.store` (see lab/store/database.py).
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import JSON, Column, Float, Integer, MetaData, Table, Text, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_update

from lab.core import DataError
from lab.core.votes import Alike, Choice, Turnout, Vote, VotePair, VoteSession
from lab.store import database

MOST_VOTERS = 1_000  # per session: what a room can be, and what keeps a mischievous script from filling the disk
_tables = MetaData()
_SESSION = Table("vote_session", _tables, *(Column(name, Text) for name in ("id", "code", "experiment", "task", "question")),
                 *(Column(name, Integer) for name in ("seed", "dice", "per_voter")), *(Column(name, JSON) for name in ("systems", "alike")),
                 *(Column(name, Float) for name in ("created", "closed", "revealed")))
_PAIR = Table("vote_pair", _tables, Column("session", Text), Column("number", Integer),
              *(Column(name, Text) for name in ("item", "prompt", "entity", "one", "other", "answer_one", "answer_other")))
_VOTER = Table("voter", _tables, Column("session", Text), Column("number", Integer), Column("code", Text), Column("joined", Float))
_VOTE = Table("vote", _tables, Column("session", Text, primary_key=True), Column("voter", Integer, primary_key=True),
              Column("pair", Integer, primary_key=True), Column("left_system", Text), Column("choice", Text), Column("at", Float))


def create(session: VoteSession) -> None:
    """Write a session with its pairs, whole or not at all. Raises DataError where its id or code is taken."""
    about = session.model_dump(mode="json", exclude={"pairs"})
    pairs = [{"session": session.id, **pair.model_dump(mode="json", exclude={"answers"}), "answer_one": pair.answers[0], "answer_other": pair.answers[1]}
             for pair in session.pairs]
    with database.connection(write=True) as found:
        found.execute(insert(_SESSION), about)
        found.execute(insert(_PAIR), pairs)


def load(session_id: str) -> VoteSession:
    """Raises DataError where there is none."""
    found = _find(_SESSION.c.id == session_id)
    if not found:
        raise DataError("This vote is not in the workspace", session_id, "Open the Vote page and choose another, or start one")
    return found[0]


def by_code(code: str) -> VoteSession | None:
    """The session of a short link; letter case does not count."""
    return next(iter(_find(_SESSION.c.code == code.strip().upper())), None)


def of_experiment(experiment_id: str) -> list[VoteSession]:
    """Every vote of an experiment, newest first."""
    return _find(_SESSION.c.experiment == experiment_id)


def _find(where: Any) -> list[VoteSession]:
    if not database.exists():
        return []
    with database.connection() as found:
        rows = found.execute(select(_SESSION).where(where).order_by(_SESSION.c.created.desc())).mappings().all()
        pairs = {row["id"]: found.execute(select(_PAIR).where(_PAIR.c.session == row["id"]).order_by(_PAIR.c.number)).mappings().all() for row in rows}
    return [_session(dict(row), pairs[row["id"]]) for row in rows]


def _session(row: dict[str, Any], pairs: Any) -> VoteSession:
    return VoteSession(**{**row, "systems": tuple(row["systems"]), "alike": tuple(Alike(**one) for one in row["alike"])},
                       pairs=tuple(VotePair(**{name: pair[name] for name in ("number", "item", "prompt", "entity", "one", "other")},
                                            answers=(pair["answer_one"], pair["answer_other"])) for pair in pairs))


def join(session_id: str, code: str) -> int:
    """The number of the person with this code in this session, 0, 1, 2, ... in the order of joining. The same code keeps its number.

    Raises DataError where the session is closed and the person is new, or where it is full.
    """
    with database.connection(write=True) as found:
        known = found.scalar(select(_VOTER.c.number).where(_VOTER.c.session == session_id, _VOTER.c.code == code))
        if known is not None:
            return known
        _must_be_open(found, session_id)
        number = found.scalar(select(func.count()).where(_VOTER.c.session == session_id))
        if number >= MOST_VOTERS:
            raise DataError(f"This vote has {MOST_VOTERS} voters, and takes no more", session_id, "Ask the host for another vote")
        found.execute(insert(_VOTER), {"session": session_id, "number": number, "code": code, "joined": time.time()})
        return number


def voter_of(session_id: str, code: str) -> int | None:
    """The number this code joined under; None for a new person."""
    with database.connection() as found:
        return found.scalar(select(_VOTER.c.number).where(_VOTER.c.session == session_id, _VOTER.c.code == code))


def cast(session_id: str, voter: int, pair: int, left: str, choice: Choice) -> None:
    """Count a vote, in place of what this person chose on this pair before. Raises DataError where the session is closed or where the
    person or the pair is not of this session."""
    row = {"session": session_id, "voter": voter, "pair": pair, "left_system": left, "choice": choice, "at": time.time()}
    with database.connection(write=True) as found:
        _must_be_open(found, session_id)
        new = insert_or_update(_VOTE).values(row)
        found.execute(new.on_conflict_do_update(index_elements=["session", "voter", "pair"],
                                                set_={name: new.excluded[name] for name in ("left_system", "choice", "at")}))


def _must_be_open(found: Any, session_id: str) -> None:
    row = found.execute(select(_SESSION.c.closed).where(_SESSION.c.id == session_id)).first()
    if row is None:
        raise DataError("This vote is not in the workspace", session_id, "Ask the host for the link once more")
    if row.closed is not None:
        raise DataError("This vote is closed: votes are neither taken nor changed any more", session_id, "Wait for the host to reveal the names")


def votes(session_id: str, voter: int | None = None) -> tuple[Vote, ...]:
    """Every vote of a session, or one person's, in the order of voters and pairs."""
    where = [_VOTE.c.session == session_id, *([_VOTE.c.voter == voter] if voter is not None else [])]
    with database.connection() as found:
        rows = found.execute(select(_VOTE).where(*where).order_by(_VOTE.c.voter, _VOTE.c.pair)).all()
    return tuple(Vote(voter=row.voter, pair=row.pair, left=row.left_system, choice=row.choice, at=row.at) for row in rows)


def turnout(session: VoteSession) -> Turnout:
    wanted = min(session.per_voter, len(session.items))
    with database.connection() as found:
        joined = found.scalar(select(func.count()).where(_VOTER.c.session == session.id))
        each = found.scalars(select(func.count()).where(_VOTE.c.session == session.id).group_by(_VOTE.c.voter)).all()
    return Turnout(joined=joined, finished=sum(count >= wanted for count in each), votes=sum(each))


def close(session_id: str) -> None:
    """End a vote; what was cast stays."""
    _stamp(session_id, "closed")


def reopen(session_id: str) -> None:
    """Go on voting. A revealed vote stays closed: it would no longer be blind."""
    with database.connection(write=True) as found:
        found.execute(update(_SESSION).where(_SESSION.c.id == session_id, _SESSION.c.revealed.is_(None)).values(closed=None))


def reveal(session_id: str) -> None:
    """Show the names. Closes the vote for good."""
    _stamp(session_id, "closed", "revealed")


def _stamp(session_id: str, *names: str) -> None:
    """Write the present time where none stands yet."""
    with database.connection(write=True) as found:
        for name in names:
            column = _SESSION.c[name]
            found.execute(update(_SESSION).where(_SESSION.c.id == session_id, column.is_(None)).values({name: time.time()}))
