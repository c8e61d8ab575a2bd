"""Who is asked what, on which side; and the Task made from what people preferred."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from lab import store
from lab.core import DataError, Dpo, Evaluation, Example, Experiment, Item, Preference, Score, Scorer, Suite, System, Task, TaskData
from lab.core.votes import Vote
from lab.corpus import check as data_check
from lab.jobs import check, network
from lab.jobs.voting import ballots, differing, draw, preference_task

EXACT = (Scorer(kind="exact_match"),)


def asked(systems: int, items: int, alike: int = 0, count: int = 0, per_voter: int = 0, dice: int = 7):
    """A session of Systems that answer the first `alike` items all in the same way."""
    suite = Suite(name="t", title="T", role="task", scorers=EXACT, items=tuple(Item(id=f"i{n}", prompt=f"question {n}?", answer="", entity=f"e{n // 2}")
                                                                               for n in range(items)))
    answers = {f"S{s}": evaluation(suite, lambda n, s=s: "the same " if n < alike else f"answer {s} to {n}") for s in range(systems)}
    return draw(Experiment.model_construct(id="exp", name="E"), "t", 0, answers, suite, count or items, per_voter, "Which?", dice), suite, answers


def evaluation(suite: Suite, answer) -> Evaluation:
    return Evaluation(system_key="k", suite=suite.name, suite_fingerprint=suite.fingerprint, role="task", scorers=EXACT, decoding="greedy",
                      scores=tuple(Score(item=item.id, answer=answer(n), values={}) for n, item in enumerate(suite.items)))


@settings(max_examples=40, deadline=None)
@given(some.integers(2, 4), some.integers(1, 15), some.integers(0, 15), some.integers(0, 2**31))
def test_everybody_judges_each_item_once_and_everything_evens_out(systems, items, part, dice):
    session, _, _ = asked(systems, items, per_voter=min(part, items), dice=dice)
    pairs = systems * (systems - 1) // 2
    rounds = 2 * pairs * items  # so many ballots go round exactly once more
    shown = Counter()
    for voter in range(rounds):
        deck = ballots(session, voter)
        assert deck == ballots(session, voter) and len(deck) == session.per_voter == len({ballot.pair.item for ballot in deck})
        shown.update((ballot.pair.number, ballot.left) for ballot in deck)
    assert len(shown) == 2 * pairs * items and len(set(shown.values())) == 1, "every pair of every item equally often on either side"


def test_one_voter_alone_sees_both_sides_and_all_systems_about_equally():
    session, _, _ = asked(3, 18)
    deck = ballots(session, 0)
    assert set(Counter(ballot.pair.one + ballot.pair.other for ballot in deck).values()) == {6}
    assert set(Counter(ballot.left == ballot.pair.one for ballot in deck).values()) == {9}
    assert [ballot.pair.item for ballot in deck] != [ballot.pair.item for ballot in ballots(session, 1)], "everybody has an own order"


def test_equal_answers_are_never_asked_and_are_counted():
    session, suite, answers = asked(2, 20, alike=8)
    assert len(session.pairs) == 12 == differing(answers, suite) and session.alike[0].alike == 8 and session.alike[0].of == 20
    assert all(one.strip() != other.strip() for one, other in (pair.answers for pair in session.pairs))
    with pytest.raises(DataError, match="same answer to every item"):
        asked(2, 5, alike=5)
    with pytest.raises(DataError, match="at least two"):
        asked(1, 5)


def test_a_session_says_what_stood_where():
    session, _, _ = asked(2, 4)
    ballot = ballots(session, 0)[0]
    assert {ballot.left, ballot.right} == {"S0", "S1"} and ballot.answers == (ballot.pair.answer_of(ballot.left), ballot.pair.answer_of(ballot.right))
    assert Vote(voter=0, pair=0, left="S1", choice="right").winner(session.pairs[0]) == "S0"
    assert len(session.code) == 6 and not set(session.code) & set("IO01")


def voted_task(rows: int = 40) -> TaskData:
    examples = tuple(Example(id=f"i{n}", prompt=f"question {n}?", answer="x", split="test", entity=f"e{n // 2}") for n in range(rows))
    train = tuple(Example(id=f"t{n}", prompt=f"exercise {n}?", answer="x", split="train", entity=f"t{n}") for n in range(10))
    own = (Preference(id="p0", prompt="old?", chosen="yes", rejected="no"),)
    return store.tasks.save(TaskData(task=Task(id="t", name="T", scorers=EXACT), examples=(*train, *examples), preferences=own))


def test_votes_become_preferences_and_their_items_leave_the_test():
    data = voted_task()
    session, _, _ = asked(2, 40, count=16)
    cast = [Vote(voter=v, pair=pair.number, left=pair.one, choice="right" if pair.number < 14 else "tie" if pair.number == 14 else ("left", "right")[v % 2])
            for pair in session.pairs for v in range(4)]
    made, told = preference_task(session, cast, data, "T, voted")
    assert (told.pairs, told.ties, told.split) == (14, 1, 1)
    assert all(pair.chosen.startswith("answer 1") and pair.rejected.startswith("answer 0") for pair in made.preferences)
    assert {pair.split for pair in made.preferences} == {"train", "validation"}
    prompts = {pair.prompt for pair in made.preferences}
    entities = {row.entity for row in data.examples if row.prompt in prompts}
    assert all(row.prompt not in prompts and row.entity not in entities for row in made.split("test"))
    assert told.moved == len(data.split("test")) - len(made.split("test")) >= 14 and told.test == len(made.split("test"))
    assert made.split("train") == data.split("train") and made.test_suite().fingerprint != data.test_suite().fingerprint
    assert not [found for found in data_check(made) if found.level == "refuse"]
    assert store.tasks.save(made).task.counts["preferences"] == 14
    assert len(preference_task(session, cast, data, "T, voted", keep=True)[0].preferences) == 15


def test_dpo_takes_the_new_task_at_once(shipped_base):
    data = voted_task()
    session, _, _ = asked(2, 40, count=16)
    made, _ = preference_task(session, [Vote(voter=0, pair=pair.number, left=pair.one, choice="left") for pair in session.pairs], data, "T, voted")
    store.tasks.save(made)
    base = store.bases.resolve("shipped", shipped_base.name)
    aligned = Experiment(id="exp-2", name="again", tasks=(made.task.id,), systems=(System(name="DPO", base=base, training=(Dpo(),)),))
    assert check(aligned) == []


def test_nothing_decided_or_nothing_left_to_test_is_refused():
    data = voted_task()
    session, _, _ = asked(2, 40)
    with pytest.raises(DataError, match="more than half"):
        preference_task(session, [], data, "none")
    with pytest.raises(DataError, match="none would be left"):
        preference_task(session, [Vote(voter=0, pair=pair.number, left=pair.one, choice="left") for pair in session.pairs], data, "all")


def test_the_room_is_told_an_address_that_others_can_reach():
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "[::1]", "lab.localhost"):
        assert network.is_loopback(host)
    assert not network.is_loopback("192.168.1.7") and not network.is_loopback("lab.example.org")
    found = network.room_address()
    assert found is None or not network.is_loopback(found)


def test_a_part_of_a_large_task_is_not_saved_as_if_it_were_the_whole():
    data, (session, cast, _) = voted_task(), asked(2, 40, count=16)
    part = data.model_copy(update={"examples": data.examples[:-5]})
    with pytest.raises(DataError, match="would lack the others"):
        preference_task(session, cast, part, "part")
