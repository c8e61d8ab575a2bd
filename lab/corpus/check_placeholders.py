"""Placeholders that nobody filled: {{name}}, {name}, ${name}, <name>, [NAME], %s. Texts that look like code keep theirs: there they are meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lab.core import TaskData
from lab.corpus.finding import around, finding
from lab.corpus.values import Finding

_WORDS = ("(?:first|last|full|user|customer|client|company|product|city|file|street|agent|recipient|sender|employee|team|order|account|phone|email|event)"
          "[ _-]?(?:name|number|id|address|date)|name|date|company|address|e-?mail|phone|username|surname|city|country|amount|"
          "(?:your|insert|enter|add)[ _-][\\w -]{1,30}")
# [email] and [phone] are the lab's own masks.
_ALWAYS = re.compile(r"\{\{\s*[\w. -]{1,60}\s*\}\}|\[(?:NAME|DATE|COMPANY|ADDRESS|(?:YOUR|INSERT) [A-Z ]{1,30}"
                     r"|(?:Your|Insert) [A-Z][A-Za-z ]{1,30})\](?!\()|<(?:your|insert)[ _-][\w -]{1,30}>|\b[Ll]orem ipsum dolor\b")
_IN_PROSE = re.compile(rf"<(?:{_WORDS})>|(?<!\w)\[(?!(?:email|phone)\])(?:{_WORDS})\](?![(\w])|\$\{{[A-Za-z_][\w.]{{0,40}}\}}"
                       r"|(?<![\\\w}$\"'])\{[a-z_][a-z0-9_]{1,40}\}(?![\w{])"
                       r"|(?<![\w%])%(?:\(\w{1,40}\))?[sd](?![\w%])", re.IGNORECASE)
_CODE = re.compile(r"```|</\w|\bdef \w|\bimport \w|\bfunction\b|\breturn\b|\bprint\(|printf|\bformat\b|\bf[\"']|=>|#include|;\s*\n|\bSELECT\b|\bclass \w+[:({]"
                   r"|\\(?:frac|text|begin|sqrt|left|mathbb)|echo |\$\w+ ?=|\w\(\)|https?://\S*[{<$]|[\"'][\w-]+[\"']\s*:")


def placeholder_findings(data: TaskData) -> Iterator[Finding]:
    texts = [f"{e.prompt}\n{e.answer}" for e in data.examples] + [f"{p.prompt}\n{p.chosen}\n{p.rejected}" for p in data.preferences]
    yield from finding("warn", "Placeholders such as {{name}} were never filled: the model would learn to write them",
                       (text for text in texts if _pattern(text)), "Replace them with what they stand for, unless the task is about them",
                       show=lambda text: around(_pattern(text) or _ALWAYS, text))


def _pattern(text: str) -> re.Pattern[str] | None:
    """The pattern by which the text holds a placeholder."""
    if _ALWAYS.search(text):
        return _ALWAYS
    return _IN_PROSE if _IN_PROSE.search(text) and not _CODE.search(text) else None
