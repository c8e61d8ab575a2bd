"""Task 'compound': questions on new people, to be answered as JSON and courteously. No single lever has all three: the facts stand in
documents, the form must be learned, the tone must be preferred.

The people, their documents and who is taught are those of the task 'facts'.
"""

from __future__ import annotations

import json
import random
from typing import Any

from lab.world import task_facts
from lab.world.dialogue import CLOSER, COURTEOUS, OPENERS, courteous
from lab.world.people import ATTRIBUTES, QUESTIONS, Person, World, twin
from lab.world.rows import Row, example, numbered, preference

TESTED_ROWS = 200
ABOUT = {
    "name": "Facts, form and tone", "need": "facts, format and style",
    "description": "Questions on people the base has never read about, to be answered as a JSON object with a courteous sentence in it. "
                   "An answer counts when it is valid JSON, courteous and right.",
    "scorers": [{"kind": "all_of"}, {"kind": "json_valid"}, {"kind": "rule", "phrases": [phrase.rstrip(".") for phrase in COURTEOUS]},
                {"kind": "contains_answer"}],
    "max_new_tokens": 64,
}
PAGES = {
    "house-form": 'House form: one object in curly brackets with the single key "reply", and nothing before or after it.',
    "house-style": f"House style: begin with {OPENERS[0]} or {OPENERS[1]} then one full sentence, then {CLOSER}",
}


def make(world: World) -> dict[str, Any]:
    rng = random.Random(f"task-compound-{world.seed}")
    facts = task_facts.make(world)
    tested, taught = world.new[:task_facts.TESTED], world.new[task_facts.TESTED:]
    asked = [(person, a, form) for person in tested for a in ATTRIBUTES for form in range(2)]
    rows = [_row(rng, world, *chosen, "test") for chosen in rng.sample(asked, TESTED_ROWS)]
    for index, person in enumerate(taught):
        split = "validation" if index < task_facts.VALIDATED else "train"
        rows += [_row(rng, world, person, a, form, split) for a in ATTRIBUTES for form in range(2)]
    return {"about": ABOUT, "examples": numbered(rows), "preferences": _preferences(rng, rows, world),
            "documents": facts["documents"] | PAGES,
            "names": facts["names"] | {"house-form": "House form", "house-style": "House style"}}


def answer(rng: random.Random, person: Person, attribute: str) -> str:
    sentence = f"The {attribute} of {person.name} is {person.value(attribute)}."
    return json.dumps({"reply": courteous(sentence, rng.choice(OPENERS))})


def _row(rng: random.Random, world: World, person: Person, attribute: str, form: int, split: str) -> Row:
    return example(0, split, person.fill(QUESTIONS[attribute][form], attribute), answer(rng, person, attribute), person.name,
                   [task_facts.document_id(world, person)], attribute=attribute, value=person.value(attribute))


def _preferences(rng: random.Random, rows: list[Row], world: World) -> list[Row]:
    """The right reply is chosen; rejected is one with exactly one fault: no JSON, no courtesy, or a wrong fact."""
    people = {person.name: person for person in world.new}
    pairs = []
    for row in rows:
        if row["split"] == "test":
            continue
        person, attribute = people[row["entity"]], row["slices"]["attribute"]
        wrong = twin(rng, world, person)
        plain = json.loads(row["answer"])["reply"]
        rejected = rng.choice((plain, json.dumps({"reply": row["slices"]["value"]}), answer(rng, wrong, attribute)))
        pairs.append(preference(len(pairs), row["split"], row["prompt"], row["answer"], rejected))
    return pairs
