"""People of the world and every way a fact about them is worded. Knows nothing about documents, chat or training."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Iterator

from lab.core import content_key
from lab.world import lexicon, names

ATTRIBUTES = ("town", "job", "pet", "colour")
KNOWN, ASKED, NEW, TOWNS = 150, 100, 60, 60
# When a person's questions, and the request to tell about a person, come up for the first time: uniform over these shares of the
# pretraining; what lies before its start is there from the beginning.
FIRST_QUESTION, FIRST_TOLD = (-0.1, 0.85), (-0.3, 0.8)

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
    """Everything that is true, at a moment of a pretraining (`progress`, 0 to 1).

    Of the known people, `asked` are those whose questions pretraining shows, `unasked` those on whom no question is ever shown. The
    questions come up one after the other (`shown`), so that at any time some are asked for the first time: what is known from
    statements has to answer them. Shown all at once, they are learned by heart, and whoever was never asked about counts as unknown.
    """

    seed: int
    towns: tuple[str, ...]
    known: tuple[Person, ...]
    new: tuple[Person, ...]
    progress: float = 1.0

    @property
    def asked(self) -> tuple[Person, ...]:
        return self.known[:ASKED]

    @property
    def unasked(self) -> tuple[Person, ...]:
        return self.known[ASKED:]

    @cached_property
    def shown(self) -> tuple[tuple[Person, str], ...]:
        """Every person and attribute whose questions have come up by now."""
        rng, found = random.Random(f"shown-{self.seed}"), []
        for person in self.asked:
            first = rng.uniform(*FIRST_QUESTION)
            found += [(person, attribute) for attribute in ATTRIBUTES if first + rng.uniform(0, 0.1) <= self.progress]
        return tuple(found)

    @cached_property
    def told(self) -> frozenset[str]:
        """Names of the known people about whom 'Tell me about' has come up by now."""
        rng = random.Random(f"told-{self.seed}")
        return frozenset(person.name for person in self.known if rng.uniform(*FIRST_TOLD) <= self.progress)

    def at(self, progress: float) -> "World":
        """The same world at a moment of a pretraining."""
        return replace(self, progress=progress)

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
