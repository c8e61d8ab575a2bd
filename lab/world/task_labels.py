"""Task 'labels': a person's sentences are sorted into one of five sectors by the job they mention. Up to 2,048 labelled examples, in an
order in which every first n hold all classes alike: the curve of score over labels is read off its beginnings.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice
from typing import Any, Iterator

from lab.world.people import Person, World, bio
from lab.world.rows import Row, example, numbered, preference

SECTORS = {
    "food": ("baker", "farmer", "cook", "hunter"),
    "art": ("painter", "singer", "writer", "potter"),
    "craft": ("builder", "tailor", "weaver", "miner"),
    "travel": ("driver", "pilot", "sailor"),
    "service": ("teacher", "doctor", "nurse", "lawyer", "judge"),
}
COUNTS = {"test": 500, "validation": 100, "train": 2_048}
PAIRS = {"train": 300, "validation": 30}
ASK = "Which sector is this?"
BESIDE = ("town", "pet", "colour")
ABOUT = {
    "name": "Five labels", "need": "labels",
    "description": "Sentences about a person are sorted into one of five sectors: food, art, craft, travel, service. How many labelled "
                   "examples does it take?",
    "scorers": [{"kind": "exact_match"}], "max_new_tokens": 8,
}


def make(world: World) -> dict[str, Any]:
    rng = random.Random(f"task-labels-{world.seed}")
    people, rows = _people(rng, world), []
    for split, count in COUNTS.items():
        rows += [_row(rng, person, sector, split) for person, sector in islice(people, count)]
    documents = {f"sector-{name}": f"The {name} sector: {', '.join(jobs[:-1])} and {jobs[-1]}." for name, jobs in SECTORS.items()}
    return {"about": ABOUT, "examples": numbered(rows), "preferences": _preferences(rng, rows), "documents": documents,
            "names": {key: f"Sector {key.removeprefix('sector-')}" for key in documents}}


def _people(rng: random.Random, world: World) -> Iterator[tuple[Person, str]]:
    """People made once, no name twice; the sectors take turns in random order."""
    seen: set[str] = set()
    while True:
        for sector in rng.sample(tuple(SECTORS), len(SECTORS)):
            person = world.ephemeral(rng)[0]
            while person.name in seen:
                person = world.ephemeral(rng)[0]
            seen.add(person.name)
            yield replace(person, job=rng.choice(SECTORS[sector])), sector


def _row(rng: random.Random, person: Person, sector: str, split: str) -> Row:
    """The job stands among one or two other facts, in any order and wording."""
    beside = rng.sample(BESIDE, rng.randint(1, 2))
    return example(0, split, f"{bio(rng, person, ('job', *beside))}\n{ASK}", sector, person.name, [f"sector-{sector}"], sector=sector,
                   job=person.job)


def _preferences(rng: random.Random, rows: list[Row]) -> list[Row]:
    """The right sector is chosen, another one rejected."""
    pairs: list[Row] = []
    for split, count in PAIRS.items():
        for row in [row for row in rows if row["split"] == split][:count]:
            wrong = rng.choice([sector for sector in SECTORS if sector != row["answer"]])
            pairs.append(preference(len(pairs), split, row["prompt"], row["answer"], wrong))
    return pairs
