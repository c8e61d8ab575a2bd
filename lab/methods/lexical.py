"""BM25 search over texts (bm25s). Needs nothing but the texts."""

from __future__ import annotations

from typing import Sequence

import bm25s


class Lexical:
    """Ranks texts for a query by BM25 (Lucene's variant)."""

    def __init__(self, texts: Sequence[str]):
        self._count = len(texts)
        self._index = bm25s.BM25()
        # An all-stop-word collection would have an empty vocabulary, so no stop words are taken out.
        self._index.index(bm25s.tokenize(list(texts), stopwords=[], show_progress=False), show_progress=False)

    def search(self, query: str, k: int) -> list[tuple[int, float]]:
        """Up to k (place, score) pairs, best first; only texts that share a word with the query."""
        k = min(k, self._count)
        tokens = bm25s.tokenize([query], stopwords=[], show_progress=False, return_ids=False)
        if k == 0 or not tokens[0]:
            return []
        places, scores = self._index.retrieve(tokens, k=k, show_progress=False)
        return [(int(place), float(score)) for place, score in zip(places[0], scores[0]) if score > 0]
