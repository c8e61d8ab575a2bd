"""What is wrong with preference pairs: nothing to learn, the opposite to learn, or something else to learn than what is preferred."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from lab.core import Preference, TaskData
from lab.corpus.finding import Mendable, finding
from lab.corpus.splits import prompt_key
from lab.corpus.values import Finding

ENOUGH = 20  # pairs; below, a share says little
_RATIO = 1.2  # of the lengths; below, a difference is rarely what a model picks up
_Z = 1.96  # 95 %


def pair_findings(data: TaskData) -> Iterator[Finding]:
    yield from _second_ones(data.preferences)
    yield from other_pair_findings(data)


def other_pair_findings(data: TaskData) -> Iterator[Finding]:
    """All but the pairs that stand twice, which a large import counts for itself."""
    pairs = data.preferences
    yield from finding("refuse", "The chosen and the rejected answer are the same", (p.prompt for p in pairs if p.chosen.strip() == p.rejected.strip()),
                       "Leave these pairs out: nothing can be learned from them")
    yield from finding("refuse", "A preference pair has an empty prompt or answer", (p.id for p in pairs
                       if not (p.prompt.strip() and p.chosen.strip() and p.rejected.strip())), "Fill them or leave these pairs out")
    yield from finding("warn", "The chosen answer only repeats the prompt", (p.prompt for p in pairs if p.prompt.strip()
                       and prompt_key(p.chosen) == prompt_key(p.prompt)), "Look whether the columns are the right ones, or leave these pairs out")
    yield from _reversed(pairs)
    yield from _length_bias(pairs)
    yield from _same_start(pairs)


def content(pair: Preference) -> tuple[str, str, str]:
    """Two pairs with the same content are the same pair."""
    return prompt_key(pair.prompt), pair.chosen.strip(), pair.rejected.strip()


def _reversed(pairs: Sequence[Preference]) -> Iterator[Finding]:
    known = {content(pair) for pair in pairs}
    both = (p.prompt for p in pairs if (k := content(p))[1] < k[2] and (k[0], k[2], k[1]) in known)
    yield from finding("warn", "A pair also stands the other way round: the two cancel each other", both, "Decide for one, and leave the other out")


def _second_ones(pairs: Sequence[Preference]) -> Iterator[Finding]:
    seen: Counter[tuple[str, str, str]] = Counter()
    doubled = []
    for pair in pairs:
        seen[content(pair)] += 1
        if seen[content(pair)] > 1:
            doubled.append(pair.prompt)
    yield from pairs_twice(doubled)


def pairs_twice(prompts: Iterable[str], count: int | None = None) -> Iterator[Finding]:
    """Second ones of the same pair; `count` where only some of them are handed over."""
    yield from finding("warn", "Preference pairs stand twice: they weigh double", prompts, "Leave the second ones out (offered here)", "duplicates",
                       count=count)


def _length_bias(pairs: Sequence[Preference]) -> Iterator[Finding]:
    """Chosen answers that are longer (or shorter) so often that length alone would tell them. Said where Wilson's 95 % interval of the
    share leaves out one half (the same as a score test against one half) and the median ratio of the lengths in letters is above 1.2."""
    lengths = [(len(p.chosen.strip()), len(p.rejected.strip())) for p in pairs if p.chosen.strip() and p.rejected.strip()]
    uneven = [chosen > rejected for chosen, rejected in lengths if chosen != rejected]
    if len(uneven) < ENOUGH:
        return
    share, ratio = sum(uneven) / len(uneven), median(chosen / rejected for chosen, rejected in lengths)
    longer = share > .5
    if abs(share - .5) <= _Z * math.sqrt(.25 / len(uneven)) or (ratio if longer else 1 / ratio) <= _RATIO:
        return
    word, count = ("longer", sum(uneven)) if longer else ("shorter", len(uneven) - sum(uneven))
    yield Mendable(level="warn", what=f"The chosen answer is {word} in {max(share, 1 - share):.0%} of the pairs: the model may learn length, not quality",
                   count=count, examples=(f"In the middle a chosen answer has {ratio:.1f} times the letters of the rejected one",),
                   do=f"Bring pairs in which the better answer is as often not the {word} one, and compare the length of the answers afterwards")


def _same_start(pairs: Sequence[Preference]) -> Iterator[Finding]:
    firsts = {name: {(getattr(p, name).split() or [""])[0].casefold() for p in pairs} for name in ("chosen", "rejected")}
    if len(pairs) >= ENOUGH and len(firsts["chosen"]) == 1 and firsts["rejected"] != firsts["chosen"]:
        yield Mendable(level="note", what="Every chosen answer begins with the same word: the model may learn that word and little else", count=len(pairs),
                       examples=(pairs[0].chosen[:40],), do="Fine where that word is what is wanted; else bring answers that differ")
