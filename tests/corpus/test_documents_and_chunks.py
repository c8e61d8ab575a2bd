"""Documents of every kind become text; passages cover the text and overlap; one bad file costs no other."""

from itertools import pairwise

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import corpus
from lab.core import DataError, Document
from lab.corpus.chunks import count_words
from lab.corpus.extract import tidy
from lab.corpus.limits import LIMITS

PAGE = """<html><head><title>Cats</title><style>p {color: red}</style></head><body><script>alert(1)</script><!-- secret -->
<h1>About <b>cats</b></h1><p>They &amp; we.</p><table><tr><td>a</td><td>b</td></tr></table></body></html>"""


def folder_of(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return root


def test_a_folder_with_good_and_bad_files(tmp_path):
    root = folder_of(tmp_path / "docs", {"b.md": "# B\r\n\r\n\r\n\r\n    code  here\n", "a/page.html": PAGE,
                                         "empty.txt": "", "x.exe": b"MZ", "bad.pdf": b"%PDF-1.4 no", ".hidden.md": "no",
                                         "bad.docx": b"PK\x03\x04 no",
                                         "old.txt": "Grüße".encode("cp1252")})
    word = docx.Document()
    word.add_paragraph("First.")
    word.add_table(1, 2).rows[0].cells[0].text = "cell"
    word.add_paragraph("Last.")
    word.save(root / "c.docx")
    (root / "link.md").symlink_to("/etc/hostname")
    documents, problems = corpus.read_documents(root)
    assert [(d.id, d.name) for d in documents] == [("d0001", "a/page.html"), ("d0002", "b.md"), ("d0003", "c.docx"), ("d0004", "old.txt")]
    texts = {d.name: d.text for d in documents}
    assert texts["b.md"] == "# B\n\n    code here" and texts["old.txt"] == "Grüße"
    assert texts["a/page.html"].split("\n") == ["Cats", "", "About cats", "", "They & we.", "", "a b"]
    assert texts["c.docx"].split() == ["First.", "cell", "|", "Last."]
    said = "\n".join(problem.reason for problem in problems)
    for expected in ("empty.txt: The file is empty", "x.exe: left out", "bad.pdf: This cannot be read as PDF",
                     "bad.docx: This cannot be read as DOCX", "old.txt: not UTF-8"):
        assert expected in said
    assert len(problems) == 5


@pytest.mark.parametrize("together", [1, 2, 4, 40])
def test_a_file_that_ends_its_reader_costs_no_other(tmp_path, monkeypatch, together):
    monkeypatch.setattr("lab.corpus.documents.TOGETHER", together)
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    (tmp_path / "3.txt").write_text("x" * 50_000)  # its result is more than the reader may write
    (tmp_path / "5.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "6.png").write_bytes(b"x")
    documents, problems = corpus.read_documents(tmp_path, LIMITS._replace(result_bytes=20_000))
    assert [document.name for document in documents] == ["0.txt", "1.txt", "2.txt", "4.txt", "5.txt", "6.txt", "7.txt", "8.txt"]
    assert [problem.reason.split(":")[0] for problem in problems] == ["3.txt", "5.pdf", "6.png"] and "gave up" in problems[0].reason


def test_many_files_are_read_by_few_processes(tmp_path, monkeypatch):
    from lab.corpus import guard
    started, run = [], guard._run
    monkeypatch.setattr(guard, "_run", lambda command, *rest: started.append(command[3]) or run(command, *rest))
    for number in range(90):
        (tmp_path / f"{number:02d}.txt").write_text(f"text {number}")
    documents, problems = corpus.read_documents(tmp_path)
    assert [document.text for document in documents] == [f"text {number}" for number in range(90)] and not problems and started == ["documents"] * 3


def test_a_list_of_files_and_nothing_readable(tmp_path):
    folder_of(tmp_path, {"a.txt": "alpha", "b.txt": ""})
    assert [d.name for d in corpus.read_documents([tmp_path / "a.txt"])[0]] == ["a.txt"]
    (tmp_path / "00001").write_text("# Title")
    assert [d.name for d in corpus.read_documents([("my notes.md", tmp_path / "00001")])[0]] == ["my notes.md"]
    with pytest.raises(DataError, match="No document could be read.*b.txt: The file is empty"):
        corpus.read_documents([tmp_path / "b.txt"])


def test_a_zip_bomb_in_a_word_file(tmp_path):
    import zipfile
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"word/{number}.xml", b"\0" * 50_000_000)
    assert (tmp_path / "bomb.docx").stat().st_size < 1_000_000
    with pytest.raises(DataError, match="unpacks to 250 MB"):
        corpus.read_documents(tmp_path / "bomb.docx")


def plain(text):
    return "".join(text.split())


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from(list("ab .,-\n\t#漢字é")), max_size=600), st.integers(5, 40), st.integers(0, 4))
def test_chunks_cover_the_text_in_order(text, length, overlap):
    chunks = corpus.chunk([Document(id="d1", name="x", text=text)], length, overlap)
    whole, end = plain(text), 0
    assert [c.position for c in chunks] == list(range(len(chunks)))
    for piece in chunks:
        assert count_words(piece.text) <= length
        body = plain(piece.text)
        start = whole.rfind(body, 0, end + len(body))  # the furthest place that leaves no gap behind
        assert start >= 0 and start <= end
        end = max(end, start + len(body))
    assert end == len(whole)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_tidying_twice_changes_nothing(text):
    assert tidy(tidy(text)) == tidy(text)


def test_neighbours_share_words_and_short_documents_stay_whole():
    text = " ".join(f"w{number}" for number in range(300))
    chunks = corpus.chunk([Document(id="d1", name="x", text=text), Document(id="d2", name="y", text="just this")], 50, 10)
    pieces = [c.text.split() for c in chunks if c.document == "d1"]
    assert all(set(left) & set(right) for left, right in pairwise(pieces))
    assert [c.text for c in chunks if c.document == "d2"] == ["just this"]
    assert len(corpus.chunk([Document(id="d", name="x", text="x" * 100_000)], 50, 10)) > 10  # no spaces, still passages
    with pytest.raises(DataError, match="cannot share"):
        corpus.chunk([], 20, 20)


def test_markdown_documentation(shared):
    documents, problems = corpus.read_documents(shared / "rag_llm_docs_markdown" / "docs")
    assert len(documents) == 27 and not problems
    table = corpus.read_table(shared / "rag_llm_docs_markdown" / "questions.jsonl")
    examples, problems = corpus.to_examples(table, corpus.guess_mapping(table), documents=documents)
    assert len(examples) == 13 and all(e.documents for e in examples) and len(problems) == 3  # three have no answer
    texts = {d.id: d.text for d in documents}
    evidence = {f"e{number + 1:05d}": row["evidence"] for number, row in enumerate(table.rows)}
    assert all(any(plain(evidence[e.id]) in plain(texts[d]) for d in e.documents) for e in examples)


def test_real_pdfs(shared):
    documents, problems = corpus.read_documents(sorted((shared / "rag_pdf_ntsb_nih").rglob("*.pdf")))
    assert len(documents) == 26 and all(len(d.text.split()) > 100 for d in documents)
    assert len(problems) == 1 and "NCT06155240_Prot_SAP_000.pdf: This PDF holds no text (scanned pages" in problems[0].reason


def test_strange_pdfs(shared):
    documents, problems = corpus.read_documents(sorted((shared / "hostile_pdf_samples").rglob("*.pdf")))
    said = {p.reason.split(": ")[0]: p.reason for p in problems}
    assert len(documents) == 22 and len(problems) == 7
    assert "encrypted" in said["libreoffice-writer-password.pdf"] and "cannot be read as PDF" in said["unreadablemetadata.pdf"]
    assert all("holds no text" in said[name] for name in ("imagemagick-lzw.pdf", "grayscale-image.pdf", "cmyk-image.pdf"))
