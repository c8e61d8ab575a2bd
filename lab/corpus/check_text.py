"""Letters that should not stand in a text: garbled, lost or hidden ones, secrets and personal data. Knows no splits."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from lab.core import TaskData
from lab.corpus.finding import Mendable, around, finding, short
from lab.corpus.garbled import LOST, garbled_runs, mended_text
from lab.corpus.private import kinds_in, masked_text
from lab.corpus.values import Finding

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
    yield from finding("warn", "Letters were read in a wrong encoding, such as \u00c3\u00a9 for \u00e9: the model would learn to write them",
                       (text for text in rows + pairs + documents if garbled_runs(text)), "Undo it (offered here): what was meant is certain",
                       "garbled", _undone)
    yield from finding("warn", "Letters are lost (\ufffd stands in their place)", (text for text in rows + pairs + documents if LOST.search(text)),
                       "Export the file again as UTF-8: what stood there cannot be known from the file", show=lambda text: around(LOST, text))
    yield from finding("warn", "Invisible letters (tags or direction marks) stand in the texts: they can hide instructions",
                       (text for text in rows + pairs + documents if _INVISIBLE.search(text)), "Take them out unless the language needs them",
                       show=lambda text: ascii(around(_INVISIBLE, text)))
    yield from _private({"examples": rows, "preference pairs": pairs, "documents": documents})


def _undone(text: str) -> str:
    """The first garbled letters with some on both sides, and what is meant there; the beginning where masking took them away."""
    runs = garbled_runs(text)
    start = text.index(runs[0]) if runs else 0
    shown = " ".join(text[max(0, start - 20):start + 30].split())
    return f"{shown}   ->   {mended_text(shown)}"


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
