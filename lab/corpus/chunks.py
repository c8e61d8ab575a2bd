"""Documents cut into passages with overlap, at paragraph and sentence borders where there are some (semchunk). Lengths are in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab.core import DataError, Document
from lab.corpus.extract import tidy
from lab.corpus.values import Chunk

# Scripts without spaces count by letter, and endless words by every 40 letters: else one "word" could be a whole document.
_WORD = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]{1,40}")


def count_words(text: str) -> int:
    return len(_WORD.findall(text))


def chunk(documents: Iterable[Document], chunk_words: int, overlap_words: int) -> tuple[Chunk, ...]:
    """Passages of at most `chunk_words` words; neighbours share up to `overlap_words`. A shorter document stays whole."""
    from semchunk import chunk as cut  # heavy enough to wait until somebody has documents
    if not 0 <= overlap_words < chunk_words:
        raise DataError(f"Passages of {chunk_words} words cannot share {overlap_words}", "retrieval settings",
                        "Set the overlap below the length of a passage")
    found: list[Chunk] = []
    for document in documents:
        text = tidy(document.text)
        if count_words(text) <= chunk_words:
            pieces = [text] if text.strip() else []
        else:
            pieces = cut(text, chunk_words, count_words, memoize=False, overlap=overlap_words or None)
        texts = [piece.strip() for piece in pieces if piece.strip()]
        found += [Chunk(document=document.id, position=position, text=body) for position, body in enumerate(texts)]
    return tuple(found)
