"""BM25 search over texts (bm25s). Needs nothing but the texts; an index that was saved needs not even them."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import bm25s


class Lexical:
    """Ranks texts for a query by BM25 (Lucene's variant)."""

    def __init__(self, texts: Sequence[str]):
        # An all-stop-word collection would have an empty vocabulary, so no stop words are taken out.
        tokens = bm25s.tokenize(list(texts), stopwords=[], show_progress=False)
        self._count = len(texts) if tokens.vocab else 0  # bm25s cannot index texts without any word: nothing is found in them
        self._index = bm25s.BM25()
        if self._count:
            self._index.index(tokens, show_progress=False)

    def save(self, folder: Path) -> None:
        """Arrays and a vocabulary; no pickle. Nothing where there is no word to find."""
        if self._count:
            self._index.save(folder, allow_pickle=False, show_progress=False)

    @classmethod
    def load(cls, folder: Path, count: int) -> "Lexical":
        """What `save` wrote over `count` texts: some eighty times faster than to index them again."""
        found = cls.__new__(cls)
        found._count, found._index = count, bm25s.BM25.load(folder, allow_pickle=False, show_progress=False)
        return found

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """Up to k (place, score) pairs, best first; only texts that share a word with the query."""
        k = min(k, self._count)
        tokens = bm25s.tokenize([query], stopwords=[], show_progress=False, return_ids=False)
        if k == 0 or not tokens[0]:
            return []
        places, scores = self._index.retrieve(tokens, k=k, show_progress=False)
        return [(int(place), float(score)) for place, score in zip(places[0], scores[0]) if score > 0]
