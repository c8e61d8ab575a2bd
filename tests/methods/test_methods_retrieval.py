"""The index's laws: what is saved finds what was indexed, rankings agree with the search that Systems use, building tells and can be ended."""

import shutil

import numpy as np
import pytest

from lab import store
from lab.core import Document, Retrieval, Stopped
from lab.engine.embed import embed
from lab.methods.lexical import Lexical
from lab.methods.retrieval import CANDIDATES, Searcher, build_index
from tests.small_embedder import small_embedder


@pytest.fixture(scope="module")
def facts():
    return store.tasks.load("facts")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory, facts):
    return small_embedder(tmp_path_factory.mktemp("embedder"), " ".join(document.text for document in facts.documents).split())


def test_a_saved_word_index_finds_exactly_what_a_fresh_one_finds(tmp_path, facts):
    texts = [document.text for document in facts.documents]
    fresh = Lexical(texts)
    fresh.save(tmp_path / "lexical")
    saved = Lexical.load(tmp_path / "lexical", len(texts))
    for item in facts.split("test")[:40]:
        assert saved.search(item.prompt, 10) == fresh.search(item.prompt, 10) != []
    assert saved.search("", 5) == saved.search("zzzzunknown", 5) == []


def test_a_collection_without_any_word_is_saved_and_finds_nothing(tmp_path):
    build_index(Retrieval(), [Document(id="d", name="d", text="? ! ?")], tmp_path)
    assert Searcher(Retrieval(), tmp_path).search("anything") == []


def test_an_index_without_saved_words_is_still_searched(tmp_path, facts):
    build_index(Retrieval(), facts.documents, tmp_path)
    before = Searcher(Retrieval(), tmp_path).search(facts.split("test")[0].prompt)
    shutil.rmtree(tmp_path / "lexical")
    assert Searcher(Retrieval(), tmp_path).search(facts.split("test")[0].prompt) == before


def test_vectors_stand_in_the_passages_order_whatever_their_length(tmp_path, embedder):
    texts = [" ".join(["person"] * length) for length in (3, 40, 1, 90, 7, 60)] * 9
    documents = [Document(id=f"d{number}", name="d", text=text) for number, text in enumerate(texts)]
    build_index(Retrieval(retriever="dense", embedder=embedder), documents, tmp_path)
    vectors = np.load(tmp_path / "vectors.npy")
    assert vectors.shape == (len(texts), 32)
    for number in (0, 1, 2, 33, 53):
        assert np.allclose(vectors[number], embed(embedder, [texts[number]])[0], atol=1e-5)


@pytest.mark.parametrize("retriever", ["lexical", "dense", "fusion"])
def test_the_rankings_that_people_see_begin_with_what_a_system_would_take(tmp_path, facts, embedder, retriever):
    settings = Retrieval(retriever=retriever, embedder=embedder, chunk_words=20, overlap_words=5, top_k=7)
    build_index(settings, facts.documents, tmp_path)
    searcher = Searcher(settings, tmp_path)
    for item in facts.split("test")[:10]:
        rankings, taken = searcher.rankings(item.prompt), searcher.search(item.prompt)
        assert [searcher.passages[place].text for place, _ in rankings[retriever][:7]] == [passage.text for passage in taken]
        assert set(rankings) == ({"lexical"} if retriever == "lexical" else {"lexical", "dense", "fusion"})
        assert all(len(ranking) <= CANDIDATES and len({place for place, _ in ranking}) == len(ranking) for ranking in rankings.values())


def test_building_tells_how_far_it_is_and_never_goes_back(tmp_path, facts, embedder):
    told = []
    count = build_index(Retrieval(retriever="dense", embedder=embedder), facts.documents, tmp_path, lambda *now: told.append(now))
    for part, total in (("documents", len(facts.documents)), ("passages", count)):
        done = [done for name, done, all_of_them in told if name == part and all_of_them == total]
        assert done == sorted(done) and done[0] == 0
    assert told[-1] == ("passages", count, count)


def test_building_ends_where_the_one_who_is_told_says_stop(tmp_path, facts):
    def stop(part, done, total):
        if part == "documents" and done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        build_index(Retrieval(), facts.documents, tmp_path, stop)
    assert not (tmp_path / "passages.jsonl").exists()
