"""Laws of hit@k and MRR, and of the difference of two settings."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.compare import retrieval
from lab.compare.retrieval import MRR, Asked, difference, differences, hit_name, mean, rank_of
from lab.core import DataError

RANKS = st.lists(st.one_of(st.none(), st.integers(1, retrieval.DEPTH)), min_size=1, max_size=40)


def asked(ranks, clusters=None):
    return [Asked(item=f"q{number}", cluster=f"q{number % clusters}" if clusters else f"q{number}", rank=rank) for number, rank in enumerate(ranks)]


def test_the_rank_is_that_of_the_first_passage_from_any_right_document():
    assert rank_of(["a", "b", "c", "b"], ["c", "b"]) == 2
    assert rank_of(["a"], ["b"]) is None and rank_of([], ["b"]) is None
    assert rank_of(["a"] * retrieval.DEPTH + ["b"], ["b"]) is None


@settings(max_examples=30, deadline=None)
@given(RANKS)
def test_more_passages_never_find_less(ranks):
    rates = [mean(asked(ranks), hit_name(k)).value for k in range(1, retrieval.DEPTH + 1)]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(sum(rank is not None for rank in ranks) / len(ranks))


@settings(max_examples=30, deadline=None)
@given(RANKS)
def test_mrr_lies_between_hit_at_1_and_hit_at_the_depth(ranks):
    rows = asked(ranks)
    assert mean(rows, hit_name(1)).value <= mean(rows, MRR).value + 1e-12 <= mean(rows, hit_name(retrieval.DEPTH)).value + 2e-12


@settings(max_examples=30, deadline=None)
@given(RANKS)
def test_every_interval_holds_its_value_and_counts_its_questions(ranks):
    for measure in retrieval.measures(3, 7):
        found = mean(asked(ranks, clusters=5), measure)
        assert found.n == len(ranks) and (found.low is None or found.low - 1e-9 <= found.value <= found.high + 1e-9)


def test_what_nobody_asked_is_not_measured():
    assert mean([], MRR).value is None


def test_swapping_two_settings_turns_the_difference_round():
    dice = random.Random(0)
    one, other = (asked([dice.choice((1, 2, 5, None)) for _ in range(80)]) for _ in range(2))
    for measure in ("hit@1", MRR):
        there, back = difference(one, other, measure), difference(other, one, measure)
        assert there.value == pytest.approx(-back.value) and there.p == pytest.approx(back.p)


def test_a_setting_is_compared_with_the_first_one_in_words():
    found = differences({"A": asked([None] * 60), "B": asked([1] * 60), "C": asked([None] * 59 + [1])}, "hit@3")
    assert set(found) == {"B", "C"}
    assert found["B"].verdict == "better" and "B is 100 points above A" in found["B"].sentence
    assert found["C"].verdict == "unclear" and found["C"].p_holm >= found["C"].p


def test_different_questions_are_not_compared():
    with pytest.raises(DataError, match="different questions"):
        difference(asked([1, 2]), asked([1, 2, 3]), MRR)


def test_the_frame_has_every_measure_of_every_setting_once():
    frame = retrieval.frame({"A": asked([1, None]), "B": asked([2, 3])}, [3, 8])
    assert list(frame[frame.settings == "A"].measure) == ["hit@1", "hit@3", "hit@5", "hit@8", MRR]
    assert len(frame) == 10 and frame[(frame.settings == "B") & (frame.measure == "hit@3")].value.item() == 1.0
