"""Positive means forgotten, whatever the metric."""

import pytest

from lab.compare import Drop, drop, forgetting_sentence, forgetting_verdict, mean_retention, pooled_drop
from lab.core import DataError


def mixed(right, n=100):
    return [1.0] * right + [0.0] * (n - right)


def test_a_drop_is_base_minus_system(evaluation):
    found = drop(evaluation(mixed(90)), evaluation(mixed(60)))
    assert (found.base, found.value, found.n) == (0.9, 0.6, 100)
    assert found.drop == pytest.approx(0.3) and 0 < found.low < 0.3 < found.high and forgetting_verdict(found) == "forgot"


def test_a_higher_loss_is_forgetting_too(evaluation):
    values = [2 + place / 50 for place in range(50)]
    base, worse = evaluation(values, metric="text_loss"), evaluation([value + 0.2 for value in values], metric="text_loss")
    found = drop(base, worse)
    assert found.drop == pytest.approx(0.2) and found.drop == pytest.approx(found.value - found.base)
    assert found.low == pytest.approx(0.2) and found.retention is None
    assert drop(worse, base).drop == pytest.approx(-0.2) and forgetting_verdict(drop(worse, base)) == "gained"


def test_nothing_lost_is_zero_but_never_certain(evaluation):
    found = drop(evaluation(mixed(100)), evaluation(mixed(100)))
    assert found.drop == 0 and found.low < 0 < found.high and found.retention == 1


def test_kept_needs_enough_items(evaluation):
    few, many = (drop(evaluation(mixed(n, n)), evaluation(mixed(n, n))) for n in (40, 400))
    assert (forgetting_verdict(few), forgetting_verdict(many)) == ("cannot tell", "kept")


def test_retention_is_corrected_for_chance(evaluation):
    found = drop(evaluation(mixed(90), chance=0.5), evaluation(mixed(70), chance=0.5))
    assert found.retention == pytest.approx(0.5)


def test_a_base_at_chance_has_no_retention(evaluation):
    assert drop(evaluation(mixed(55), chance=0.5), evaluation(mixed(50), chance=0.5)).retention is None


def test_nothing_shared_is_not_measured(evaluation):
    found = drop(evaluation([None, None]), evaluation([1.0, 0.0]))
    assert (found.drop, found.base, found.n, found.dropped) == (None, None, 0, 2) and forgetting_verdict(found) == "not measured"


def test_pooling_the_same_answers_again_adds_no_certainty(evaluation):
    pair = evaluation(mixed(90)), evaluation(mixed(60))
    once, thrice = drop(*pair), pooled_drop([pair] * 3)
    assert (thrice.drop, thrice.n) == (pytest.approx(once.drop), 100)
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.1)


def test_pooling_means_over_tasks(evaluation):
    base = evaluation(mixed(90))
    found = pooled_drop([(base, evaluation(mixed(80))), (base, evaluation(mixed(60)))])
    assert found.drop == pytest.approx(0.2) and found.value == pytest.approx(0.7)


def test_pooling_different_suites_is_refused(evaluation):
    words = evaluation([1.0], suite="words", fingerprint="beef")
    with pytest.raises(DataError, match="capitals, words"):
        pooled_drop([(evaluation([1.0]), evaluation([1.0])), (words, words)])
    with pytest.raises(DataError, match="nothing to pool"):
        pooled_drop([])


def test_mean_retention_leaves_out_what_has_none():
    def found(retention, low, high):
        return Drop(suite="s", metric="exact_match", base=1.0, drop=1 - retention, low=low, high=high, n=9, retention=retention)
    mean = mean_retention([found(0.8, 0.1, 0.3), found(0.6, 0.3, 0.5), Drop(suite="text", metric="text_loss", drop=0.1)])
    assert (mean.value, mean.n) == (pytest.approx(0.7), 2)
    assert (mean.low, mean.high) == pytest.approx((0.7 - 0.1 / 2**0.5, 0.7 + 0.1 / 2**0.5))
    assert mean_retention([]).value is None


def test_the_sentence_claims_no_forgetting_only_within_the_margin(evaluation):
    many, few = (drop(evaluation(mixed(n, n)), evaluation(mixed(n, n))) for n in (400, 40))
    assert forgetting_sentence(many, .05).startswith("No forgetting beyond 5 points (drop 0.0 points, 95 % interval")
    assert forgetting_sentence(few, .05).startswith("Cannot tell")
    lost = drop(evaluation(mixed(90)), evaluation(mixed(50)))
    assert forgetting_sentence(lost).startswith("Forgotten; up to") and "n = 100" in forgetting_sentence(lost)
    assert forgetting_sentence(Drop(suite="s", metric="exact_match")) == "Not measured."


def test_a_clear_but_small_drop_is_kept_within_a_wide_margin_and_not_within_a_narrow_one(evaluation):
    small = drop(evaluation([1.0] * 400), evaluation([1.0] * 390 + [0.0] * 10))
    assert (forgetting_verdict(small, .06), forgetting_verdict(small, .03)) == ("kept", "forgot")
