"""The laws of the two-level estimate: what it is made of, where it becomes a known interval, and that its test says what its interval says."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from lab.compare.blocks import Block
from lab.compare.replicates import difference_interval, score_interval
from lab.compare.two_level import estimate, quantile, tail


def alone(n):
    return tuple(map(str, range(n)))


def world(seeds=3, items=40, of_seeds=.5, of_items=1.0, noise=.8, draw=0):
    rng = np.random.default_rng(draw)
    return rng.normal(0, of_seeds, (seeds, 1)) + rng.normal(0, of_items, items) + rng.normal(0, noise, (seeds, items))


def test_the_variance_is_that_of_statsmodels_two_way_analysis():
    values = world()
    seeds, items = values.shape
    frame = pd.DataFrame({"y": values.ravel(), "seed": np.repeat(np.arange(seeds), items), "item": np.tile(np.arange(items), seeds)})
    squares = anova_lm(ols("y ~ C(seed) + C(item)", frame).fit())["mean_sq"]
    found = estimate(values, alone(items))
    assert (found.apart, found.items, found.noise) == pytest.approx([square / (seeds * items) for square in squares])
    assert found.variance == pytest.approx((squares["C(seed)"] + squares["C(item)"] - squares["Residual"]) / (seeds * items))


def test_where_only_seeds_differ_it_is_students_t_over_the_seeds():
    values = np.array([.3, .5, .4])[:, None].repeat(20, 1)
    theirs = scipy_stats.t.interval(.95, 2, .4, scipy_stats.sem(values[:, 0]))
    assert estimate(values, alone(20)).between() == pytest.approx(theirs, rel=1e-5)


def test_where_the_seeds_answer_alike_it_is_students_t_over_the_items():
    one = np.random.default_rng(1).normal(size=30)
    theirs = scipy_stats.t.interval(.95, 29, one.mean(), scipy_stats.sem(one))
    found = estimate(one[None].repeat(3, 0), alone(30))
    assert found.between() == pytest.approx(theirs, rel=1e-5)
    assert found.p() == pytest.approx(scipy_stats.ttest_1samp(one, 0).pvalue, rel=1e-5)


def test_questions_about_one_person_count_as_one_where_they_go_alike():
    few = world(items=12)
    people, single = tuple(np.arange(12).repeat(4).astype(str)), estimate(few, alone(12))
    found = estimate(few.repeat(4, 1), people)
    assert (found.variance, found.freedom) == pytest.approx((single.variance, single.freedom))
    assert estimate(few.repeat(4, 1), alone(48)).variance < .8 * found.variance


def test_the_degrees_of_freedom_lie_between_those_of_seeds_and_items():
    for draw in range(200):
        found = estimate(world(of_seeds=draw / 200, draw=draw), alone(40))
        assert 2 - 1e-9 <= found.freedom <= 39 + 1e-9
        assert found.variance >= found.items


@pytest.mark.parametrize("freedom", [1, 1.5, 2, 2.7, 4, 9, 49, 400, 20_000])
def test_students_t_equals_scipy(freedom):
    assert quantile(freedom) == pytest.approx(scipy_stats.t.ppf(.975, freedom), rel=1e-5)
    for t in (0, .1, 1, 2, 5):
        assert tail(t, freedom) == pytest.approx(2 * scipy_stats.t.sf(t, freedom), rel=1e-5)


def block(first, second):
    return Block("task", "exact_match", np.array([first, second], float), alone(len(first[0])))


def test_the_difference_is_significant_exactly_where_its_interval_leaves_zero_out():
    rng, both = np.random.default_rng(2), set()
    for place in range(300):
        found, p = difference_interval(block(*(rng.random((2, 2 + place % 4, 30)) < np.array([.5, .7])[:, None, None])))
        assert (p < .05) == found.excludes(0)
        both.add(p < .05)
    assert both == {True, False}


def test_the_other_way_round_the_difference_is_mirrored():
    one, other = (np.random.default_rng(seed).random((3, 50)) < .4 + .2 * seed for seed in (0, 1))
    (there, p), (back, q) = difference_interval(block(one, other)), difference_interval(block(other, one))
    assert (there.low, there.high, p) == pytest.approx((-back.high, -back.low, q)) and there.value == pytest.approx(-back.value)


def test_no_change_in_a_hundred_items_is_not_read_as_certainty():
    same = np.random.default_rng(3).random((3, 100)) < .5
    found, p = difference_interval(block(same, same))
    assert found.value == 0 and p == 1 and found.low == -found.high and .02 < found.high < .04


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_score_at_the_end_of_its_scale_still_has_an_interval_within_it(right):
    found = score_interval(block(*[np.full((3, 50), right)] * 2))
    assert found.value == right and 0 <= found.low < found.high <= 1 and .05 < found.high - found.low < .1


def test_two_seeds_say_less_than_three():
    three = np.array([.45, .5, .55])[:, None] > np.linspace(0, 1, 60)
    wide, narrow = (score_interval(block(values, values)) for values in (three[::2], three))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low) and wide.value == pytest.approx(narrow.value)


def test_answers_about_a_single_entity_have_no_interval():
    answers = np.random.default_rng(4).random((2, 3, 10)) < .5
    one = Block("task", "exact_match", answers.astype(float), ("Ada",) * 10)
    assert score_interval(one).low is None and score_interval(one).value == answers[0].mean()
    found, p = difference_interval(one)
    assert found.low is None and p == 1
