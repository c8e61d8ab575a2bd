"""Retrieval: documents are cut into passages, indexed, and the best ones stand before the question.

The index on disk holds the passages and, for dense search, their embeddings; BM25 is rebuilt from the passages in
milliseconds. Fusion is reciprocal rank fusion (Cormack et al. 2009) with the customary constant 60.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Sequence

import numpy as np

from lab.core import DataError, Document, Passage, Retrieval
from lab.corpus import chunk
from lab.methods.lexical import Lexical

RANK_CONSTANT = 60
CANDIDATES = 50  # ranks that take part in the fusion


def build_index(settings: Retrieval, documents: Sequence[Document], folder: Path) -> int:
    """Write the index into `folder`; returns the number of passages. Raises DataError where there is nothing to index."""
    pieces = chunk(documents, settings.chunk_words, settings.overlap_words, settings.chunking)
    if not pieces:
        raise DataError("There is no text to search in", "documents", "Add documents to the task or switch retrieval off")
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
        for piece in pieces:
            passage = Passage(document=piece.document, text=piece.text, page=piece.page, heading=piece.heading)
            file.write(json.dumps(passage.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False) + "\n")
    if settings.retriever != "lexical":
        from lab.engine.embed import embed
        np.save(folder / "vectors.npy", embed(settings.embedder, [piece.text for piece in pieces]), allow_pickle=False)
    return len(pieces)


class Searcher:
    """Finds passages in an index that build_index wrote."""

    def __init__(self, settings: Retrieval, folder: Path):
        self.settings = settings
        with (folder / "passages.jsonl").open(encoding="utf-8") as file:
            self.passages = [Passage(**json.loads(line)) for line in file]
        self._lexical = Lexical([p.text for p in self.passages]) if settings.retriever != "dense" else None
        self._vectors = np.load(folder / "vectors.npy", allow_pickle=False) if settings.retriever != "lexical" else None

    def search(self, query: str) -> list[Passage]:
        """The top_k passages, best first, with their scores."""
        k = self.settings.top_k
        if self.settings.retriever == "fusion":
            found = fuse([self._by_words(query, CANDIDATES), self._by_meaning(query, CANDIDATES)])[:k]
        else:
            found = (self._by_words if self._lexical else self._by_meaning)(query, k)
        return [self.passages[place].model_copy(update={"score": round(score, 4)}) for place, score in found]

    def _by_words(self, query: str, k: int) -> list[tuple[int, float]]:
        return self._lexical.search(query, k)

    def _by_meaning(self, query: str, k: int) -> list[tuple[int, float]]:
        from lab.engine.embed import embed
        scores = self._vectors @ embed(self.settings.embedder, [query])[0]
        return [(int(place), float(scores[place])) for place in np.argsort(-scores)[:k]]


def fuse(rankings: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """Join rankings by the sum of 1 / (60 + rank), best first; ties keep the smaller place."""
    totals: dict[int, float] = {}
    for ranking in rankings:
        for rank, (place, _) in enumerate(ranking, start=1):
            totals[place] = totals.get(place, 0.0) + 1 / (RANK_CONSTANT + rank)
    return sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))


def hit(passages: Sequence[Passage], wanted: Sequence[str]) -> float | None:
    """hit@k: 1 where one of the documents that hold the answer was found, None where the task does not say which do."""
    return float(any(passage.document in wanted for passage in passages)) if wanted else None
