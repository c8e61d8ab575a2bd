"""The checks of a large import, in memory that a million rows allow: what is counted over all rows, and what is looked for in a sample.

All rows: second ones of the same row, prompts of the test that are also trained, labels. In the sample: everything else; the finding says so.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from lab.core import Example, Scorer, Task, TaskData
from lab.corpus.check_answers import answer_findings
from lab.corpus.check_labels import counted_findings
from lab.corpus.check_leaks import leaked, overlap_findings
from lab.corpus.check_placeholders import placeholder_findings
from lab.corpus.check_rows import contradiction_findings, few_findings, missing_findings, twice
from lab.corpus.check_text import text_findings
from lab.corpus.checks import LEVELS
from lab.corpus.scorers import suggest_scorer
from lab.corpus.values import Finding

SAMPLE = {"test": 2_000, "validation": 1_000, "train": 7_000}  # rows of each split that are looked at one by one
SHOWN = 3
MOST_ANSWERS = 20_000  # different answers; beyond, they are texts
_ON_SAMPLE = (overlap_findings, contradiction_findings, placeholder_findings, text_findings, answer_findings)


class Tally:
    """Counts while the rows are written, and decides which of them stay. `prompts`: a hash of each row's prompt."""

    def __init__(self, prompts: Sequence[str], splits: Sequence[str], mends: Sequence[str]):
        self._prompts, self._mends = prompts, mends
        self._test = {prompt for prompt, split in zip(prompts, splits) if split == "test"}
        self._train = {prompt for prompt, split in zip(prompts, splits) if split == "train"} if "validation" in splits else set()
        self._seen: set[int] = set()
        self._sampled = _sampled(splits)
        self.sample: list[Example] = []
        self.doubled: Counter[str] = Counter()
        self.leaked: Counter[str] = Counter()
        self.shown: dict[str, list[str]] = {}
        self.answers: dict[str, Counter[str]] | None = {"train": Counter(), "validation": Counter(), "test": Counter()}

    def takes(self, place: int, split: str, prompt: str, answer: str) -> bool:
        """Whether the row stays. Counts it, and what is wrong with it."""
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


def findings(tally: Tally, counts: dict[str, int]) -> tuple[Finding, ...]:
    """The gravest first. Findings of the sample say how large it was."""
    data = TaskData(task=Task(id="draft", name="draft", scorers=(Scorer(kind="exact_match"),)), examples=tuple(tally.sample))
    return tuple(sorted((*_of_all(tally, data), *_of_sample(data, counts)), key=lambda finding: LEVELS.index(finding.level)))


def _of_all(tally: Tally, data: TaskData) -> Iterator[Finding]:
    yield from missing_findings(data)
    yield from few_findings(data)
    for place in ("test", "validation"):
        yield from leaked(place, tally.shown.get(f"leak {place}", ()), tally.leaked[place])
    for split, count in tally.doubled.items():
        yield from twice(split, tally.shown[f"twice {split}"], count)
    if tally.answers is not None:
        yield from counted_findings(tally.answers["train"], tally.answers["test"])


def _of_sample(data: TaskData, counts: dict[str, int]) -> Iterator[Finding]:
    size, total = len(data.examples), sum(counts.values())
    note = "" if size >= total else f" (looked for in {size:,} of the {total:,} rows)"
    for look in _ON_SAMPLE:
        for found in look(data):
            yield found.model_copy(update={"what": found.what + note})


def _sampled(splits: Sequence[str]) -> set[int]:
    """Places of the rows that are looked at one by one: the same each time."""
    found: set[int] = set()
    for name, most in SAMPLE.items():
        places = [place for place, split in enumerate(splits) if split == name]
        found.update(places if len(places) <= most else random.Random(0).sample(places, most))
    return found
