"""Passages cut by tokens: whatever the tokenizer and the text, lengths hold, neighbours share, nothing is lost."""

import shutil
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

from lab import corpus, store
from lab.core import DataError, Document, ModelError, Retrieval, Section
from lab.corpus.preview import row_tokens
from lab.corpus.tokens import counter, token_spans
from lab.methods.retrieval import Searcher, build_index

SHIPPED = store.bases.tokenizer_folder("")
PROSE = "The harbour of Ebrel has six piers. Two of them are old; the others were built last year.\n\nShips come at night, mostly from Tolka. "


@pytest.fixture(scope="module")
def joining(tmp_path_factory):
    """A tokenizer that puts a space before every text and joins across words, whose file asks to cut, to fill up and to add tokens."""
    folder = tmp_path_factory.mktemp("joining")
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator([PROSE] * 3, trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>", "<s>"], show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(params=["shipped", "joining"], scope="module")
def count(request, joining):
    return counter(SHIPPED if request.param == "shipped" else joining)


def cut(text, length, overlap, count):
    return corpus.chunk([Document(id="d", name="n", text=text, sections=(Section(start=0),))], length, overlap, "tokens", count)


WORDS = st.text(st.sampled_from(list("ab .,!?\n漢。é💚\u0301-")), max_size=40)
TEXTS = st.lists(st.one_of(WORDS, st.sampled_from(PROSE.split(".")), st.just("\n\n")), max_size=40).map(" ".join).map(corpus.chunks.tidy)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(10, 40), st.integers(0, 9))
def test_no_passage_is_too_long_neighbours_alone_share_and_nothing_is_lost(count, text, length, overlap):
    pieces = cut(text, length, overlap, count)
    assert all(count(piece.text) <= length and piece.text == text[piece.start:piece.end] == piece.text.strip() for piece in pieces)
    covered = set().union(*(range(piece.start, piece.end) for piece in pieces))
    assert all(place in covered or letter.isspace() for place, letter in enumerate(text))
    for left, right in pairwise(pieces):
        assert left.start < right.start and left.end < right.end and count(text[right.start:left.end]) <= overlap
    for left, right in zip(pieces, pieces[2:]):
        assert left.end <= right.start


@pytest.mark.parametrize("length, overlap", [(100, 20), (60, 30), (40, 35), (30, 5), (20, 10)])
def test_every_neighbour_shares_something_where_there_is_an_overlap(count, length, overlap):
    pieces = cut(corpus.chunks.tidy(PROSE * 60), length, overlap, count)
    assert len(pieces) > 5 and all(right.start < left.end for left, right in pairwise(pieces))


def test_passages_are_filled_and_end_where_sentences_end(count):
    text = corpus.chunks.tidy(PROSE * 60)
    apart, shared = cut(text, 100, 0, count), cut(text, 100, 20, count)
    assert sum(piece.text.endswith(".") for piece in apart) > 0.9 * len(apart), "cut at natural borders"
    assert all(right.start >= left.end for left, right in pairwise(apart))
    assert sum(count(piece.text) for piece in shared) / len(shared) > 70, "passages are not left half empty"


def test_a_text_that_fits_stays_whole_and_white_space_is_no_passage(count):
    assert [piece.text for piece in cut("  Two words  ", 10, 3, count)] == ["Two words"]
    assert cut("", 10, 3, count) == cut(" \n\n ", 10, 3, count) == cut(" \n" * 2_000, 10, 3, count) == ()


def test_special_tokens_cutting_and_filling_of_the_file_do_not_count(joining):
    assert counter(joining)("x" * 30) == 1 + 30, "the space that it writes before a text does"


@pytest.mark.parametrize("text", ["-" * 20_000, "x" * 20_000, "漢" * 5_000, "\u0301" * 3_000, "💚" * 2_000])
def test_endless_texts_without_a_border_are_cut_in_time(text):
    start = time.process_time()
    count = counter(SHIPPED)
    assert all(count(text[left:right]) <= 50 for left, right in token_spans(text, 50, 10, count)) and time.process_time() - start < 10


def test_a_letter_of_more_tokens_than_a_passage_stands_alone():
    def count(text):
        return sum(99 if letter == "é" else 1 for letter in text)
    assert list(token_spans("aaa é bbb", 10, 2, count)) == [(0, 3), (4, 5), (6, 9)]


def test_a_folder_without_a_tokenizer_or_with_a_broken_one_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(DataError, match="no tokenizer.json") as refused:
        counter(tmp_path)
    assert "cut by words" in refused.value.failure.do
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        counter(tmp_path)


def test_lengths_that_contradict_each_other_are_named_in_tokens():
    with pytest.raises(DataError, match="10 tokens cannot share 10"):
        cut("x", 10, 10, len)


def test_an_index_cut_by_tokens_holds_passages_within_the_length_and_finds_them(tmp_path):
    wanted, count = Retrieval(chunking="tokens", chunk_words=60, overlap_words=10, top_k=1), counter(SHIPPED)
    documents = [Document(id=f"d{number}", name="n", text=PROSE * 4 + f"The lamp of pier {number} is {colour}.")
                 for number, colour in enumerate(("green", "purple", "white"))]
    made = build_index(wanted, documents, tmp_path, tokenizer=SHIPPED)
    found = Searcher(wanted, tmp_path)
    assert made == len(found.passages) > 6 and all(count(passage.text) <= 60 for passage in found.passages)
    assert found.search("purple lamp")[0].document == "d1"


def test_a_row_is_counted_once_per_base_and_anew_where_the_template_or_the_tokenizer_changes(tmp_path):
    folder = tmp_path / "base"
    shutil.copytree(store.SHIPPED / "bases" / store.bases.shipped()[0], folder)
    first = row_tokens(folder)("a question", "an answer")
    assert row_tokens(folder)("a question", "an answer") == first != row_tokens(folder)("a question", "an answer that is longer")
    assert row_tokens(folder)("a question") < first
    (folder / "chat_template.jinja").write_text("{% for message in messages %}Very many more words than before: {{ message.content }}{% endfor %}")
    assert row_tokens(folder)("a question", "an answer") != first
