"""Pages and headings are found, kept with the Task, and cited by the passages; every way of cutting keeps the whole text."""

import json
from itertools import pairwise

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import corpus, store
from lab.core import Base, Document, Passage, Retrieval, Scorer, Section, System, Task, TaskData, index_key, system_key
from lab.corpus.chunks import count_words
from lab.corpus.sections import of_markdown
from lab.corpus.sentences import sentence_spans
from lab.methods.retrieval import Searcher, build_index

MARKDOWN = """Before.

# Guide

## Setup

Install *it*. Then run it.

```
# no heading
```

### On [Linux](http://x)

Use the shell.

Closing words
-------------

- no
---
The end.
"""
PAGE = "<title>T</title><p>intro</p><h1>Guide <i>one</i></h1><p>a &#1;2 b</p><h2></h2><div><h2>Deep</h2>text</div><h1>Next</h1>"
# Written down before chunking and sections existed: what was stored then keeps its name.
KEYS = ("4383e6ad789e53b4", "238af117fe3a56ad")
FINGERPRINT = "f8fb93b300cc2728"


def paths(document):
    return [(document.text[section.start:].split("\n")[0], section.page, section.heading) for section in document.sections]


def read(path, content):
    path.write_text(content, encoding="utf-8")
    return corpus.read_documents(path)[0][0]


def test_headings_of_markdown(tmp_path):
    assert paths(read(tmp_path / "a.md", MARKDOWN)) == [
        ("# Guide", None, ("Guide",)), ("## Setup", None, ("Guide", "Setup")),
        ("### On [Linux](http://x)", None, ("Guide", "Setup", "On Linux")), ("Closing words", None, ("Guide", "Closing words"))]
    assert read(tmp_path / "a.txt", "# no heading here").sections == ()


@pytest.mark.parametrize("text", ["---\ntitle: x\n---\n\ntext", "| a |\n---\n", "#hash", "~~~\n# x\n```\n# y\n", "a\n\n---\n\nb", "    # code"])
def test_what_looks_like_a_heading_and_is_none(text):
    assert of_markdown(text) == []


def test_headings_of_a_web_page(tmp_path):
    document = read(tmp_path / "a.html", PAGE)
    assert paths(document) == [("Guide one", None, ("Guide one",)), ("Deep", None, ("Guide one", "Deep")), ("Next", None, ("Next",))]
    assert document.text.startswith("T\n\nintro") and "\x01" not in document.text


def test_headings_of_a_word_file(tmp_path):
    word = docx.Document()
    for level, words in ((None, "first"), (0, "Report"), (1, "Part"), (None, "body"), (2, "Detail"), (None, "more"), (1, "End")):
        word.add_paragraph(words) if level is None else word.add_heading(words, level)
    word.save(tmp_path / "a.docx")
    document = corpus.read_documents(tmp_path / "a.docx")[0][0]
    assert paths(document) == [("Report", None, ("Report",)), ("Part", None, ("Report", "Part")),
                               ("Detail", None, ("Report", "Part", "Detail")), ("End", None, ("Report", "End"))]
    assert document.text.split() == ["first", "Report", "Part", "body", "Detail", "more", "End"]


def test_pages_of_a_pdf(shared):
    path = shared / "rag_pdf_ntsb_nih/ntsb-aviation-incident-accident-reports/data/v1/docs/20080111X00040.pdf"
    document = corpus.read_documents(path)[0][0]
    pages = [section.page for section in document.sections]
    assert len(pages) > 3 and pages == sorted(set(pages)) and document.sections[0] == Section(start=0, page=1)
    whole = corpus.chunk([document], 60, 10)
    assert {piece.page for piece in whole} == set(pages)
    assert all(document.text[piece.start:piece.end] == piece.text for piece in whole)


def documents():
    """Random documents: some text, headings at random lines."""
    line = st.text(st.sampled_from(list("ab .,!?\n\t漢。é")), max_size=60)
    return st.builds(_document, st.lists(st.tuples(st.integers(0, 3), line), max_size=12))


def _document(blocks):
    text = "\n\n".join(f"{'#' * level} t{number}\n{line}" if level else line for number, (level, line) in enumerate(blocks))
    text = corpus.chunks.tidy(text)
    return Document(id="d", name="n", text=text, sections=[Section(start=s, page=p, heading=h) for s, p, h in of_markdown(text)])


@settings(max_examples=200, deadline=None)
@given(documents(), st.integers(10, 40), st.integers(0, 5), st.sampled_from(["words", "headings", "sentences"]))
def test_every_letter_is_in_a_passage_and_no_passage_is_too_long(document, length, overlap, chunking):
    pieces, text = corpus.chunk([document], length, overlap, chunking), document.text
    covered = set().union(*(range(piece.start, piece.end) for piece in pieces))
    assert all(place in covered or letter.isspace() for place, letter in enumerate(text))
    for piece in pieces:
        assert count_words(piece.text) <= length and piece.text.endswith(text[piece.start:piece.end]) and piece.start < piece.end
    for left, right in pairwise(pieces):
        assert left.start < right.start and left.end < right.end and count_words(text[right.start:left.end]) <= overlap
    for left, right in zip(pieces, pieces[2:]):
        assert left.end <= right.start, "only neighbours share text"


@settings(max_examples=200, deadline=None)
@given(documents(), st.integers(10, 40), st.integers(0, 5))
def test_a_passage_holds_the_text_of_one_heading(document, length, overlap):
    borders = [section.start for section in document.sections]
    for piece in corpus.chunk([document], length, overlap, "headings"):
        inside = [start for start in borders if piece.start < start < piece.end]
        between = [document.text[left:right].split() for left, right in pairwise(sorted([piece.start, *inside]))]
        assert all(len(words) == 2 and words[0].startswith("#") for words in between[:len(inside)]), "headings without text of their own may lead"


def test_the_path_stands_before_the_text():
    text = f"# Guide\n\n## Setup\n\n{' '.join(f'w{number}' for number in range(40))}"
    document = Document(id="d", name="n", text=text, sections=[Section(start=0, heading=("Guide",)), Section(start=9, heading=("Guide", "Setup"))])
    first, second, third = corpus.chunk([document], 20, 0, "headings")
    assert first.text.startswith("# Guide\n\n## Setup\n\nw0") and first.heading == "Guide > Setup"
    assert second.text.startswith("Guide > Setup\nw") and third.text.endswith("w39")
    long = Document(id="d", name="n", text="## X\n\nbody", sections=[Section(start=0, heading=("one two three four five six", "X"))])
    assert corpus.chunk([long], 10, 0, "headings")[0].text == "## X\n\nbody", "a path that would fill the passage is shortened"


def test_sentences():
    text = 'Dr. Smith paid $3.50, e.g. for tea. "Really?" he asked! See Fig. 3. 漢字。次。\n\nNo stop here\n- a list\n- goes on'
    assert [text[start:end].strip() for start, end in sentence_spans(text)] == [
        "Dr. Smith paid $3.50, e.g. for tea.", '"Really?"', "he asked!", "See Fig. 3.", "漢字。", "次。", "No stop here", "- a list", "- goes on"]
    assert len(sentence_spans("." * 300_000)) == 1  # and at once


def test_whole_sentences_are_packed():
    text = " ".join(f"Sentence {number} has six words here." for number in range(10))
    pieces = corpus.chunk([Document(id="d", name="n", text=text)], 20, 8, "sentences")
    assert all(piece.text.startswith("Sentence") and piece.text.endswith("here.") for piece in pieces)
    assert [piece.text.count("here") for piece in pieces][:3] == [3, 3, 3]
    assert all(left.text.split(". ")[-1].rstrip(".") == right.text.split(". ")[0] for left, right in pairwise(pieces))


def task_data():
    documents = (Document(id="d1", name="a.pdf", text="Cats sleep.\n\nDogs bark loudly.", sections=(Section(start=0, page=1), Section(start=13, page=2))),
                 Document(id="d2", name="b.md", text="# Food\n\nBread is baked.", sections=(Section(start=0, heading=("Food",)),)),
                 Document(id="d3", name="c.txt", text="Nothing known."))
    return TaskData(task=Task(id="cited", name="n", scorers=(Scorer(kind="exact_match"),)), documents=documents)


def test_a_task_keeps_its_sections():
    saved = store.tasks.save(task_data())
    assert store.tasks.load("cited") == saved and saved.documents[0].sections[1].page == 2


def test_passages_cite_page_and_heading(tmp_path):
    names = {document.id: document.name for document in task_data().documents}
    settings = Retrieval(chunk_words=10, overlap_words=0, top_k=1)
    build_index(settings, task_data().documents, tmp_path)
    searcher = Searcher(settings, tmp_path)
    cited = {word: passage.citation(names[passage.document]) for word in ("bread", "nothing", "cats") for passage in searcher.search(word)}
    assert cited == {"bread": "b.md > Food", "nothing": "c.txt", "cats": "a.pdf, page 2"}  # most of that passage is on page 2
    assert Passage(document="d", text="x").citation("d") == "d"
    assert json.loads((tmp_path / "passages.jsonl").read_text().split("\n")[2]) == {"document": "d3", "text": "Nothing known."}


def test_keys_of_what_exists_stay():
    task = task_data().task.model_copy(update={"fingerprints": {"documents": "f"}})
    base = Base(kind="folder", ref="r", fingerprint="b")
    keys = {chunking: (index_key(Retrieval(chunking=chunking), task), system_key(System(name="s", base=base, retrieval=Retrieval(chunking=chunking)), task))
            for chunking in ("words", "headings", "sentences", "tokens")}
    assert len(set(keys.values())) == 4 and keys["words"] == KEYS
    assert index_key(Retrieval(tokenizer="/models/mine"), task) == KEYS[0], "who counts tokens is no matter where words are counted"
    assert index_key(Retrieval(chunking="tokens", tokenizer="/models/mine"), task) != keys["tokens"][0]
    plain = task_data().model_copy(update={"documents": task_data().documents[2:]}).sealed()
    assert plain.task.fingerprints["documents"] == FINGERPRINT
    assert task_data().sealed().task.fingerprints["documents"] != plain.task.fingerprints["documents"]
