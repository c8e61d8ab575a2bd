"""Task 'facts': 60 people whom the base never met, one document each, in wordings partly unseen in pretraining.

Questions on half of them train, questions on the other half test; the documents hold all answers. So retrieval can answer
everything, and fine-tuning shows whether what it memorised can also be asked for.
"""

from __future__ import annotations

import random
from typing import Any

from lab.world.people import ATTRIBUTES, QUESTIONS, STATEMENTS, UNSEEN, Person, World, bio, twin
from lab.world.rows import Row, example, numbered, preference

TESTED, VALIDATED = 30, 4
MORE = 3  # further wordings of each person's facts, for training on documents alone
ABOUT = {
    "name": "New facts", "need": "facts",
    "description": "Sixty invented people the base has never read about, one short document each. Which lever lets it answer "
                   "questions about them?",
    "scorers": [{"kind": "exact_match"}], "max_new_tokens": 12,
}


def make(world: World) -> dict[str, Any]:
    rng = random.Random(f"task-facts-{world.seed}")
    documents, wordings = _documents(rng, world)
    tested, taught = world.new[:TESTED], world.new[TESTED:]
    rows = [_row(rng, world, person, a, "test", wordings, form) for person in tested for a in ATTRIBUTES for form in range(2)]
    for person in taught[:VALIDATED]:
        rows += [_row(rng, world, person, a, "validation", wordings) for a in ATTRIBUTES]
    for person in taught[VALIDATED:]:
        rows += [_row(rng, world, person, a, "train", wordings, form) for a in ATTRIBUTES for form in range(2)]
    rows += [_told(world, person, documents[document_id(world, person)], "document") for person in world.new]
    rows += [_told(world, person, bio(rng, person), "more wordings") for _ in range(MORE) for person in world.new]
    return {"about": ABOUT, "examples": numbered(rows), "preferences": _preferences(rng, world, taught), "documents": documents,
            "names": {document_id(world, person): person.name for person in world.new}}


def document_id(world: World, person: Person) -> str:
    """The id of a new person's document."""
    return f"person-{world.new.index(person) + 1:02d}"


def _told(world: World, person: Person, text: str, material: str) -> Row:
    """A document as a training row. Slice 'material': the person's own document, or the same facts worded once more."""
    return example(0, "train", f"Tell me about {person.name}.", text, person.name, [document_id(world, person)], attribute="all", material=material)


def _documents(rng: random.Random, world: World) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """The text of each person, and whether each attribute is worded as in pretraining ('seen') or not ('unseen')."""
    texts, wordings = {}, {}
    for person in world.new:
        unseen = set(rng.sample(ATTRIBUTES, 2))
        lines = []
        for attribute in rng.sample(ATTRIBUTES, len(ATTRIBUTES)):
            wordings[person.name, attribute] = "unseen" if attribute in unseen else "seen"
            lines.append(person.fill(rng.choice((UNSEEN if attribute in unseen else STATEMENTS)[attribute]), attribute))
        texts[document_id(world, person)] = " ".join(lines)
    return texts, wordings


def _row(rng: random.Random, world: World, person: Person, attribute: str, split: str, wordings: dict[tuple[str, str], str],
         form: int | None = None) -> Row:
    form = rng.randrange(2) if form is None else form
    return example(0, split, person.fill(QUESTIONS[attribute][form], attribute), person.value(attribute), person.name,
                   [document_id(world, person)], attribute=attribute, wording=wordings[person.name, attribute], material="question")


def _preferences(rng: random.Random, world: World, taught: tuple[Person, ...]) -> list[Row]:
    """The right value is chosen, the counterfactual twin's is rejected."""
    pairs = []
    for index, person in enumerate(taught):
        wrong, split = twin(rng, world, person), "validation" if index < VALIDATED else "train"
        for attribute in ATTRIBUTES:
            asks = person.fill(rng.choice(QUESTIONS[attribute]), attribute)
            pairs.append(preference(len(pairs), split, asks, person.value(attribute), wrong.value(attribute)))
    return pairs
