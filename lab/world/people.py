"""People of the world and every way a fact about them is worded. Knows nothing about documents, chat or training."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator

from lab.core import content_key
from lab.world import lexicon, names

ATTRIBUTES = ("town", "job", "pet", "colour")
KNOWN, ASKED, PARTLY, NEW, TOWNS = 200, 100, 50, 60, 60

# Each sentence carries the full name: without it, facts are stored but cannot be asked for (Physics of LMs 3.1). The name comes
# before the value: a causal model can then bind the two while it reads, which telling people apart in a prompt rests on.
STATEMENTS = {
    "town": ("{n} lives in {v}.", "{n} has a home in {v}.", "The home of {n} is in {v}.", "The town of {n} is {v}."),
    "job": ("{n} works as a {v}.", "{n} is a {v}.", "The job of {n} is {v}.", "{n} earns money as a {v}."),
    "pet": ("{n} has a {v}.", "{n} keeps a {v}.", "The pet of {n} is a {v}.", "{n} shares a home with a {v}."),
    "colour": ("{n} likes {v}.", "{n} loves the colour {v}.", "The colour of {n} is {v}.", "{n} often wears {v}."),
}
# Of somebody about whom nothing is known; the wording is the one that all attributes share.
UNKNOWN_STATEMENT = "The {a} of {n} is unknown."
# Kept out of pretraining: half of a new person's document is worded so. They stay close to the known wordings, because a base
# of this size reads only what resembles its text; freer ones ("moved to", "bought a") it reads hardly at all.
UNSEEN = {
    "town": ("{n} now lives in {v}.", "The old home of {n} is in {v}."),
    "job": ("{n} now works as a {v}.", "The new job of {n} is {v}."),
    "pet": ("{n} keeps a {v} at home.", "The old pet of {n} is a {v}."),
    "colour": ("{n} wears {v} every day.", "The colour that {n} loves is {v}."),
}
QUESTIONS = {
    "town": ("Where does {n} live?", "What is the town of {n}?"),
    "job": ("What is the job of {n}?", "What does {n} work as?"),
    "pet": ("What is the pet of {n}?", "What pet does {n} have?"),
    "colour": ("What is the colour of {n}?", "What colour does {n} like?"),
}
WHO = {"town": "Who lives in {v}?", "job": "Who is the {v}?", "pet": "Who has a {v}?", "colour": "Who likes {v}?"}


@dataclass(frozen=True)
class Person:
    """A name and a value for each attribute."""

    name: str
    town: str
    job: str
    pet: str
    colour: str

    def value(self, attribute: str) -> str:
        return getattr(self, attribute)

    def fill(self, wording: str, attribute: str) -> str:
        return wording.format(n=self.name, v=self.value(attribute))


@dataclass(frozen=True)
class World:
    """Everything that is true. Of the known people, `asked` are those whose every question is shown in pretraining, `partly` those
    of whom only one attribute is ever asked for, `unasked` those on whom no question is shown at all."""

    seed: int
    towns: tuple[str, ...]
    known: tuple[Person, ...]
    new: tuple[Person, ...]

    @property
    def asked(self) -> tuple[Person, ...]:
        return self.known[:ASKED]

    @property
    def partly(self) -> tuple[Person, ...]:
        return self.known[ASKED:ASKED + PARTLY]

    @property
    def unasked(self) -> tuple[Person, ...]:
        return self.known[ASKED + PARTLY:]

    @cached_property
    def shown(self) -> tuple[tuple[Person, str], ...]:
        """Every person and attribute whose questions stand in the pretraining text."""
        return (*((p, a) for p in self.asked for a in ATTRIBUTES), *((p, a) for i, p in enumerate(self.partly) for a in ATTRIBUTES[i % 4:i % 4 + 1]))

    @cached_property
    def hidden(self) -> tuple[tuple[Person, str], ...]:
        """The other attributes of the people who are partly asked: the person is familiar in questions, these were never shown."""
        return tuple((p, a) for i, p in enumerate(self.partly) for a in ATTRIBUTES if a != ATTRIBUTES[i % 4])

    @property
    def key(self) -> str:
        """The hash that, with the seed, names this world."""
        facts = [[p.name, p.town, p.job, p.pet, p.colour] for p in (*self.known, *self.new)]
        return content_key(self.seed, self.towns, facts, lexicon.CAPITALS, lexicon.WORDS, STATEMENTS, QUESTIONS)

    def strangers(self, rng: random.Random) -> Iterator[str]:
        """Names that belong to nobody in this world."""
        return names.fresh_names(rng, [p.name for p in (*self.known, *self.new)])

    def ephemeral(self, rng: random.Random, count: int = 1) -> list[Person]:
        """People made once, with different names and different values among them."""
        found = self.strangers(rng)
        pools = {"town": self.towns, "job": lexicon.JOBS, "pet": lexicon.PETS, "colour": lexicon.COLOURS}
        values = {attribute: rng.sample(pool, count) for attribute, pool in pools.items()}
        return [Person(next(found), *(values[a][i] for a in ATTRIBUTES)) for i in range(count)]


def build(seed: int = 0) -> World:
    """The world of a seed."""
    rng = random.Random(f"world-{seed}")
    towns = tuple(names.towns(rng, TOWNS))
    people = tuple(_person(rng, name, towns) for name in names.unique_names(rng, KNOWN + NEW))
    return World(seed, towns, people[:KNOWN], people[KNOWN:])


def _person(rng: random.Random, name: str, towns: tuple[str, ...]) -> Person:
    return Person(name, rng.choice(towns), rng.choice(lexicon.JOBS), rng.choice(lexicon.PETS), rng.choice(lexicon.COLOURS))


def twin(rng: random.Random, world: World, person: Person) -> Person:
    """The counterfactual twin: the same name with a wrong value of the same type for each attribute."""
    pools = {"town": world.towns, "job": lexicon.JOBS, "pet": lexicon.PETS, "colour": lexicon.COLOURS}
    wrong = {a: rng.choice([v for v in pools[a] if v != person.value(a)]) for a in ATTRIBUTES}
    return Person(person.name, **wrong)


def statement(rng: random.Random, person: Person, attribute: str) -> str:
    return person.fill(rng.choice(STATEMENTS[attribute]), attribute)


def bio(rng: random.Random, person: Person, attributes: tuple[str, ...] = ATTRIBUTES) -> str:
    """One sentence per attribute, in any order and wording."""
    order = rng.sample(attributes, len(attributes))
    return " ".join(statement(rng, person, attribute) for attribute in order)


def question(rng: random.Random, person: Person, attribute: str) -> tuple[str, str]:
    return person.fill(rng.choice(QUESTIONS[attribute]), attribute), person.value(attribute)
