"""Whether a base can read a row whole, asked of a million rows: nearly all are so short that nobody has to count their tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab.core import LabError
from lab.corpus.bulk_plan import Plan

LONG = "long"  # the mend that leaves out what is too long
SHOWN = 3
_AROUND = 200  # letters of a template around an empty row, at least; more are measured
Count = Callable[..., int]


def counter(plan: Plan) -> Count | None:
    """(prompt, answer) or (prompt) -> tokens for the plan's base; None without one, and where it has no fast tokenizer: training counts then."""
    if not (plan.base and plan.context):
        return None
    from lab.corpus.preview import row_tokens
    try:
        return row_tokens(Path(plan.base))
    except LabError:
        return None


class Room:
    """Leaves out rows that the plan's base cannot read whole, where the plan asks for that. The law is that of small files
    (`check_rows.fitting`)."""

    def __init__(self, plan: Plan):
        self._count = counter(plan) if LONG in plan.mends else None
        self._context, self._answer = plan.context, plan.answer
        self._around = max(_AROUND, 4 * self._count("x", "x")) if self._count else 0
        self.left_out, self.shown = 0, []

    def holds(self, prompt: str, answer: str = "") -> bool:
        """Whether a row fits; without an answer whether a question leaves room for one. What does not is noted."""
        if self._count is None:
            return True
        limit = self._context if answer else self._context - self._answer
        if len(prompt) + len(answer) + self._around <= limit and prompt.isascii() and answer.isascii():
            return True  # no tokenizer makes more tokens than letters of these
        if self._count(prompt, answer) <= limit if answer else self._count(prompt) <= limit:
            return True
        self.left_out += 1
        if len(self.shown) < SHOWN:
            self.shown.append(prompt)
        return False
