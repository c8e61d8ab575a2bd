"""Text that was read in a wrong encoding: UTF-8 taken for Windows-1252 ("Ã©" for "é"), and letters that are lost (U+FFFD).

The first kind can be undone where it is certain: the letters, written as Windows-1252 again, are good UTF-8. The second kind cannot.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lab.core import TaskData

LOST = re.compile("\ufffd")
_CONTINUED = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xC0))
_C = f"[{re.escape(_CONTINUED)}]"
# What UTF-8 begins a letter with, as Windows-1252 shows it: Western letters and signs, Greek, punctuation, emoji. Beginnings that also end
# words of good text before a dash or a closing quotation mark (é…», ñ–) count only where two such letters follow each other, as the letters
# of Cyrillic, Arabic and Asian words do.
_RUN = re.compile(f"(?:[ÂÃÎÏ]{_C}|â[€‚„†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œž\u0081\u008d\u008f\u0090\u009d]{_C}|ï[»¼½¿]{_C}|ð{_C}{{3}}"
                  f"|(?:[ÐÑØÙ]{_C}){{2,}}|(?:[ãäåæçèéêëìí]{_C}{{2}}){{2,}})+")


def garbled_runs(text: str) -> list[str]:
    """Pieces of a text that can be undone for certain."""
    return [run for run in _RUN.findall(text) if _undone(run) != run] if not text.isascii() else []


def mended_text(text: str) -> str:
    """The text with every such piece undone; twice where it was garbled twice."""
    if text.isascii():
        return text
    once = _RUN.sub(lambda match: _undone(match.group()), text)
    return once if once == text else mended_text(once)


def mended(data: TaskData) -> TaskData:
    """The same rows and documents with garbled letters undone; sections of a document that changes are dropped, for their places moved."""
    examples = tuple(row.with_texts(mended_text) for row in data.examples)
    pairs = tuple(pair.model_copy(update={name: mended_text(getattr(pair, name)) for name in ("prompt", "chosen", "rejected")})
                  if any(garbled_runs(getattr(pair, name)) for name in ("prompt", "chosen", "rejected")) else pair for pair in data.preferences)
    documents = tuple(document.model_copy(update={"text": mended_text(document.text), "sections": ()}) if garbled_runs(document.text) else document
                      for document in data.documents)
    return data.model_copy(update={"examples": examples, "preferences": pairs, "documents": documents}).sealed()


@lru_cache(maxsize=4_096)
def _undone(run: str) -> str:
    """The letters that were meant; the run itself where the bytes behind it are no UTF-8."""
    raw = b"".join(_byte(letter) for letter in run)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return run


def _byte(letter: str) -> bytes:
    """Windows-1252 as programs write it: five bytes have no letter there and stand for themselves."""
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")
