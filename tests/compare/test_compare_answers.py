"""Answers beside each other, word by word, and what they cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.compare import disagree, gained, longest, lost, side_by_side, slowest, usage, usage_frame, word_differences
from lab.core import DataError, Item, Scorer, Suite

TEXTS = st.text(st.sampled_from("ab ,.\n{}\"é"), max_size=40)


@pytest.fixture
def suite():
    items = tuple(Item(id=f"i{place}", prompt=f"Question {place}", answer="Paris") for place in range(4))
    return Suite(name="capitals", title="Capitals", role="retention", scorers=(Scorer(kind="exact_match"),), items=items)


@pytest.fixture
def frame(evaluation, suite):
    def make(values, answers, seconds):
        return evaluation(values, answers=answers, fingerprint=suite.fingerprint, seconds=seconds)
    return side_by_side({"base": make([1.0, 0.0, 1.0], ["Paris", "Rome", "Paris"], [0.1, 0.3, None]),
                         "SFT": make([1.0, 1.0, 0.0, None], ["Paris", "Paris", "Oslo or so", ""], [0.2, 0.1, 0.5, 0.4])}, suite)


def test_one_row_per_item_with_holes_where_nothing_was_measured(frame):
    assert list(frame.columns[:4]) == ["id", "prompt", "gold", "entity"] and len(frame) == 4
    assert frame["base answer"].tolist()[:3] == ["Paris", "Rome", "Paris"] and frame["base answer"].isna().tolist()[3]
    assert np.isnan(frame["SFT value"].iloc[3])


def test_filters_find_what_was_lost_gained_and_contested(frame):
    assert gained(frame, "base", "SFT")["id"].tolist() == ["i1"]
    assert lost(frame, "base", "SFT")["id"].tolist() == ["i2"]
    assert lost(frame, "base", "SFT", higher_is_better=False)["id"].tolist() == ["i1"]
    assert disagree(frame, ["base", "SFT"])["id"].tolist() == ["i1", "i2"]
    assert longest(frame, "SFT", 1)["id"].tolist() == ["i2"]
    assert slowest(frame, "base")["id"].tolist() == ["i1", "i0"]


def test_answers_to_another_suite_are_refused_by_name(evaluation, suite):
    with pytest.raises(DataError, match="RAG answered other items"):
        side_by_side({"RAG": evaluation([1.0])}, suite)


def test_word_differences_mark_what_changed():
    assert word_differences("Paris is nice.", "Rome is very nice.") == [
        ("Paris ", "removed"), ("Rome ", "added"), ("is ", "same"), ("very ", "added"), ("nice.", "same")]
    assert word_differences("", "") == []


@given(TEXTS, TEXTS)
def test_word_differences_give_the_answer_back(reference, answer):
    segments = word_differences(reference, answer)
    assert "".join(text for text, kind in segments if kind != "removed") == answer
    assert word_differences(answer, answer) == ([(answer, "same")] if answer else [])


def test_endless_answers_are_compared_in_reasonable_time():
    segments = word_differences("the " * 20_000, "so " + "the " * 30_000)
    assert "".join(text for text, kind in segments if kind != "removed") == "so " + "the " * 30_000
    assert segments[-1][1] == "same"


def test_usage_counts_only_what_was_measured(evaluation):
    found = usage(evaluation([1.0] * 4, seconds=[1.0, 2.0, 3.0, None], prompt_tokens=[10, 20, None, None], answer_tokens=[None] * 4,
                             ended=[True, False, None, None]))
    assert (found.n, found.seconds_p50, found.prompt_tokens, found.answer_tokens, found.ended, found.hit) == (4, 2.0, 15, None, 0.5, None)
    assert found.seconds_p95 == pytest.approx(2.9)
    assert np.isnan(usage_frame({"base": evaluation([1.0])})["seconds_p50"].iloc[0])
