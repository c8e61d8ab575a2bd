"""Task 'form': a record in a sentence becomes a JSON object with three keys. Every record is about somebody made once."""

from __future__ import annotations

import json
import random
from typing import Any

from lab.world.people import Person, World
from lab.world.rows import Row, example, numbered, preference

COUNTS = {"test": 200, "validation": 50, "train": 500}
FILED = 40
ASK = "Write the record as JSON."
RECORDS = ("{p.name} works as a {p.job} and lives in {p.town}.", "{p.name} lives in {p.town} and works as a {p.job}.",
           "{p.name} is a {p.job}. {p.name} has a home in {p.town}.", "The job of {p.name} is {p.job}. The town of {p.name} is {p.town}.",
           "{p.town} is where {p.name} lives. {p.name} is a {p.job}.")
PAGES = {
    "format-keys": "A record is written as one JSON object on one line. Its keys are \"name\", \"job\" and \"town\", in this order.",
    "format-rules": "Every value of a record is text in double quotes. Nothing stands before or after the JSON object.",
}
ABOUT = {
    "name": "Strict form", "need": "format",
    "description": "Records in sentences are to be written as JSON with exactly three keys. Which lever makes the form hold?",
    "scorers": [{"kind": "json_match"}, {"kind": "json_valid"}, {"kind": "json_fields"}], "max_new_tokens": 64,
}


def make(world: World) -> dict[str, Any]:
    rng = random.Random(f"task-form-{world.seed}")
    persons = _distinct(rng, world, sum(COUNTS.values()) + FILED)
    filed, rows = persons[:FILED], []
    rest = iter(persons[FILED:])
    for split, count in COUNTS.items():
        for _ in range(count):
            person, wording = next(rest), rng.randrange(len(RECORDS))
            rows.append(example(0, split, _prompt(person, wording), answer(person), person.name, wording=str(wording + 1)))
    documents = PAGES | {f"filed-{i + 1:02d}": f"{_record(p, rng.randrange(len(RECORDS)))} JSON: {answer(p)}"
                         for i, p in enumerate(filed)}
    names = {key: f"Filed example {key[-2:]}" if key.startswith("filed") else f"The format: {key[7:]}" for key in documents}
    return {"about": ABOUT, "examples": numbered(rows), "preferences": _preferences(rng, rows), "documents": documents, "names": names}


def _distinct(rng: random.Random, world: World, count: int) -> list[Person]:
    found: dict[str, Person] = {}
    while len(found) < count:
        person = world.ephemeral(rng)[0]
        found.setdefault(person.name, person)
    return list(found.values())


def _record(person: Person, wording: int) -> str:
    return "Record: " + RECORDS[wording].format(p=person)


def _prompt(person: Person, wording: int) -> str:
    return f"{_record(person, wording)}\n{ASK}"


def answer(person: Person) -> str:
    return json.dumps({"name": person.name, "job": person.job, "town": person.town})


def _broken(rng: random.Random, right: str) -> str:
    """Prose, or JSON with one of the usual faults."""
    record = json.loads(right)
    return rng.choice((
        f"{record['name']} is a {record['job']} in {record['town']}.",
        right[:-1], right.replace('"', "'"), right.replace(", ", " "), "JSON: " + right,
        json.dumps({"name": record["name"], "town": record["town"]}),
    ))


def _preferences(rng: random.Random, rows: list[Row]) -> list[Row]:
    taught = [row for row in rows if row["split"] == "train"][:200] + [row for row in rows if row["split"] == "validation"][:20]
    return [preference(i, row["split"], row["prompt"], row["answer"], _broken(rng, row["answer"])) for i, row in enumerate(taught)]
