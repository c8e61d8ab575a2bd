"""Letters that should not stand in a text: forms never filled in, hidden signs, secrets and personal data. Knows no splits."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from lab.core import TaskData
from lab.corpus.finding import Mendable, around, finding, short
from lab.corpus.private import kinds_in, masked_text
from lab.corpus.values import Finding

_PLACEHOLDER = re.compile(r"\{\{\s*[\w. -]{1,60}\s*\}\}|\[(?:NAME|DATE|COMPANY|ADDRESS|(?:YOUR|INSERT) [A-Z ]{1,30}"
                          r"|(?:Your|Insert) [A-Z][A-Za-z ]{1,30})\](?!\()|<(?:your|insert)[ _-][\w -]{1,30}>|\b[Ll]orem ipsum dolor\b")
_INVISIBLE = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]")
_SHORT_IP = re.compile(r"\d{1,3}\.\d{1,3}\.…")
_KINDS = {"secret": ("warn", "Keys or access tokens"), "email": ("warn", "E-mail addresses"), "phone": ("warn", "Telephone numbers"),
          "card": ("warn", "Card numbers"), "iban": ("warn", "Bank account numbers (IBAN)"), "ip": ("note", "IP addresses")}
_DO = {"secret": "Mask them (offered here), and withdraw them where they are in use", "ip": "Look whether they say something about people; they are not masked"}
_MASK = "Mask them (offered here), unless the task is about them: a model may repeat what it was trained on"


def text_findings(data: TaskData) -> Iterator[Finding]:
    rows = [f"{e.prompt}\n{e.answer}" for e in data.examples]
    pairs = [f"{p.prompt}\n{p.chosen}\n{p.rejected}" for p in data.preferences]
    documents = [document.text for document in data.documents]
    yield from finding("warn", "Placeholders such as {{name}} were never filled: the model would learn to write them",
                       (text for text in rows + pairs if _PLACEHOLDER.search(text)), "Replace them with what they stand for",
                       show=lambda text: around(_PLACEHOLDER, text))
    yield from finding("warn", "Invisible letters (tags or direction marks) stand in the texts: they can hide instructions",
                       (text for text in rows + pairs + documents if _INVISIBLE.search(text)), "Take them out unless the language needs them",
                       show=lambda text: ascii(around(_INVISIBLE, text)))
    yield from _private({"examples": rows, "preference pairs": pairs, "documents": documents})


def _private(texts: dict[str, list[str]]) -> Iterator[Finding]:
    """One finding for each kind, with the number of texts that hold it, place by place; what is shown is masked."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    shown: dict[str, list[str]] = defaultdict(list)
    for place, some in texts.items():
        for text in some:
            for kind in kinds_in(text):
                counts[kind][place] += 1
                if len(shown[kind]) < 3:
                    shown[kind].append(short(_window(text, kind)))
    for kind, (level, name) in _KINDS.items():
        if counts[kind]:
            where = ", ".join(f"{place}: {count:,}" for place, count in counts[kind].items())
            yield Mendable(level=level, what=f"{name} stand in the texts ({where})", count=counts[kind].total(), examples=tuple(shown[kind]),
                           do=_DO.get(kind, _MASK), mend="" if kind == "ip" else "mask")


def _window(text: str, kind: str) -> str:
    """The place of the first mask of this kind, everything masked; an address that is not masked is shown by its beginning alone."""
    safe = masked_text(text)
    if kind == "ip":
        return around(_SHORT_IP, re.sub(r"\b(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}\b", r"\1.…", safe))
    return around(re.compile(re.escape(f"[{kind}]")), safe)
