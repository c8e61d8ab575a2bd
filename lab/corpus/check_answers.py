"""Answers that are no answers: nothing but markup, or far longer than all others. Knows no tokens."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from statistics import quantiles

from lab.core import TaskData
from lab.corpus.finding import finding
from lab.corpus.values import Finding

_MARKUP = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]{0,300}>|```\w*|~~~\w*|!?\[\]\([^()\s]{0,300}\)|^\s*(?:[-*_=#>|]\s*){3,}$", re.MULTILINE | re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|\w{2,20});")
ENOUGH = 20  # answers; of fewer nobody can say what is usual
_FENCES = 3.0  # interquartile ranges above the third quartile: Tukey's outer fence (Exploratory Data Analysis, 1977)
_SHORT = 300  # letters: below, no text is too long for anything
_TIMES = 5  # of the third quartile: where nearly all answers are equally long, the fence alone would be crossed by a word


def answer_findings(data: TaskData) -> Iterator[Finding]:
    answers = [(e.prompt, e.answer) for e in data.examples] + [(p.prompt, p.chosen) for p in data.preferences]
    yield from finding("warn", "The answer is only markup (tags, rules or fences without a word)",
                       (f"{answer}   (prompt: {prompt})" for prompt, answer in answers if only_markup(answer)),
                       "Look whether the texts between the tags were lost on the way, and leave these rows out")
    if len(data.examples) > 1 and len({e.answer.strip() for e in data.examples}) == 1:
        yield from finding("warn", "Every answer is the same text: there is nothing to learn or to tell apart", [data.examples[0].answer],
                           "Look whether the answer's column is the right one, and in braces, as {answer}", count=len(data.examples))
    yield from _outliers("answer", [(e.prompt, e.answer) for e in data.examples])
    yield from _outliers("prompt", [(e.prompt, e.prompt) for e in data.examples])


def only_markup(text: str) -> bool:
    """Whether nothing stands between the tags. An answer that is a sign (+, ?, 0) is none of these."""
    rest = _MARKUP.sub(" ", text)
    if rest == text and not _ENTITY.search(text):
        return False
    return not html.unescape(rest).strip(" \t\r\n\xa0\u200b|-*_#>`~=")


def _outliers(kind: str, rows: list[tuple[str, str]]) -> Iterator[Finding]:
    """Texts beyond Tukey's outer fence that are also several times as long as three quarters of the others."""
    if len(rows) < ENOUGH:
        return
    low, middle, high = quantiles((len(text) for _, text in rows), n=4)
    fence = max(high + _FENCES * (high - low), _TIMES * high, _SHORT)
    long = sorted(((len(text), prompt) for prompt, text in rows if len(text) > fence), reverse=True)
    yield from finding("note", f"Some {kind}s are far longer than the others (half of them have at most {middle:,.0f} letters)",
                       (f"{letters:,} letters: {prompt}" for letters, prompt in long),
                       "Look whether something was pasted in by mistake; long rows set the memory that a training step needs")
