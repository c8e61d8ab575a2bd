"""Retrieval: documents are cut into passages, indexed, and the best ones stand before the question.

The index on disk holds the passages, BM25's arrays and, for dense search, the passages' embeddings. Fusion is reciprocal rank fusion
(Cormack et al. 2009) with the customary constant 60.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from lab.core import DataError, Document, Passage, Retrieval
from lab.corpus import chunk
from lab.corpus.tokens import counter
from lab.corpus.values import Chunk
from lab.methods.lexical import Lexical

RANK_CONSTANT = 60
CANDIDATES = 50  # ranks that take part in the fusion
PART = 32  # passages embedded between two reports
Report = Callable[[str, int, int], None]  # what is counted ("documents" that are cut, then "passages" that are indexed), done, in all
Ranking = list[tuple[int, float]]  # (place among the index's passages, score), best first


def build_index(settings: Retrieval, documents: Sequence[Document], folder: Path, report: Report = lambda part, done, total: None,
                tokenizer: Path | None = None) -> int:
    """Write the index into `folder`; returns the number of passages. `tokenizer`: the folder of the one that counts where documents are cut by
    tokens. Raises DataError where there is nothing to index or to count with, and whatever `report` raises: that is how building is stopped."""
    pieces = _pieces(settings, documents, report, tokenizer)
    if not pieces:
        raise DataError("There is no text to search in", "documents", "Add documents to the task or switch retrieval off")
    report("passages", 0, len(pieces))
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as file:
        for piece in pieces:
            passage = Passage(document=piece.document, text=piece.text, page=piece.page, heading=piece.heading)
            file.write(json.dumps(passage.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False) + "\n")
    texts = [piece.text for piece in pieces]
    Lexical(texts).save(folder / "lexical")
    if settings.retriever != "lexical":
        np.save(folder / "vectors.npy", _vectors(settings.embedder, texts, report), allow_pickle=False)
    report("passages", len(pieces), len(pieces))
    return len(pieces)


def _pieces(settings: Retrieval, documents: Sequence[Document], report: Report, tokenizer: Path | None) -> list[Chunk]:
    pieces: list[Chunk] = []
    count = counter(tokenizer) if tokenizer else None
    for number, document in enumerate(documents):
        report("documents", number, len(documents))
        pieces += chunk([document], settings.chunk_words, settings.overlap_words, settings.chunking, count)
    return pieces


def _vectors(embedder: str, texts: list[str], report: Report) -> np.ndarray:
    """(texts, dimension) embeddings. Texts of like length are embedded together, so that little is spent on padding."""
    from lab.engine.embed import embed
    order = sorted(range(len(texts)), key=lambda number: -len(texts[number]))
    parts = []
    for start in range(0, len(texts), PART):
        report("passages", start, len(texts))
        parts.append(embed(embedder, [texts[number] for number in order[start:start + PART]]))
    vectors = np.concatenate(parts)
    vectors[order] = vectors.copy()
    return vectors


class Searcher:
    """Finds passages in an index that build_index wrote."""

    def __init__(self, settings: Retrieval, folder: Path):
        self.settings, self.folder = settings, folder
        with (folder / "passages.jsonl").open(encoding="utf-8") as file:
            self.passages = [Passage(**json.loads(line)) for line in file]

    @cached_property
    def _lexical(self) -> Lexical:
        saved = self.folder / "lexical"
        return Lexical.load(saved, len(self.passages)) if saved.is_dir() else Lexical([passage.text for passage in self.passages])

    @cached_property
    def _vectors(self) -> np.ndarray:
        return np.load(self.folder / "vectors.npy", allow_pickle=False)

    def search(self, query: str) -> list[Passage]:
        """The top_k passages, best first, with their scores."""
        k = self.settings.top_k
        if self.settings.retriever == "fusion":
            found = fuse([self._by_words(query, CANDIDATES), self._by_meaning(query, CANDIDATES)])[:k]
        else:
            found = (self._by_words if self.settings.retriever == "lexical" else self._by_meaning)(query, k)
        return [self.passages[place].model_copy(update={"score": round(score, 4)}) for place, score in found]

    def rankings(self, query: str) -> dict[str, Ranking]:
        """Every ranking that the index can give, by retriever: dense and fusion only where it holds embeddings. The one of the settings'
        own retriever begins with what `search` finds."""
        found = {"lexical": self._by_words(query, CANDIDATES)}
        if self.settings.retriever != "lexical":
            found["dense"] = self._by_meaning(query, CANDIDATES)
            found["fusion"] = fuse(list(found.values()))[:CANDIDATES]
        return found

    def _by_words(self, query: str, k: int) -> Ranking:
        return self._lexical.search(query, k)

    def _by_meaning(self, query: str, k: int) -> Ranking:
        from lab.engine.embed import embed
        scores = self._vectors @ embed(self.settings.embedder, [query])[0]
        return [(int(place), float(scores[place])) for place in np.argsort(-scores, kind="stable")[:k]]


def fuse(rankings: Sequence[Sequence[tuple[int, float]]]) -> Ranking:
    """Join rankings by the sum of 1 / (60 + rank), best first; ties keep the smaller place."""
    totals: dict[int, float] = {}
    for ranking in rankings:
        for rank, (place, _) in enumerate(ranking, start=1):
            totals[place] = totals.get(place, 0.0) + 1 / (RANK_CONSTANT + rank)
    return sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))


def hit(passages: Sequence[Passage], wanted: Sequence[str]) -> float | None:
    """hit@k: 1 where one of the documents that hold the answer was found, None where the task does not say which do."""
    return float(any(passage.document in wanted for passage in passages)) if wanted else None
