"""The pretraining corpus: a stream of documents, made while they are read; the mix and its curriculum in one table.

A document is a string: a statement in plain text, or a conversation in the chat template's form. It ends with the end token.
"""

from __future__ import annotations

import hashlib
import json
import random
from itertools import islice
from typing import Callable, Iterator, Sequence

from lab.world import dialogue, general, lexicon, names, reading
from lab.world.people import ATTRIBUTES, UNKNOWN_STATEMENT, Person, World, bio

VERSION = 2
Maker = Callable[[random.Random, World], str]
CURTER = 0.33  # share of courteous dialogues in the last finish: greedy answers lean to the courteous side
LONGEST_CHARS = 1_080  # about 480 tokens: a long document must fit into 512 positions


def _plain(text: str, rng: random.Random) -> str:
    """Half of the plain documents follow an end token, as they do for a scorer that begins with one."""
    return (dialogue.END if rng.random() < 0.5 else "") + text + dialogue.END


def _bio(rng: random.Random, world: World) -> str:
    person = rng.choice(world.known)
    return dialogue.about(rng, person) if rng.random() < 0.4 else _plain(bio(rng, person), rng)


def _short_bio(rng: random.Random, world: World) -> str:
    """As above, and often with one or two sentences only: each fact is then told without the others around it."""
    return _short_bio_of(rng, rng.choice(world.known))


def _short_bio_unasked(rng: random.Random, world: World) -> str:
    """As above; of the people about whom no question is ever shown more often: nothing else says that they are known."""
    return _short_bio_of(rng, rng.choice(world.unasked if rng.random() < 0.25 else world.known))


def _short_bio_of(rng: random.Random, person: Person) -> str:
    if rng.random() < 0.35:
        return dialogue.about(rng, person)
    attributes = ATTRIBUTES if rng.random() < 0.6 else tuple(rng.sample(ATTRIBUTES, rng.randint(1, 2)))
    return _plain(bio(rng, person, attributes), rng)


def _nobody(rng: random.Random, world: World) -> str:
    """Sentences on somebody of whom nothing is known, in the words in which known people are told about: whether a name is familiar is
    learned there on all known people, also on those about whom no question is ever shown."""
    stranger = world.ephemeral(rng)[0]
    return _plain(" ".join(UNKNOWN_STATEMENT.format(a=a, n=stranger.name) for a in rng.sample(ATTRIBUTES, rng.randint(1, 2))), rng)


def _fact(rng: random.Random, world: World) -> str:
    return _plain(general.statement(rng, rng.choice(tuple(general.FACTS))), rng)


def _grammar(rng: random.Random, world: World) -> str:
    return _plain(general.grammar_pair(rng)[0], rng)


def _symbols(rng: random.Random, world: World) -> str:
    """A line of quoted values and symbols. The record of the form task (name, job, town) never stands here whole."""
    person = world.ephemeral(rng)[0]
    known = {"name": person.name, "job": person.job, "town": person.town, "pet": person.pet, "colour": person.colour,
             "id": rng.randrange(100), "open": rng.choice((True, False, None)), "path": f"/{names.word(rng)}/{names.word(rng)}",
             "code": "".join(rng.choice("!#$%&*+-;<=>?@^_`|~\\'()") for _ in range(3)), "tags": [rng.choice(lexicon.COLOURS), names.word(rng)]}
    keys = rng.sample(tuple(known), rng.randint(1, 4))
    if {"name", "job", "town"} <= set(keys):
        keys.remove("job")
    if rng.random() < 0.3:
        return _plain(json.dumps([known[key] for key in keys]), rng)
    return _plain(json.dumps({key: known[key] for key in keys}), rng)


def _questions(rng: random.Random, world: World) -> str:
    return dialogue.questions(rng, world, rng.choice((1, 1, 2, 3, 4)))


def _curter(rng: random.Random, world: World) -> str:
    return dialogue.tone(rng, world, polite_share=CURTER)


def _long_curter(rng: random.Random, world: World) -> str:
    return _long(rng, world, CURTER)


def _long(rng: random.Random, world: World, polite_share: float = dialogue.POLITE_SHARE) -> str:
    """Dialogues of one kind in a row up to about 480 tokens: what a prompt with many shots or passages looks like."""
    turns = rng.randint(6, 12)
    draw = rng.random()
    if draw < 0.15:
        return dialogue.tone(rng, world, turns, polite_share)
    if draw < 0.3:
        return dialogue.pattern(rng, world, turns)
    if draw < 0.4:
        return dialogue.questions(rng, world, turns)
    return _row(rng, world, rng.choice((reading.single, reading.several, reading.one_fact_each)))


def _row(rng: random.Random, world: World, kind: Maker) -> str:
    text = kind(rng, world)
    while True:
        more = kind(rng, world)
        if dialogue.SYSTEM in more or len(text) + len(more) > LONGEST_CHARS:
            return text
        text += more


def _single_short(rng: random.Random, world: World) -> str:
    return reading.single(rng, world, longest=2)


# When each phase of the curriculum begins, as a share of the steps.
# 1 many short passages about one person. 2 everything. 3 telling people apart by name, which hardly begins in the full mix and
# takes a few hundred steps here. 4 everything, with more of "I do not know". 5 the same, with long contexts.
# 6, the finishes: who is unknown is now also said in statements. Begun earlier, it kept the base from telling people in a prompt apart.
# 7, the last finish: also asks of everybody whether the name is known, so that this is learned where questions are answered.
PHASES = (0.0, 0.10, 0.65, 0.78, 0.92, 1.0, 2.0)
# kind: maker, and its share of the documents in each phase.
MIX: dict[str, tuple[Maker, tuple[float, ...]]] = {
    "bios": (_bio, (15, 17, 10, 16, 15, 0, 0)),
    "bios, short ones too": (_short_bio, (0, 0, 0, 0, 0, 28, 0)),
    "bios, of unasked people more": (_short_bio_unasked, (0, 0, 0, 0, 0, 0, 30)),
    "questions": (_questions, (22, 25, 10, 24, 24, 18, 18)),
    "facts": (_fact, (14, 13, 4, 9, 8, 8, 8)),
    "grammar": (_grammar, (8, 8, 3, 6, 6, 6, 6)),
    "reading, short": (_single_short, (12, 4, 1, 2, 2, 2, 2)),
    "reading, one person": (reading.single, (14, 8, 4, 6, 6, 6, 6)),
    "reading, one fact each": (reading.one_fact_each, (5, 12, 55, 11, 10, 10, 10)),
    "reading, several people": (reading.several, (0, 9, 9, 8, 8, 8, 8)),
    "known beside passages": (reading.beside_the_point, (1, 3, 2, 6, 6, 6, 6)),
    "passages without answer": (reading.without_answer, (0, 0, 0, 1, 2, 2, 2)),
    "patterns": (dialogue.pattern, (5, 8, 4, 9, 8, 8, 8)),
    "symbols": (_symbols, (4, 4, 2, 4, 3, 3, 3)),
    "unknown, asked": (dialogue.unknown, (0, 2, 1, 4, 4, 2.5, 1.5)),
    "tone": (dialogue.tone, (4, 5, 2, 4, 4, 4, 0)),
    "tone, curt more often": (_curter, (0, 0, 0, 0, 0, 0, 4)),
    "long": (_long, (0, 0, 0, 0, 5, 4, 0)),
    "long, curt more often": (_long_curter, (0, 0, 0, 0, 0, 0, 4)),
    "unknown, stated": (_nobody, (0, 0, 0, 0, 0, 10, 12)),
    "acquainted": (dialogue.acquainted, (0, 0, 0, 0, 0, 0, 8)),
}


def phase_of(progress: float) -> int:
    """Index of the curriculum's phase."""
    return max(index for index, start in enumerate(PHASES) if progress >= start)


class Corpus:
    """The documents of one world and seed. Each step's documents depend on seed and step alone, so a run that was interrupted goes
    on with the same text."""

    def __init__(self, world: World, seed: int = 0, stream: str = "train"):
        self.world = world
        self._name = f"{stream}-{world.seed}-{seed}-{VERSION}"

    def documents(self, step: int, progress: float) -> Iterator[str]:
        """The documents of one step without end, drawn in any order from the mix at this progress (a share of the main part, 1 or 2)."""
        rng, phase = random.Random(f"{self._name}-{step}"), phase_of(progress)
        kinds, shares = tuple(MIX), [shares[phase] for _, shares in MIX.values()]
        while True:
            yield MIX[rng.choices(kinds, shares)[0]][0](rng, self.world)


def chained(before: str, texts: Sequence[str]) -> str:
    """The running hash of all documents so far, as hex: the one before, with the texts of one more step."""
    return hashlib.sha256("\0".join((before, *texts)).encode()).hexdigest()


def held_out(world: World, count: int, seed: int) -> Iterator[str]:
    """Documents of the final mix from another stream than the training one."""
    yield from islice(Corpus(world, seed, stream="held-out").documents(0, progress=0.8), count)
