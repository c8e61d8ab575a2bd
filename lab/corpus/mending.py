"""What the lab offers to mend in a Task's rows: pure functions from TaskData to TaskData, in the order in which they are done.

What changes texts comes first, for rows that differed in a letter or a number alone may become the same row; what is taken out follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lab.core import TaskData
from lab.corpus import garbled
from lab.corpus.check_leaks import without_leaks, without_overlap
from lab.corpus.check_rows import without_duplicates
from lab.corpus.private import masked

TOO_LONG = "Leave out rows that are too long for this base"  # the switch for what depends on a base: lab.corpus.check_rows.fitting


class Mend(NamedTuple):
    """`label`: what is done, as a sentence for a switch."""

    label: str
    mended: Callable[[TaskData], TaskData]


MENDS = {
    "garbled": Mend("Undo letters that were read in a wrong encoding", garbled.mended),
    "mask": Mend("Mask secrets and personal data in prompts, answers and documents", masked),
    "leaks": Mend("Take out rows that would leak the test into training", without_leaks),
    "overlap": Mend("Take out rows that share 13 words in a row with the test", without_overlap),
    "duplicates": Mend("Leave out second ones of the same row", without_duplicates),
}


class Effect(NamedTuple):
    """How many of each were taken out, or kept with another text."""

    examples: int
    preferences: int
    documents: int


def effect(before: TaskData, after: TaskData) -> Effect:
    """What mending did. It either takes rows out or changes them, never both."""
    def touched(name: str) -> int:
        old, new = getattr(before, name), getattr(after, name)
        return len(old) - len(new) or sum(a != b for a, b in zip(old, new))

    return Effect(*(touched(name) for name in Effect._fields))
