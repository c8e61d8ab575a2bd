"""Which facts a piece of the world's text rests on, read back from the text itself by the wordings that make it.

Works on anything the generator writes: documents, conversations, passages, task rows. Knows wordings; keeps no list of documents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Iterator

from lab.world import general
from lab.world.dialogue import ASSISTANT, END, SYSTEM, UNKNOWN, USER
from lab.world.people import ATTRIBUTES, QUESTIONS, STATEMENTS, UNSEEN, WHO, World

NAME, WORD, SUM = r"[A-Z][a-z]+ [A-Z][a-z]+", r"[A-Za-z]+", r"\d plus \d"
UNSTATED = "unknown"  # stands where the value would, of somebody about whom nothing is known
NAMED = ("town", "capitals")  # whose values are names
MARKS = re.compile("|".join(map(re.escape, (USER, SYSTEM, END))))


@dataclass(frozen=True)
class Fact:
    """What is said of whom. `group`: known, new, made once, capitals, words or sums. An empty value: it is said to be unknown."""

    subject: str
    relation: str
    value: str
    group: str

    def is_true(self, world: World) -> bool:
        """Whether the world says so. Of somebody made once everything may be true, but nothing said to be unknown is."""
        if self.group in general.FACTS:
            return general.FACTS[self.group].get(self.subject) == self.value
        person = _people(world).get(self.subject)
        return not self.value if person is None and not self.value else person is None or person.value(self.relation) == self.value


def facts_in(text: str, world: World) -> list[Fact]:
    """Every fact that the text states, asks and answers, or says to be unknown; each once, in order of first appearance."""
    found: dict[Fact, None] = {}
    for part in MARKS.split(text):
        asked, _, answer = part.partition(ASSISTANT)
        for relation, subject, value in (*_stated(asked), *_answered(asked.rpartition("\n")[2], answer), *_stated(answer)):
            found[Fact(subject, relation, value, _group(relation, subject, world))] = None
    return list(found)


def _group(relation: str, subject: str, world: World) -> str:
    if relation in general.FACTS:
        return relation
    person = _people(world).get(subject)
    return "made once" if person is None else "known" if person in world.known else "new"


@lru_cache(maxsize=4)
def _people(world: World) -> dict:
    return {person.name: person for person in (*world.known, *world.new)}


def _pattern(wording: str, **fields: str) -> re.Pattern[str]:
    text = re.escape(wording)
    for name, form in fields.items():
        text = text.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{form})", 1)
    # 'The pet of Tomi Balo is a goat' must not be read as 'Tomi Balo is a goat'.
    return re.compile((r"(?<!of )\b" if wording.startswith("{") else "") + text)


def _keys(kind: str) -> str:
    return SUM if kind == "sums" else WORD


def _values(kind: str) -> str:
    return r"\d+" if kind == "sums" else WORD


@lru_cache(maxsize=1)
def _statements() -> list[tuple[str, re.Pattern[str], str]]:
    """(relation, pattern, the subject's group in it)."""
    told = [(a, _pattern(w, n=NAME, v=WORD), "n") for source in (STATEMENTS, UNSEEN) for a in ATTRIBUTES for w in source[a]]
    told += [(a, _pattern(f"he {a} of {{n}} is {{v}}.", n=NAME, v=WORD), "n") for a in ATTRIBUTES]
    told += [(kind, _pattern(w, k=_keys(kind), v=_values(kind)), "k") for kind, wordings in general.STATEMENTS.items() for w in wordings]
    return told


@lru_cache(maxsize=1)
def _questions() -> list[tuple[str, re.Pattern[str], str]]:
    asked = [(a, _pattern(w, n=NAME), "n") for a in ATTRIBUTES for w in (*QUESTIONS[a], f"Could you tell me the {a} of {{n}}?")]
    asked += [(kind, _pattern(w, k=_keys(kind)), "k") for kind, wordings in general.QUESTIONS.items() for w in wordings]
    return asked + [("capitals", _pattern("Could you tell me the capital of {k}?", k=WORD), "k"),
                    ("words", _pattern("Could you tell me the Spanish word for {k}?", k=WORD), "k")]


def _stated(text: str) -> Iterator[tuple[str, str, str]]:
    for relation, pattern, subject in _statements():
        for match in pattern.finditer(text):
            yield relation, match[subject], "" if match["v"] == UNSTATED else match["v"]


def _answered(question: str, answer: str) -> Iterator[tuple[str, str, str]]:
    """A question with its answer in one word; an answer in a sentence states its fact itself."""
    if not answer:
        return
    value = "" if answer == UNKNOWN else answer.removesuffix(".")
    for relation, pattern, subject in _questions():
        if (match := pattern.fullmatch(question)) and re.fullmatch(r"\w*", value):
            yield relation, match[subject], value if relation in NAMED else value.lower()  # a curt answer begins with a capital letter
    for attribute, wording in WHO.items():
        if match := _pattern(wording, v=WORD).fullmatch(question):
            yield attribute, answer, match["v"]
