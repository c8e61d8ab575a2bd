"""Laws of the statistics, and the figures that a statistician would check by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.compare import Interval, bootstrap_mean, holm, mcnemar, minimum_difference, sign_flip, wilson
from lab.compare.stats import CACHED, paired_interval, resampled_means, share_interval, t_quantile


@pytest.mark.parametrize("right, n, low, high", [(80, 100, 71, 87), (400, 500, 76, 83)])
def test_wilson_gives_the_known_intervals(right, n, low, high):
    found = wilson(right, n)
    assert (round(found.low * 100), round(found.high * 100), found.n) == (low, high, n)


@given(st.integers(1, 2_000), st.data())
def test_wilson_stays_inside_zero_and_one_around_its_value(n, data):
    right = data.draw(st.integers(0, n))
    found, mirrored = wilson(right, n), wilson(n - right, n)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high) and found.high > found.low


def test_nothing_measured_is_none_and_not_zero():
    assert wilson(0, 0) == bootstrap_mean([]) == share_interval([]) == Interval(value=None, low=None, high=None, n=0)
    assert sign_flip([]) is None


@pytest.mark.parametrize("b, c, p", [(10, 2, 0.039), (12, 4, 0.077), (6, 0, 0.031), (0, 0, 1.0)])
def test_mcnemar_is_exact(b, c, p):
    assert mcnemar(b, c) == pytest.approx(p, abs=5e-4)
    assert mcnemar(b, c) == mcnemar(c, b)


def test_mcnemar_needs_six_without_a_contradiction():
    assert [b for b in range(1, 12) if mcnemar(b, 0) < 0.05][0] == 6


def test_mcnemar_takes_large_counts_and_numpy_integers():
    exact = min(1.0, 2 * sum(math.comb(300, k) for k in range(121)) / 2**300)
    assert mcnemar(np.int64(180), np.int64(120)) == pytest.approx(exact)
    assert 0 < mcnemar(5_200, 4_800) < 0.001


def test_holm_steps_down_and_leaves_untested_ones_out():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_and_keeps_the_order(ps):
    adjusted = holm(ps)
    assert all(p <= q <= 1 for p, q in zip(ps, adjusted))
    assert [q for _, q in sorted(zip(ps, adjusted))] == sorted(adjusted)


@pytest.mark.parametrize("n, discordant, points", [(1960, 0.1, 2), (940, 0.3, 5), (155, 0.2, 10), (391, 0.5, 10), (234, 0.3, 10)])
def test_minimum_difference_agrees_with_the_planning_table(n, discordant, points):
    assert minimum_difference(n, discordant) * 100 == pytest.approx(points, abs=0.05)


def test_minimum_difference_falls_with_n_and_rises_with_disagreement():
    assert minimum_difference(5) is None
    found = [minimum_difference(n) for n in range(6, 400)]
    assert all(a > b for a, b in zip(found, found[1:])) and max(found) <= 1
    assert minimum_difference(200, 0.1) < minimum_difference(200, 0.5)


def test_t_quantile_agrees_with_the_tables():
    for freedom, t in ((4, 2.776), (9, 2.262), (29, 2.045), (1_000, 1.962)):
        assert t_quantile(freedom) == pytest.approx(t, rel=0.003)


def test_bootstrap_is_deterministic_by_seed():
    values = np.random.default_rng(0).normal(size=80)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_bootstrap_weighs_whole_clusters():
    """A resample of clusters is a mean over their items: five items of one entity count five times."""
    found = bootstrap_mean([1, 1, 1, 1, 1, 0], ["a"] * 5 + ["b"])
    assert found.value == pytest.approx(5 / 6) and (found.low, found.high) == (0, 1)


def test_one_cluster_has_a_mean_and_no_interval():
    assert bootstrap_mean([0.25, 0.75], ["a", "a"]) == Interval(value=0.5, low=None, high=None, n=2)


def test_clusters_that_move_together_widen_the_interval():
    values = np.repeat(np.random.default_rng(1).integers(0, 2, 40), 5).astype(float)
    clusters = [str(place // 5) for place in range(200)]
    for interval in (bootstrap_mean, share_interval):
        naive, clustered = interval(values), interval(values, clusters)
        assert naive.value == clustered.value and clustered.n == 200
        # the square root of 5, give or take the grid of 1/40 on which resampled means of 40 clusters stand
        assert 1.9 < (clustered.high - clustered.low) / (naive.high - naive.low) < 2.75


def test_many_clusters_are_resampled_in_blocks_to_the_same_end():
    values = np.random.default_rng(2).normal(size=CACHED + 500)
    means = resampled_means(values, np.ones_like(values))
    assert len(means) == 2_000
    assert means.std() == pytest.approx(values.std() / len(values) ** 0.5, rel=0.1)


def test_the_same_resamples_serve_every_arm():
    values, ones = np.random.default_rng(3).normal(size=60), np.ones(60)
    assert resampled_means(values + 1, ones) == pytest.approx(resampled_means(values, ones) + 1)


@pytest.mark.parametrize("groups, per_group", [(100, 1), (40, 3), (12, 4)])
def test_bootstrap_intervals_cover_the_truth(groups, per_group):
    rng, covered = np.random.default_rng(7), 0
    clusters = np.repeat(np.arange(groups), per_group).tolist()
    for _ in range(600):
        values = np.repeat(rng.normal(size=groups), per_group) + rng.normal(size=groups * per_group)
        found = bootstrap_mean(values, clusters)
        covered += found.low <= 0 <= found.high
    assert 0.925 <= covered / 600 <= 0.975  # 95 % +- 2.8 standard errors of 600 trials


def test_clustered_shares_cover_the_truth():
    rng, covered = np.random.default_rng(8), 0
    for _ in range(600):
        found = share_interval((rng.random(90) < np.repeat(rng.beta(2, 1, 30), 3)).astype(float), np.repeat(np.arange(30), 3).tolist())
        covered += found.low <= 2 / 3 <= found.high
    assert 0.925 <= covered / 600 <= 0.98


@settings(max_examples=50)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 100))
def test_paired_interval_is_antisymmetric_and_never_certain(b, c, same):
    n = b + c + same
    low, high = paired_interval(b, c, n)
    mirrored = paired_interval(c, b, n)
    assert (low, high) == pytest.approx((-mirrored[1], -mirrored[0]))
    assert low < high and -1 <= low and high <= 1


def test_no_change_in_n_items_leaves_about_three_over_n():
    assert paired_interval(0, 0, 100)[1] == pytest.approx(0.03, abs=0.005)


def test_sign_flip_tries_every_pattern_of_few_clusters():
    assert sign_flip([1, 1, 1, 1, 1, 1]) == pytest.approx(2 / 64)
    assert sign_flip([1, 1, 1], ["a", "a", "a"]) == 1.0
    assert sign_flip([0.0, 0.0]) == 1.0


def test_sign_flip_holds_its_level():
    rng = np.random.default_rng(9)
    rejected = sum(sign_flip(rng.normal(size=30)) < 0.05 for _ in range(400))
    assert 0.02 <= rejected / 400 <= 0.08
