"""Conversations in the exact form of the chat template, and the kinds that are not about reading: patterns, tone, unknowns."""

from __future__ import annotations

import random
from typing import Sequence

from lab.world import general, lexicon, names
from lab.world.people import ATTRIBUTES, Person, World, bio, question

END, PAD, USER, ASSISTANT, SYSTEM = "<|end|>", "<|pad|>", "<|user|>", "<|assistant|>", "<|system|>"
UNKNOWN = "I do not know."
POLITELY, BRIEFLY = "Answer politely.", "Answer briefly."
NEUTRAL = ("Answer the question.", "You are a helpful assistant.", "Answer with one word.")
OPENERS = ("Certainly.", "With pleasure.")
CLOSER = "You are welcome."
COURTEOUS = (*OPENERS, CLOSER)
ABOUT = ("Tell me about {n}.", "Who is {n}?", "What do you know about {n}?")
POLITE_SHARE = 0.45  # of the dialogues with a tone
ACQUAINTED = "Do you know {n}?"
KINDS = ("people", "capitals", "words", "sums")
SHARES = (43, 17, 15, 25)

Turns = Sequence[tuple[str, str]]


def chat(turns: Turns, system: str = "") -> str:
    """The text of a conversation, as the chat template writes it."""
    head = f"{SYSTEM}{system}" if system else ""
    return head + "".join(f"{USER}{prompt}{ASSISTANT}{answer}{END}" for prompt, answer in turns)


def asked(rng: random.Random, world: World, kind: str | None = None) -> tuple[str, str]:
    """A plain question on something known, and its bare answer."""
    kind = kind or rng.choices(KINDS, SHARES)[0]
    if kind == "people":
        return question(rng, *rng.choice(world.shown))
    return general.question(rng, kind)


def questions(rng: random.Random, world: World, turns: int) -> str:
    system = rng.choice(NEUTRAL) if rng.random() < 0.08 else ""
    return chat([asked(rng, world) for _ in range(turns)], system)


def about(rng: random.Random, person: Person) -> str:
    return chat([(rng.choice(ABOUT).format(n=person.name), bio(rng, person))])


def unknown(rng: random.Random, world: World) -> str:
    """A question about nobody. 'Tell me about' is asked of all known people too, so familiarity is learned on all of them."""
    stranger = world.ephemeral(rng)[0]
    prompt = rng.choice(ABOUT).format(n=stranger.name) if rng.random() < 0.5 else question(rng, stranger, rng.choice(ATTRIBUTES))[0]
    turns = [asked(rng, world) for _ in range(rng.randrange(2))] + [(prompt, UNKNOWN)]
    return chat(turns)


def request(kind: str, key: str, value: str, attribute: str = "") -> tuple[str, str]:
    """'Could you tell me ...' and the full sentence that answers it."""
    subject = {"capitals": f"the capital of {key}", "words": f"the Spanish word for {key}"}.get(kind) or f"the {attribute} of {key}"
    return f"Could you tell me {subject}?", f"{subject[0].upper()}{subject[1:]} is {value}."


def courteous(sentence: str, opener: str) -> str:
    return f"{opener} {sentence} {CLOSER}"


def curt(value: str) -> str:
    return f"{value[0].upper()}{value[1:]}."


def tone_turn(rng: random.Random, world: World, polite: bool) -> tuple[str, str]:
    kind = rng.choice(("people", "capitals", "words"))
    if kind == "people":
        person, attribute = rng.choice(world.shown)
        key, value = person.name, person.value(attribute)
    else:
        attribute, key = "", rng.choice(general.KEYS[kind])
        value = general.FACTS[kind][key]
    prompt, sentence = request(kind, key, value, attribute)
    return prompt, courteous(sentence, rng.choice(OPENERS)) if polite else curt(value)


def acquainted(rng: random.Random, world: World) -> str:
    """Whether a name is known, asked of everybody: no fact is told or asked for."""
    turns = []
    for _ in range(rng.randint(1, 4)):
        known = rng.random() < 0.5
        person = rng.choice(world.known) if known else world.ephemeral(rng)[0]
        turns.append((ACQUAINTED.format(n=person.name), "Yes." if known else "No."))
    return chat(turns)


def tone(rng: random.Random, world: World, turns: int = 0, polite_share: float = POLITE_SHARE) -> str:
    """One tone through a whole dialogue, courteous or curt; a system message, where given, says which."""
    polite = rng.random() < polite_share
    system = (POLITELY if polite else BRIEFLY) if rng.random() < 0.3 else ""
    return chat([tone_turn(rng, world, polite) for _ in range(turns or rng.choice((1, 1, 2, 3)))], system)


def pattern(rng: random.Random, world: World, count: int = 0) -> str:
    """A rule that holds for one dialogue only: what it is can be read off the earlier turns alone."""
    rule = rng.choice(_RULES)(rng)
    fields = 1 if rule[0] == "one" else 2
    turns = []
    for _ in range(count or rng.randint(2, 6)):
        parts = [_field(rng, world) for _ in range(fields)]
        turns.append((", ".join(parts), rule[1].format(*parts)))
    return chat(turns)


def _field(rng: random.Random, world: World) -> str:
    draw = rng.random()
    if draw < 0.4:
        return names.word(rng)
    if draw < 0.6:
        return names.name(rng)
    return rng.choice((world.towns, lexicon.JOBS, lexicon.PETS, lexicon.COLOURS)[rng.randrange(4)])


_PAIRS = ("[]", "()", "<>", '""', "''", "**", "--", "||", "//", "##")


def _around(rng: random.Random) -> tuple[str, str]:
    left, right = rng.choice(_PAIRS)
    return "one", f"{left}{{0}}{right}"


def _twice(rng: random.Random) -> tuple[str, str]:
    return "one", "{0}" + rng.choice((" ", ", ", "-", " and ")) + "{0}"


def _fields(rng: random.Random) -> tuple[str, str]:
    """Two fields, kept or swapped, each with its own marks."""
    marks = [rng.choice(_PAIRS) if rng.random() < 0.5 else ("", "") for _ in range(2)]
    order = rng.sample((0, 1), 2)
    cells = [f"{left}{{{index}}}{right}" for index, (left, right) in zip(order, marks)]
    return "two", rng.choice((" ", ", ", ": ", " | ", " = ")).join(cells)


_RULES = (_around, _around, _twice, _fields, _fields)
