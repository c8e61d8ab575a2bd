"""Task 'tone': requests on known facts, to be answered courteously. The base does so half of the time; no fact is new.

No country, word or person stands in two splits.
"""

from __future__ import annotations

import random
from typing import Any

from lab.world import general
from lab.world.dialogue import COURTEOUS, OPENERS, courteous, curt, request
from lab.world.people import ATTRIBUTES, World
from lab.world.rows import Row, example, numbered, preference

# Per split: capitals, words, people, and questions on people.
SHARES = {"test": (24, 21, 40, 155), "validation": (6, 5, 8, 29), "train": (38, 32, 52, 208)}
PAIRS = {"train": 270, "validation": 30}
SAMPLES, SHEET = 20, 3
ABOUT = {
    "name": "Courteous tone", "need": "style",
    "description": "Requests that begin with 'Could you tell me'. The house style is a courteous full sentence; the fact must stay "
                   "right. Which lever sets the tone without touching what is known?",
    "scorers": [{"kind": "rule", "phrases": [phrase.rstrip(".") for phrase in COURTEOUS]}, {"kind": "contains_answer"}],
    "max_new_tokens": 48,
}
PAGES = {
    "style-1": "House style: begin with Certainly or With pleasure, give the answer as a full sentence, and close with You are welcome.",
    "style-2": "House style: never answer with one word alone. A curt reply is a fault, also when it is right.",
}
Fact = tuple[str, str, str, str]  # kind, key, value, attribute


def make(world: World) -> dict[str, Any]:
    rng = random.Random(f"task-tone-{world.seed}")
    facts = _split(rng, world)
    rows = [_row(rng, fact, split) for split, chosen in facts.items() for fact in chosen]
    documents = PAGES | _samples(rng, facts["train"]) | _sheets(rng, facts)
    names = {key: _title(key) for key in documents}
    return {"about": ABOUT, "examples": numbered(rows), "preferences": _preferences(rng, facts), "documents": documents, "names": names}


def _split(rng: random.Random, world: World) -> dict[str, list[Fact]]:
    pools = {"capitals": list(general.KEYS["capitals"]), "words": list(general.KEYS["words"]),
             "people": list(world.asked)}
    for pool in pools.values():
        rng.shuffle(pool)
    found: dict[str, list[Fact]] = {}
    for split, (capitals, words, people, questions) in SHARES.items():
        taken = {kind: [pool.pop() for _ in range(min(n, len(pool)))] for (kind, pool), n in zip(pools.items(), (capitals, words, people))}
        plain = [(kind, key, general.FACTS[kind][key], "") for kind in ("capitals", "words") for key in taken[kind]]
        on_people = [("people", p.name, p.value(a), a) for p in taken["people"] for a in ATTRIBUTES]
        found[split] = plain + rng.sample(on_people, min(questions, len(on_people)))
        rng.shuffle(found[split])
    return found


def _row(rng: random.Random, fact: Fact, split: str) -> Row:
    kind, key, value, attribute = fact
    prompt, sentence = request(*fact)
    return example(0, split, prompt, courteous(sentence, rng.choice(OPENERS)), key, kind=kind, value=value)


def _preferences(rng: random.Random, facts: dict[str, list[Fact]]) -> list[Row]:
    """Same fact, other tone, other first word: only the tone can be learned."""
    pairs: list[Row] = []
    for split, count in PAIRS.items():
        for fact in facts[split][:count]:
            prompt, sentence = request(*fact)
            pairs.append(preference(len(pairs), split, prompt, courteous(sentence, rng.choice(OPENERS)), curt(fact[2])))
    return pairs


def _samples(rng: random.Random, taught: list[Fact]) -> dict[str, str]:
    """Replies in the house style, on facts of the training split only."""
    texts = {}
    for number, fact in enumerate(rng.sample(taught, SAMPLES), 1):
        prompt, sentence = request(*fact)
        texts[f"sample-{number:02d}"] = f"Request: {prompt} Reply: {courteous(sentence, rng.choice(OPENERS))}"
    return texts


def _sheets(rng: random.Random, facts: dict[str, list[Fact]]) -> dict[str, str]:
    """Every fact of the task once, a few to a sheet."""
    sentences = [request(*fact)[1] for chosen in facts.values() for fact in chosen]
    rng.shuffle(sentences)
    parts = [sentences[i:i + SHEET] for i in range(0, len(sentences), SHEET)]
    return {f"sheet-{number:03d}": " ".join(part) for number, part in enumerate(parts, 1)}


def _title(key: str) -> str:
    kind, number = key.split("-")
    return {"style": "House style", "sample": "Sample reply", "sheet": "Fact sheet"}[kind] + f" {int(number)}"
