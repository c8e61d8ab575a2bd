"""Answers that are labels: how evenly they are spread, and whether all that is tested was trained. Silent where answers are free text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lab.core import TaskData
from lab.corpus.finding import Mendable, finding
from lab.corpus.splits import ROWS_PER_LABEL
from lab.corpus.values import Finding

LEAST = 5  # training rows per label
_WORDS, _NUMBERS = 6, 20  # longer answers are texts; more different numbers are results
_MOST, _UNEVEN = .8, 10  # share of the largest label; largest to smallest


def label_findings(data: TaskData) -> Iterator[Finding]:
    yield from counted_findings(Counter(example.answer.strip() for example in data.split("train")),
                                Counter(example.answer.strip() for example in data.split("test")))


def counted_findings(train: Counter[str], test: Counter[str]) -> Iterator[Finding]:
    """The same from how often each answer stands in the two splits."""
    if not train or not _are_labels(train + test):
        return
    yield from finding("warn", "A label of the test split is never trained: a fine-tuned System can hardly get it right",
                       (f"{label} ({test[label]:,} test rows)" for label in sorted(set(test) - set(train))),
                       "Take more rows where only a part of the file is used, bring training rows for these labels, or let the lab split the rows: it "
                       "spreads labels evenly")
    yield from finding("warn", f"A label has fewer than {LEAST} training rows", (f"{label} ({count})" for label, count in sorted(train.items())
                       if count < LEAST), "Bring more rows for these labels, or join labels that mean the same")
    yield from _balance(train)


def _are_labels(different: Counter[str]) -> bool:
    numbers = sum(answer.lstrip("-").replace(".", "", 1).isdigit() for answer in different)
    return 1 < len(different) <= different.total() / ROWS_PER_LABEL and numbers <= _NUMBERS and all(len(answer.split()) <= _WORDS for answer in different)


def _balance(train: Counter[str]) -> Iterator[Finding]:
    """The share of the largest label, where one can score by saying it always or where the smallest is lost beside it."""
    (largest, most), (smallest, least) = train.most_common()[0], train.most_common()[-1]
    share = most / train.total()
    if share < _MOST and most < _UNEVEN * least:
        return
    yield Mendable(level="warn" if share >= _MOST else "note", what=f"Labels are uneven: the largest has {share:.0%} of the training rows, the smallest "
                   f"{least / train.total():.1%}", count=len(train), examples=(f"{largest} ({most:,} rows)", f"{smallest} ({least:,} rows)"),
                   do="Compare with a System that always gives the largest label, and bring rows for the small ones")
