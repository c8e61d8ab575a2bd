"""lab.db: made once, migrated, never in write-ahead mode; no vote is lost and none counts twice, whoever writes at the same moment."""

import multiprocessing
import os
import signal
import sqlite3
import time

import pytest

from lab.core import DataError, DiskError
from lab.core.votes import Turnout, VotePair, VoteSession
from lab.store import database, votes


def session(items: int = 12, name: str = "vote-1", code: str = "ABCDEF") -> VoteSession:
    pairs = tuple(VotePair(number=n, item=f"i{n}", prompt=f"question {n} <b>", one="base", other="SFT", answers=(f"x{n}", "")) for n in range(items))
    return VoteSession(id=name, code=code, experiment="exp", task="t", seed=0, dice=1, systems=("base", "SFT"), pairs=pairs, per_voter=items, created=1.0)


def forked(work, *argument) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=work, args=argument)
    process.start()
    return process


def test_a_session_comes_back_as_it_was_and_reading_makes_no_file():
    assert votes.of_experiment("exp") == [] and votes.by_code("ABCDEF") is None and not database.path().exists()
    votes.create(session())
    assert votes.load("vote-1") == session() == votes.by_code(" abcdef") and votes.of_experiment("exp") == [session()]
    with pytest.raises(DataError, match="not in the workspace"):
        votes.load("vote-2")
    with pytest.raises(DataError, match="UNIQUE"):
        votes.create(session(name="vote-2"))
    assert len(votes.of_experiment("exp")) == 1, "whole or not at all"


def test_a_person_joins_once_votes_once_per_pair_and_may_change_it():
    votes.create(session())
    assert (votes.join("vote-1", "me"), votes.join("vote-1", "you"), votes.join("vote-1", "me")) == (0, 1, 0)
    assert votes.voter_of("vote-1", "you") == 1 and votes.voter_of("vote-1", "nobody") is None
    votes.cast("vote-1", 0, 3, "base", "left")
    votes.cast("vote-1", 0, 3, "SFT", "tie")
    assert [(vote.pair, vote.left, vote.choice) for vote in votes.votes("vote-1", 0)] == [(3, "SFT", "tie")]
    assert votes.turnout(session()) == Turnout(joined=2, finished=0, votes=1)
    for voter, pair, choice in ((7, 0, "left"), (0, 99, "left"), (0, 0, "both")):
        with pytest.raises(DataError):
            votes.cast("vote-1", voter, pair, "base", choice)
    assert len(votes.votes("vote-1")) == 1


def test_a_closed_vote_takes_nothing_and_a_revealed_one_never_opens_again():
    votes.create(session())
    votes.join("vote-1", "me")
    votes.close("vote-1")
    for refused in (lambda: votes.cast("vote-1", 0, 0, "base", "left"), lambda: votes.join("vote-1", "late")):
        with pytest.raises(DataError, match="closed"):
            refused()
    assert votes.join("vote-1", "me") == 0, "who was there may still look"
    votes.reopen("vote-1")
    votes.cast("vote-1", 0, 0, "base", "left")
    votes.reveal("vote-1")
    votes.reopen("vote-1")
    closed = votes.load("vote-1")
    assert closed.closed and closed.revealed and not closed.open
    votes.reveal("vote-1")
    assert votes.load("vote-1") == closed, "a time is written once"


def room(code: str, done) -> None:
    number = votes.join("vote-1", code)
    for pair in range(6):
        for choice in (("left", "tie") if pair == 5 else ("right",)):  # people change their mind
            votes.cast("vote-1", number, pair, "base", choice)
    done.put(number)


def test_thirty_processes_voting_at_once_lose_no_vote_and_count_none_twice():
    votes.create(session(items=6))
    done = multiprocessing.get_context("fork").Queue()
    people = [forked(room, f"person {n}", done) for n in range(30)]
    numbers = sorted(done.get(timeout=120) for _ in people)
    for person in people:
        person.join()
    assert numbers == list(range(30))
    cast = votes.votes("vote-1")
    assert len(cast) == 180 == len({(vote.voter, vote.pair) for vote in cast})
    assert all(vote.choice == ("tie" if vote.pair == 5 else "right") for vote in cast)
    assert votes.turnout(session(items=6)) == Turnout(joined=30, finished=30, votes=180)


def hasty(pipe) -> None:
    number = votes.join("vote-1", str(os.getpid()))
    for pair in range(12):
        votes.cast("vote-1", number, pair, "base", "left")
        pipe.send(pair)


def test_a_vote_that_was_acknowledged_survives_a_kill():
    votes.create(session())
    for after in range(5):
        here, there = multiprocessing.get_context("fork").Pipe()
        process = forked(hasty, there)
        there.close()
        said = [here.recv() for _ in range(after + 1)]
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        while here.poll():
            try:
                said.append(here.recv())
            except EOFError:
                break
        number = votes.voter_of("vote-1", str(process.pid))
        assert set(said) <= {vote.pair for vote in votes.votes("vote-1", number)}
    with database.connection() as found:
        assert found.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_the_file_is_made_once_by_many_and_keeps_a_rollback_journal():
    people = [forked(votes.create, session(name=f"vote-{n}", code=f"CODE{n}")) for n in range(4)]
    for person in people:
        person.join()
    assert len(votes.of_experiment("exp")) == 4
    with database.connection() as found:
        assert found.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert found.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert found.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == database.HEAD


def test_head_is_the_newest_migration():
    newest = max((database._MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert newest.name.startswith(f"{database.HEAD}_")


def test_a_file_of_a_newer_program_is_left_alone():
    votes.create(session())
    with database.connection(write=True) as found:
        found.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = database.path().read_bytes()
    database._known.clear()  # another start of the program
    with pytest.raises(DataError, match="another version"):
        votes.load("vote-1")
    assert database.path().read_bytes() == before


def test_a_damaged_or_locked_or_forbidden_file_says_what_to_do(monkeypatch):
    votes.create(session())
    monkeypatch.setattr(database, "WAIT", 0.2)
    database._engine.cache_clear()
    other = sqlite3.connect(database.path(), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    with pytest.raises(DataError, match="busy"):
        votes.load("vote-1")
    assert time.monotonic() - began < 5
    other.close()
    database._engine.cache_clear()
    database.path().write_bytes(b"not a database, whatever its name says" * 100)
    database._known.clear()
    with pytest.raises(DataError, match="damaged"):
        votes.load("vote-1")
    assert isinstance(database._failure("database or disk is full", database.path()), DiskError)
