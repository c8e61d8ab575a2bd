"""How a check puts what it found into a Finding. Knows no check; sees to it that no example shows a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from lab.corpus.private import masked_text
from lab.corpus.values import Finding


class Mendable(Finding):
    """A finding that can be mended here: `mend` names the entry of `lab.corpus.mending.MENDS`, or "long"."""

    mend: str = ""


def finding(level: str, what: str, shown: Iterable[str], do: str, mend: str = "", show: Callable[[str], str] = str,
            count: int | None = None) -> Iterator[Mendable]:
    """One finding where there is something to show, else none. `show` makes an example of a text; it gets texts that are masked. `count`: how
    many there are where only some are handed over."""
    shown = list(shown)
    if shown:
        examples = tuple(short(show(masked_text(text))) for text in shown[:3])
        yield Mendable(level=level, what=what, count=len(shown) if count is None else count, examples=examples, do=do, mend=mend)


def short(text: str) -> str:
    line = " ".join(text[:4_000].split())
    return line if len(line) <= 120 else line[:119] + "…"


def around(pattern: re.Pattern[str], text: str) -> str:
    """The place of the first match with a few letters on both sides; the beginning where masking took the match away."""
    match = pattern.search(text)
    start = match.start() if match else 0
    return text[max(0, start - 30):start + 50]
