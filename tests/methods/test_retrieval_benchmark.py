"""The numbers in data/benchmarks/retrieval.md come out again from the same documents and questions."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def row_of(name: str, chunking: str, retriever: str) -> list[str]:
    lines = (ROOT / "data" / "benchmarks" / "retrieval.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith(f"| {name} ")]
    (row,) = [row for row in rows if row[2:4] == [chunking, retriever]]
    return row


@pytest.mark.parametrize("name, chunking", [("rag_xquad_en", "words"), ("rag_llm_docs_markdown", "sentences")])
def test_a_line_of_the_page_is_measured_again(shared, monkeypatch, name, chunking):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "bench"))
    import bench_retrieval
    again = bench_retrieval.lines(name, *bench_retrieval.SETS[name](), chunking, embedder="")
    assert [list(row) for row in again] == [row_of(name, chunking, "lexical")]
