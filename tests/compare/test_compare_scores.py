"""One Evaluation's score and the paired difference of two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.compare import difference, family, score
from lab.compare.scores import Pairs, pair_interval
from lab.core import DataError, Evaluation, Score, Scorer


def mixed(right, n):
    return [1.0] * right + [0.0] * (n - right)


def test_a_score_is_a_share_with_wilsons_interval(evaluation):
    found = score(evaluation(mixed(80, 100)))
    assert found.value == 0.8 and (round(found.low, 2), round(found.high, 2), found.n) == (0.71, 0.87, 100)


def test_values_not_measured_are_left_out_and_not_zero(evaluation):
    found = score(evaluation([1.0, None, 1.0, float("nan"), None]))
    assert (found.value, found.n) == (1.0, 2)
    assert score(evaluation([None, None])).value is None


def test_losses_are_bootstrapped_over_entities(evaluation):
    values = np.repeat(np.random.default_rng(0).normal(2, 0.3, 20), 4).tolist()
    alone = score(evaluation(values, metric="answer_loss"))
    together = score(evaluation(values, [f"e{place // 4}" for place in range(80)], metric="answer_loss"))
    assert together.value == pytest.approx(alone.value) and together.high - together.low > 1.5 * (alone.high - alone.low)


def test_an_unknown_metric_is_refused_with_the_known_ones(evaluation):
    with pytest.raises(DataError, match="exact_match"):
        score(evaluation([1.0]), "json_fields")


def test_an_item_that_stands_twice_is_refused(evaluation):
    once = evaluation([1.0])
    with pytest.raises(DataError, match="twice"):
        score(once.model_copy(update={"scores": once.scores * 2}))


@given(values=st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=40))
def test_a_difference_with_itself_is_zero_and_unclear(values):
    evaluation = _evaluation(values)
    found = difference(evaluation, evaluation)
    assert (found.value, found.p, found.verdict, found.n) == (0.0, 1.0, "unclear", len(values))
    assert found.low <= 0 <= found.high and found.sentence.startswith("Cannot tell apart: 0 points")


@given(pairs=st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=2, max_size=40))
def test_differences_are_antisymmetric(pairs):
    a, b = _evaluation([pair[0] for pair in pairs]), _evaluation([pair[1] for pair in pairs])
    there, back = difference(a, b), difference(b, a)
    assert there.value == pytest.approx(-back.value) and there.p == back.p
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def _evaluation(values):
    """Without a fixture: hypothesis calls a test many times over one."""
    scores = tuple(Score(item=str(place), values={"exact_match": value}) for place, value in enumerate(values))
    return Evaluation(system_key="k", suite="s", suite_fingerprint="f", role="task", scorers=(Scorer(kind="exact_match"),),
                      decoding="greedy", scores=scores)


def test_right_and_wrong_on_single_items_use_mcnemar(evaluation):
    base, tuned = evaluation([0.0] * 10 + [1.0] * 90), evaluation([1.0] * 10 + [0.0] * 2 + [1.0] * 88)
    found = difference(base, tuned)
    assert found.test == "exact McNemar" and found.p == pytest.approx(0.0386, abs=1e-4)
    assert found.value == pytest.approx(0.08) and found.verdict == "better"


def test_items_of_one_entity_are_not_counted_as_independent(evaluation):
    entities = [f"e{place // 10}" for place in range(60)]
    base, tuned = evaluation(mixed(0, 60), entities), evaluation(mixed(10, 60), entities)
    clustered, naive = difference(base, tuned), difference(evaluation(mixed(0, 60)), evaluation(mixed(10, 60)))
    assert naive.verdict == "better" and naive.p < 0.01
    assert clustered.verdict == "unclear" and clustered.p == 1.0 and clustered.test == "sign flips by entity"
    assert clustered.high - clustered.low > naive.high - naive.low and clustered.smallest > naive.smallest


def test_only_shared_measured_items_count_and_the_rest_is_told(evaluation):
    base = evaluation([1.0, 0.0, None, 1.0])
    tuned = evaluation([1.0, 1.0, 1.0])
    found = difference(base, tuned)
    assert (found.n, found.dropped, found.value) == (2, 2, 0.5) and "2 items were left out." in found.sentence


def test_nothing_shared_is_not_measured(evaluation):
    found = difference(evaluation([None]), evaluation([1.0]))
    assert found.value is None and found.verdict == "not measured" and found.sentence.startswith("Not measured")


def test_what_was_measured_differently_is_refused_by_name(evaluation):
    base = evaluation([1.0])
    other = evaluation([1.0], fingerprint="beef", decoding="sampled").model_copy(update={"scorers": (Scorer(kind="rule", phrases=("x",)),)})
    with pytest.raises(DataError) as refusal:
        difference(base, other)
    for named in ("suite: capitals (f00d) against capitals (beef)", "decoding: greedy against sampled", "exact_match against rule ['x']"):
        assert named in str(refusal.value)
    with pytest.raises(DataError) as refusal:
        difference(base, evaluation([1.0], decoding="sampled"))
    assert "suite:" not in str(refusal.value) and "decoding" in str(refusal.value)


def test_the_sentence_says_it_in_plain_words(evaluation):
    base, rag = evaluation(mixed(50, 120)), evaluation(mixed(78, 120))
    found = difference(base, rag, names=("base", "RAG"))
    assert found.sentence == "RAG is 23 points above base (95 % interval 15 to 31, n = 120)."
    assert difference(rag, base, names=("RAG", "base")).sentence == "base is 23 points below RAG (95 % interval 15 to 31, n = 120)."


def test_the_sentence_of_doubt_says_what_could_be_seen(evaluation):
    base, tuned = evaluation(mixed(60, 120)), evaluation([0.0] * 4 + [1.0] * 60 + [0.0] * 56)
    found = difference(base, tuned)
    assert found.verdict == "unclear" and found.smallest == pytest.approx(0.08, abs=0.01)
    assert found.sentence == ("Cannot tell apart: 0 points, interval -5 to 5; with n = 120 only differences above about 8 points "
                              "can be seen.")
    assert "too few" in difference(evaluation([1.0, 0.0]), evaluation([1.0, 1.0])).sentence


def test_a_lower_loss_is_better(evaluation):
    rng = np.random.default_rng(0)
    values = rng.normal(2, 0.5, 80)
    base, tuned = evaluation(values.tolist(), metric="text_loss"), evaluation((values - 0.3).tolist(), metric="text_loss")
    found = difference(base, tuned, names=("base", "SFT"))
    assert found.verdict == "better" and found.value == pytest.approx(-0.3)
    assert found.sentence.startswith("SFT is 0.300 nats per token below base (better)")


def test_holm_can_take_back_a_verdict(evaluation):
    base, tuned = evaluation([0.0] * 10 + [1.0] * 90), evaluation([1.0] * 10 + [0.0] * 2 + [1.0] * 88)
    alone = difference(base, tuned)
    together = family({name: alone for name in ("RAG", "SFT", "DPO")}, "base")
    assert alone.verdict == "better"
    assert {found.verdict for found in together.values()} == {"unclear"} and together["RAG"].p_holm == pytest.approx(3 * alone.p)


def test_paired_intervals_cover_the_truth_on_independent_and_clustered_items():
    rng = np.random.default_rng(4)
    for size in (1, 4):
        covered = 0
        for _ in range(300):
            clusters = np.repeat(np.arange(120 // size), size)
            sides = [(rng.random(120) < rng.beta(1, 1, 120 // size)[clusters]).astype(float) for _ in range(2)]
            found = pair_interval(Pairs(tuple(map(str, range(120))), tuple(map(str, clusters)), *sides))
            covered += found.low <= 0 <= found.high
        assert 0.915 <= covered / 300 <= 0.985  # 95 % +- 2.8 standard errors of 300 trials
