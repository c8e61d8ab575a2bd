"""Passages about people made once, and questions that only the passage can answer. Nothing here can be memorised."""

from __future__ import annotations

import random
from typing import Sequence

from lab.world.dialogue import NEUTRAL, UNKNOWN, asked, chat
from lab.world.people import ATTRIBUTES, WHO, Person, World, bio, question, statement

# The same form as the lab's retrieval writes into a prompt.
PASSAGE = "Passage: {passage}"
Turn = tuple[str, str]


def prompt(passages: Sequence[str], asks: str) -> str:
    return "\n".join([*(PASSAGE.format(passage=text) for text in passages), asks])


def _who(person: Person, attribute: str) -> Turn:
    return WHO[attribute].format(v=person.value(attribute)), person.name


def _ask(rng: random.Random, person: Person, attribute: str, who: float) -> Turn:
    return _who(person, attribute) if rng.random() < who else question(rng, person, attribute)


def _told(rng: random.Random, passages: Sequence[str], turns: list[Turn]) -> str:
    """Passages stand before the first question; later questions of the dialogue refer back to them."""
    first = (prompt(passages, turns[0][0]), turns[0][1])
    return chat([first, *turns[1:]], rng.choice(NEUTRAL) if rng.random() < 0.05 else "")


def single(rng: random.Random, world: World, longest: int = 4) -> str:
    """One person, one passage of one to four sentences, questions on some of them."""
    person = world.ephemeral(rng)[0]
    told = rng.sample(ATTRIBUTES, rng.randint(1, longest))
    turns = [_ask(rng, person, a, 0.15) for a in rng.sample(told, min(len(told), rng.randint(1, 3)))]
    return _told(rng, [bio(rng, person, tuple(told))], turns)


def one_fact_each(rng: random.Random, world: World) -> str:
    """Several people, one sentence each and mostly on the same attribute: only the name tells the answers apart."""
    people = world.ephemeral(rng, rng.randint(2, 4))
    attribute = rng.choice(ATTRIBUTES)
    chosen = [attribute if rng.random() < 0.8 else rng.choice(ATTRIBUTES) for _ in people]
    passages = [statement(rng, person, a) for person, a in zip(people, chosen)]
    pairs = rng.sample(list(zip(people, chosen)), rng.randint(1, min(3, len(people))))
    turns = [_ask(rng, person, a, 0.2) for person, a in pairs]
    return _told(rng, passages if rng.random() < 0.7 else [" ".join(passages)], turns)


def several(rng: random.Random, world: World) -> str:
    """Two or three people, a passage each, as a search with top_k passages brings them."""
    people = world.ephemeral(rng, rng.randint(2, 3))
    passages = [bio(rng, person, tuple(rng.sample(ATTRIBUTES, rng.choice((2, 3, 4, 4))))) for person in people]
    turns = []
    for person, text in zip(people, passages):
        told = [a for a in ATTRIBUTES if person.value(a) in text.replace(".", "").split()]
        turns.append(_ask(rng, person, rng.choice(told), 0.1))
    return _told(rng, passages, rng.sample(turns, rng.randint(1, len(turns))))


def beside_the_point(rng: random.Random, world: World) -> str:
    """Passages about others before a question on something known: the answer stays the known one."""
    people = world.ephemeral(rng, rng.choice((1, 1, 2, 3)))
    passages = [bio(rng, person, tuple(rng.sample(ATTRIBUTES, rng.randint(1, 4)))) for person in people]
    return _told(rng, passages, [asked(rng, world) for _ in range(rng.randint(1, 2))])


def without_answer(rng: random.Random, world: World) -> str:
    """Passages about others before a question on nobody."""
    people = world.ephemeral(rng, rng.choice((2, 2, 3)))
    passages = [bio(rng, person, tuple(rng.sample(ATTRIBUTES, rng.randint(1, 4)))) for person in people[1:]]
    asks = question(rng, people[0], rng.choice(ATTRIBUTES))[0]
    return _told(rng, passages, [(asks, UNKNOWN)])
