"""Every piece of the world's text can say which facts it rests on."""

import random

import pytest

from lab.world import corpus, dialogue, people
from lab.world.facts import Fact, facts_in
from lab.world.tasks import TASKS

WORLD = people.build(0)
RESTS_ON_FACTS = ("bios", "bios, short ones too", "questions", "facts", "reading, short", "reading, one person", "reading, one fact each",
                  "reading, several people", "known beside passages", "tone")


@pytest.mark.parametrize("kind", RESTS_ON_FACTS)
def test_documents_rest_on_facts_and_what_they_say_of_the_world_is_true(kind):
    rng = random.Random(f"facts-{kind}")
    for _ in range(150):
        text = corpus.MIX[kind][0](rng, WORLD)
        found = facts_in(text, WORLD)
        assert found, text
        assert not [fact for fact in found if not fact.is_true(WORLD)], text
        assert not [fact for fact in found if fact.group == "new"], text


@pytest.mark.parametrize("kind", ["grammar", "patterns", "symbols"])
def test_forms_rest_on_no_fact(kind):
    rng = random.Random(f"forms-{kind}")
    assert not [text for text in (corpus.MIX[kind][0](rng, WORLD) for _ in range(150)) if facts_in(text, WORLD)]


def test_a_bio_states_the_persons_four_facts():
    rng = random.Random(0)
    for person in WORLD.known:
        assert {(fact.relation, fact.value) for fact in facts_in(people.bio(rng, person), WORLD)} == {(a, person.value(a)) for a in people.ATTRIBUTES}


def test_every_question_and_answer_is_one_fact():
    for person in WORLD.known[:40]:
        for attribute, wordings in people.QUESTIONS.items():
            for wording in wordings:
                text = dialogue.chat([(wording.format(n=person.name), person.value(attribute))])
                assert facts_in(text, WORLD) == [Fact(person.name, attribute, person.value(attribute), "known")]


def test_a_wrong_value_is_found_out_and_the_unknown_is_not_a_value():
    rng = random.Random(1)
    wrong = people.twin(rng, WORLD, WORLD.new[0])
    assert all(not fact.is_true(WORLD) for fact in facts_in(people.bio(rng, wrong), WORLD))
    asked = dialogue.chat([("Where does Zuzu Fafi live?", dialogue.UNKNOWN)])
    assert facts_in(asked, WORLD) == [Fact("Zuzu Fafi", "town", "", "made once")] and facts_in(asked, WORLD)[0].is_true(WORLD)


def test_nobody_is_said_to_be_unknown_in_statements_too():
    rng = random.Random(2)
    for kind in ("unknown, stated", "unknown, asked"):
        for _ in range(100):
            found = facts_in(corpus.MIX[kind][0](rng, WORLD), WORLD)
            nobody = [fact for fact in found if fact.group == "made once"]
            assert all(fact.value == "" for fact in nobody) and all(fact.is_true(WORLD) for fact in found)
            assert nobody or kind == "unknown, asked"


def test_the_documents_of_the_tasks_on_facts_rest_on_the_new_people_alone():
    for name in ("facts", "compound"):
        for key, text in TASKS[name](WORLD)["documents"].items():
            found = facts_in(text, WORLD)
            assert {fact.group for fact in found} <= {"new"} and all(fact.is_true(WORLD) for fact in found)
            assert len(found) == (4 if key.startswith("person") else 0)
