"""The Vote page: what the host does, what a voter sees, and a whole room at once over real connections."""

import asyncio
import random
import time

import pytest
from pages_help import opened
from room import Guest, vote_through
from streamlit.testing.v1 import AppTest

from lab import store
from lab.core.votes import VotePair, VoteSession
from lab.jobs import voting
from lab.store import votes
from lab.ui import vote_reads
from tests.running import App
from tests.ui import workspaces


@pytest.fixture(autouse=True)
def fresh():
    """Other tests' workspaces may have had a vote of the same name a second ago."""
    for read in (vote_reads._sessions, vote_reads._by_code, vote_reads._turnout, vote_reads._cast, vote_reads._result):
        read.clear()


def small(items: int = 4, code: str = "ABCDEF", **more) -> VoteSession:
    pairs = tuple(VotePair(number=n, item=f"i{n}", prompt=f"Question {n}? {workspaces.NASTY}", one="base", other="SFT", answers=(f"plain {n}", f"kind {n}"))
                  for n in range(items))
    found = VoteSession(id=f"vote-{code.lower()}", code=code, experiment="exp", task="t-facts", seed=0, dice=1, systems=("base", "SFT"), pairs=pairs,
                        per_voter=items, question="Which is kinder?", created=time.time(), **more)
    votes.create(found)
    return found


def words(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "text", "info", "warning", "header", "success") for element in getattr(app, kind))


def labels(app: AppTest) -> set[str]:
    return {button.label for button in app.button}


def press(app: AppTest, start: str) -> AppTest:
    for read in (vote_reads._by_code, vote_reads._sessions, vote_reads._turnout, vote_reads._cast):
        read.clear()
    return next(button for button in app.button if button.label == start or button.key.startswith(start)).click().run()


def voter(code: str = "ABCDEF", who: str = "person-00001") -> AppTest:
    return opened("vote", {"session": code, "voter": who})


def test_a_host_starts_a_vote_and_sees_a_link_and_no_result():
    found = workspaces.finished()
    app = opened("vote", {"experiment": found.id})
    assert not app.exception and "test items these Systems answered differently" in words(app)
    press(app, "Start the vote")
    session = votes.of_experiment(found.id)[0]
    assert session.systems == ("base", "RAG + SFT") and session.items
    assert any(session.code in code.value for code in app.code) and {"Close the vote", "Reveal the names"} <= labels(app)
    assert "phones cannot open the link" in words(app), "the test's server is on the loopback address"
    assert "is preferred" not in words(app) and "cannot be told apart" not in words(app)


def test_a_voter_sees_no_names_no_navigation_and_goes_on_after_a_reload():
    session = small()
    app = voter()
    assert not app.exception and not app.title and "Which is kinder?" in words(app)
    assert not app.sidebar.children, "no sidebar"
    press(app, "Begin")
    for _ in range(2):
        assert not any(name in words(app) for name in ("base", "SFT"))
        press(app, "A is better")
    assert "2 of 4 judged" in voter().get("progress")[0].proto.text, "the same person goes on"
    assert "Begin" in labels(voter(who="person-00002")), "somebody else begins"
    cast = votes.votes(session.id)
    deck = voting.ballots(session, 0)
    assert {(vote.pair, vote.left, vote.choice) for vote in cast} == {(ballot.pair.number, ballot.left, "left") for ballot in deck[:2]}


def test_a_voter_goes_back_and_changes_a_vote_until_it_is_closed():
    session = small()
    app = press(voter(), "Begin")
    press(app, "A is better")
    press(app, "Back")
    press(app, "Equally good")
    assert [vote.choice for vote in votes.votes(session.id)] == ["tie"]
    votes.close(session.id)
    press(app, "B is better")
    assert not app.exception and "closed" in words(app) and len(votes.votes(session.id)) == 1
    assert "closed" in words(voter(who="person-00009"))


def test_at_the_end_one_waits_and_sees_names_when_they_are_revealed():
    session = small(items=2)
    app = press(voter(), "Begin")
    press(app, "A is better")
    press(app, "A is better")
    assert "Thank you" in words(app)
    votes.reveal(session.id)
    vote_reads.look_again(session)
    shown = words(voter())
    assert "Your own votes" in shown and "base" in shown and "Only 1 person voted" in shown


def test_a_wrong_code_says_so():
    small()
    assert "Ask the host for the link once more" in words(voter(code="NOSUCH"))


def test_the_host_reveals_and_makes_preference_pairs_that_compare_shows_too():
    found = workspaces.finished()
    press(opened("vote", {"experiment": found.id}), "Start the vote")
    session = votes.of_experiment(found.id)[0]
    for number in range(6):
        assert votes.join(session.id, f"person-{number:05}") == number
        for ballot in voting.ballots(session, number):
            votes.cast(session.id, number, ballot.pair.number, ballot.left, "left" if ballot.left == "RAG + SFT" else "right")
    app = opened("vote", {"experiment": found.id, "vote": session.id})
    press(app, "Reveal the names")
    assert "RAG + SFT is preferred to base" in words(app) and "no sign that the side mattered" in words(app)
    press(app, "Save the votes as preference pairs")
    assert not app.exception and "left the test split" in words(app), words(app)
    made = store.tasks.load(app.session_state["build_tasks"][0])
    assert made.preferences and {pair.prompt for pair in made.preferences}.isdisjoint(row.prompt for row in made.split("test"))
    shown = opened("compare", {"experiment": found.id, "task": session.task, "compare_view": "Votes"})
    assert not shown.exception and "RAG + SFT is preferred to base" in words(shown)


def test_compare_offers_a_vote_where_there_is_none():
    found = workspaces.finished()
    app = opened("compare", {"experiment": found.id, "compare_view": "Votes"})
    assert not app.exception and "judge the answers blind" in words(app)
    assert not (store.home() / "lab.db").exists(), "looking writes nothing"


@pytest.fixture
def server(workspace):
    """The address of the real app."""
    app = App(workspace)
    yield app.address
    app.stop()


def test_a_room_of_thirty_votes_at_once_and_every_vote_counts_once(server):
    """Thirty browsers' connections; a sixth of the taps are double taps, which must not judge the next question."""
    session = small(items=5)

    async def guest(number: int) -> dict[int, str]:
        async with Guest(server, f"session={session.code}") as found:
            pressed = await vote_through(found, random.Random(number), double=1 / 6)
            assert any("Thank you" in line for line in found.words)
            return pressed

    async def room() -> list[dict[int, str]]:
        return await asyncio.gather(*(guest(number) for number in range(30)))

    pressed = asyncio.run(room())
    cast: dict[int, dict[int, str]] = {}
    for vote in votes.votes(session.id):
        cast.setdefault(vote.voter, {})[vote.pair] = vote.choice
    assert sorted(sorted(one.items()) for one in cast.values()) == sorted(sorted(one.items()) for one in pressed)
    assert len(cast) == 30 and all(len(one) == 5 for one in cast.values())
