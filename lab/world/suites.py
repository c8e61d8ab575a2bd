"""The retention suites: what a base of the known world could do before anybody adapted it.

Items come from another random stream than the corpus and the probes. Equal seed, equal bytes.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Callable

from lab.world import corpus, general, reading
from lab.world.dialogue import ASSISTANT, END
from lab.world.files import write_json, write_lines
from lab.world.people import ATTRIBUTES, World, bio, build, question

Row = dict[str, Any]


def item(number: int, kind: str, prompt: str, answer: str, entity: str = "", choices: list[str] | None = None, **slices: str) -> Row:
    return {"id": f"{kind}-{number:03d}", "prompt": prompt, "answer": answer, "choices": choices,
            "entity": entity or f"{kind}-{number:03d}", "documents": [], "slices": slices}


def _table(rng: random.Random, kind: str, most: int) -> list[Row]:
    """Every fact in every question form, cut to `most`."""
    asks = [(key, wording.format(k=key)) for wording in general.QUESTIONS[kind] for key in general.KEYS[kind]]
    chosen = asks if len(asks) <= most else rng.sample(asks, most)
    return [item(i, kind, prompt, general.FACTS[kind][key], key) for i, (key, prompt) in enumerate(chosen)]


GRAMMAR = {"plain": 80, "determiner": 120, "attractor": 150, "relative": 150}  # 'plain' has only 96 different sentences


def _grammar(rng: random.Random, world: World) -> list[Row]:
    rows: list[Row] = []
    for paradigm, count in GRAMMAR.items():
        pairs: dict[str, str] = {}
        while len(pairs) < count:
            good, bad, _ = general.grammar_pair(rng, paradigm)
            pairs[good] = bad
        rows += [item(len(rows) + place, "grammar", "", good, choices=[good, bad], paradigm=paradigm)
                 for place, (good, bad) in enumerate(pairs.items())]
    return rows


def _known(rng: random.Random, world: World) -> list[Row]:
    rows: list[Row] = []
    everything = {"shown": [(p, a) for p in world.asked for a in ATTRIBUTES], "never shown": list(world.hidden),
                  "never asked": [(p, a) for p in world.unasked for a in ATTRIBUTES]}
    for shown, pairs in everything.items():
        for person, attribute in rng.sample(pairs, 80):
            asks, answer = question(rng, person, attribute)
            rows.append(item(len(rows), "known_people", asks, answer, person.name, attribute=attribute, questions=shown))
    return rng.sample(rows, len(rows))


def _reading(rng: random.Random, world: World) -> list[Row]:
    rows: list[Row] = []
    for number in range(200):
        person, attribute = world.ephemeral(rng)[0], ATTRIBUTES[number % 4]
        asks, answer = question(rng, person, attribute)
        rows.append(item(number, "reading", reading.prompt([bio(rng, person)], asks), answer, person.name, attribute=attribute))
    return rows


def _texts(rng: random.Random, world: World) -> list[Row]:
    """Held-out plain documents of the mix, without conversations: they mean the same to any base."""
    plain = [text.replace(END, "") for text in corpus.held_out(world, 3_000, seed=1_001) if ASSISTANT not in text]
    long = [text for text in dict.fromkeys(plain) if len(text) > 40]
    short = [text for text in dict.fromkeys(plain) if len(text) <= 40]
    chosen = rng.sample(long, 120) + rng.sample(short, 80)
    return [item(i, "text_loss", "", text) for i, text in enumerate(rng.sample(chosen, len(chosen)))]


Builder = Callable[[random.Random, World], list[Row]]
SUITES: dict[str, tuple[str, Builder, str, float, str]] = {
    "capitals": ("Capitals", lambda rng, world: _table(rng, "capitals", 200), "exact_match", 0.0,
                 "Capitals of real countries, in three question forms."),
    "words": ("Spanish words", lambda rng, world: _table(rng, "words", 200), "exact_match", 0.0,
              "Common English words and their Spanish equals, written without accents."),
    "sums": ("Sums", lambda rng, world: _table(rng, "sums", 200), "exact_match", 0.0,
             "One digit plus one digit: a memorised table, not arithmetic."),
    "grammar": ("Grammar", _grammar, "multiple_choice", 0.5,
                "Minimal pairs: the right sentence must be more probable than its twin with one wrong word."),
    "known_people": ("Known people", _known, "exact_match", 0.07,
                     "Invented people of the pretraining text: a third of the questions was shown there, a third was not though another one on the same "
                     "person was, and a third is on people about whom nothing was ever asked."),
    "reading": ("Reading", _reading, "exact_match", 0.07,
                "A passage about somebody unknown and a question that only the passage answers."),
    "text_loss": ("Held-out text", _texts, "text_loss", 0.0,
                  "Loss per token on fresh text of the kind the base was made from. Lower is better."),
}


def build_suites(folder: Path, seed: int = 0) -> list[Path]:
    """Write every retention suite under `folder`; returns their folders."""
    world = build(seed)
    for name, (title, make, scorer, chance, description) in SUITES.items():
        rows = make(random.Random(f"suite-{name}-{seed}"), world)
        about = {"name": name, "title": title, "role": "retention", "scorers": [{"kind": scorer}], "max_new_tokens": 12,
                 "chance": chance, "description": description}
        write_json(Path(folder) / name / "suite.json", about)
        write_lines(Path(folder) / name / "items.jsonl", rows)
    return [Path(folder) / name for name in SUITES]
