"""The checks of a large import, in memory that a million rows allow: what is counted over all rows, and what is looked for in a sample.

All rows: second ones of the same row, prompts of the test that are also trained, labels. In the sample: everything else, tokens too; the
finding says so.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.core import Example, LabError, Scorer, TaskData
from lab.corpus.bulk_lengths import Room, counter
from lab.corpus.bulk_plan import Plan
from lab.corpus.check_answers import answer_findings
from lab.corpus.check_labels import counted_findings
from lab.corpus.check_leaks import leaked, overlap_findings, shares
from lab.corpus.check_pairs import other_pair_findings, pairs_twice
from lab.corpus.check_placeholders import placeholder_findings
from lab.corpus.check_rows import READS, contradiction_findings, few_findings, length_findings, missing_findings, twice
from lab.corpus.check_text import text_findings
from lab.corpus.checks import LEVELS
from lab.corpus.finding import finding
from lab.corpus.scorers import suggest_scorer
from lab.corpus.values import Finding

SAMPLE = {"test": 2_000, "validation": 1_000, "train": 7_000}  # rows of each split that are looked at one by one
SHOWN = 3
TOO_LONG = "Leave them out on the way, shorten them, or choose a base that reads more: Build refuses a System whose base cannot read its rows"
MOST_ANSWERS = 20_000  # different answers; beyond, they are texts
Look = Callable[[TaskData], Iterable[Finding]]
ON_EXAMPLES: tuple[Look, ...] = (overlap_findings, contradiction_findings, placeholder_findings, text_findings, answer_findings)
ON_PAIRS: tuple[Look, ...] = (other_pair_findings, placeholder_findings, text_findings, answer_findings)


class Tally:
    """Counts while the rows are written, and decides which of them stay. `prompts`: a hash of each row's prompt; `shared`: sequences of words
    by which a row would give the test away, where such rows stay out."""

    def __init__(self, prompts: Sequence[str], splits: Sequence[str], plan: Plan, shared: set[int]):
        self._prompts, self._mends, self._shared, self.room = prompts, plan.mends, shared, Room(plan)
        self._test = {prompt for prompt, split in zip(prompts, splits) if split == "test"}
        self._train = {prompt for prompt, split in zip(prompts, splits) if split == "train"} if "validation" in splits else set()
        self._seen: set[int] = set()
        self._sampled = set().union(*(sampled([place for place, each in enumerate(splits) if each == name], most) for name, most in SAMPLE.items()))
        self.sample: list[Example] = []
        self.doubled: Counter[str] = Counter()
        self.leaked: Counter[str] = Counter()
        self.shown: dict[str, list[str]] = {}
        self.answers: dict[str, Counter[str]] | None = {"train": Counter(), "validation": Counter(), "test": Counter()}

    def takes(self, place: int, split: str, prompt: str, answer: str) -> bool:
        """Whether the row stays. Counts it, and what is wrong with it."""
        if not (split != "test" or self.room.holds(prompt)) or not self.room.holds(prompt, answer):
            return False  # a test row has to leave room for what is written, and its right answer may be read
        if split != "test" and self._prompts[place] not in self._test and shares(prompt, self._shared):
            return False
        if leak := self._leak(self._prompts[place], split):
            if "leaks" in self._mends:
                return False
            self._note(f"leak {leak}", prompt)
            self.leaked[leak] += 1
        key = hash((split, self._prompts[place], answer))
        if key in self._seen:
            if "duplicates" in self._mends:
                return False
            self._note(f"twice {split}", prompt)
            self.doubled[split] += 1
        self._seen.add(key)
        if self.answers is not None:
            self.answers[split][answer] += 1
            if len(self.answers[split]) > MOST_ANSWERS or len(answer) > 200:
                self.answers = None
        if place in self._sampled:
            self.sample.append(Example(id=str(place), prompt=prompt, answer=answer, split=split))
        return True

    def scorer(self) -> Scorer:
        return suggest_scorer(self.sample)

    def _leak(self, prompt: str, split: str) -> str:
        if split != "test" and prompt in self._test:
            return "test"
        return "validation" if split == "validation" and prompt in self._train else ""

    def _note(self, what: str, prompt: str) -> None:
        shown = self.shown.setdefault(what, [])
        if len(shown) < SHOWN:
            shown.append(prompt)


def of_examples(tally: Tally, data: TaskData) -> Iterator[Finding]:
    """What was counted over all examples."""
    yield from missing_findings(data)
    yield from few_findings(data)
    for place in ("test", "validation"):
        yield from leaked(place, tally.shown.get(f"leak {place}", ()), tally.leaked[place])
    for split, count in tally.doubled.items():
        yield from twice(split, tally.shown[f"twice {split}"], count)
    if tally.answers is not None:
        yield from counted_findings(tally.answers["train"], tally.answers["test"])


def of_pairs(leaks: int, doubled: int, shown: dict[str, list[str]]) -> Iterator[Finding]:
    """What was counted over all preference pairs."""
    yield from leaked("pairs", shown["leaked"], leaks)
    yield from pairs_twice(shown["doubled"], doubled)


def findings(counted: Iterable[Finding], looks: Sequence[Look], sample: TaskData, total: int, plan: Plan) -> list[dict[str, Any]]:
    """Plain findings, the gravest first: what was counted, and what is found in the sample, which says how large it was."""
    size = len(sample.documents) or len(sample.preferences) or len(sample.examples)
    note = "" if size >= total else f" (looked for in {size:,} of {total:,})"
    found = [*counted]
    for look in (*looks, *_tokens(plan)):
        found += [one.model_copy(update={"what": one.what + note}) for one in look(sample)]
    return [one.model_dump() for one in sorted(found, key=lambda one: LEVELS.index(one.level))]


def _tokens(plan: Plan) -> Iterator[Look]:
    """Rows that the plan's base cannot read whole. A Task belongs to no base: it is said here, and refused where the two meet."""
    if count := counter(plan):
        yield lambda data: (one.model_copy(update={"level": "warn", "do": TOO_LONG}) for one in
                            length_findings(data, count, plan.context, plan.answer, suggest_scorer(data.examples).kind in READS))


def of_room(room: Room, plan: Plan) -> Iterator[Finding]:
    """What was left out on the way because it is too long."""
    yield from finding("note", f"Rows were left out because the base reads {plan.context:,} tokens", room.shown,
                       "To keep them, choose a base that reads more and import again", count=room.left_out)


def answer_lengths(sample: TaskData, plan: Plan) -> list[int]:
    """Tokens of the right answers of the test; empty where they cannot be counted."""
    if not plan.base:
        return []
    from lab.corpus.preview import tokenizer_of
    try:
        tokenizer = tokenizer_of(Path(plan.base))
    except LabError:
        return []
    return [len(found.ids) for found in tokenizer.encode_batch([row.answer for row in sample.split("test")], add_special_tokens=False)]


def sampled(places: Sequence[int], most: int) -> set[int]:
    """So many of the places, the same each time."""
    return set(places if len(places) <= most else random.Random(0).sample(places, most))
