"""The board's promises, on simulated Systems whose truth is known: its 95 % intervals hold the truth in 93 to 97 % of 1,000 draws, its
tests keep their level, and its numbers are those of scipy and statsmodels.

The bootstraps run with few hundred resamples here, so that 1,000 draws take seconds: that moves an interval's ends a little to and fro, and
coverage hardly at all. The two-level interval takes no draws; its method was chosen on other worlds than these.
"""

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from lab.compare import stats
from lab.compare.blocks import Block
from lab.compare.replicates import difference_interval, score_interval
from lab.compare.scores import ALPHA, Pairs, p_value, pair_interval

TIMES = 1_000
RESAMPLES = 400
LOW, HIGH = 0.93, 0.97  # the bar; 1,000 draws of a 95 % interval lie in 0.936 to 0.964 nineteen times in twenty


@pytest.fixture
def few_resamples(monkeypatch):
    monkeypatch.setattr(stats, "DRAWS", RESAMPLES)
    monkeypatch.setattr(stats.bootstrap_mean, "__defaults__", (None, RESAMPLES, 0))
    monkeypatch.setattr(stats.sign_flip, "__defaults__", (None, RESAMPLES, 0))


def covered(intervals, truth):
    return float(np.mean([found.low <= truth <= found.high for found in intervals]))


@pytest.mark.parametrize("share, n", [(.3, 200), (.5, 100), (.8, 500)])
def test_wilsons_interval_of_a_score(share, n):
    right = np.random.default_rng(1).binomial(n, share, TIMES)
    assert LOW <= covered([stats.wilson(count, n) for count in right], share) <= HIGH


def clustered(rng, groups, size, share, spread):
    """Right/wrong answers whose chance differs by entity (beta, mean `share`); every entity is asked `size` times."""
    chance = rng.beta(share * spread, (1 - share) * spread, groups).repeat(size)
    return (rng.random(groups * size) < chance).astype(float), np.arange(groups).repeat(size).astype(str)


def test_the_score_of_questions_that_share_an_entity():
    rng = np.random.default_rng(2)
    found = [stats.share_interval(*clustered(rng, 60, 4, .6, 3)) for _ in range(TIMES)]
    assert LOW <= covered(found, .6) <= HIGH
    plain = [stats.wilson(clustered(rng, 60, 4, .6, 3)[0].sum(), 240) for _ in range(TIMES)]
    assert covered(plain, .6) < .91, "what an interval is worth that takes these questions for independent ones"


def test_the_clustered_bootstrap_of_a_graded_score(few_resamples):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(TIMES):
        level = rng.normal(.5, .2, 50).repeat(3)
        found.append(stats.bootstrap_mean(level + rng.normal(0, .1, 150), np.arange(50).repeat(3).tolist()))
    assert LOW <= covered(found, .5) <= HIGH


def pairs(rng, n, both, first, second, size=1):
    """n items in entities of `size`: shares on which both are right, only the first, only the second. Items of an entity go alike."""
    kinds = rng.choice(4, n // size, p=[both, first, second, 1 - both - first - second]).repeat(size)
    return Pairs.of((str(place), str(place // size), float(kind in (0, 1)), float(kind in (0, 2))) for place, kind in enumerate(kinds))


@pytest.mark.parametrize("n, size", [(200, 1), (400, 4)])
def test_the_paired_difference_of_two_systems(few_resamples, n, size):
    rng = np.random.default_rng(4)
    found = [pair_interval(pairs(rng, n, .5, .1, .2, size)) for _ in range(TIMES)]
    assert LOW <= covered(found, .1) <= HIGH


def replicates(rng, spread, seeds=3, items=150):
    """Two arms of right/wrong answers; the second is .15 better on average, and moves from seed to seed. The truth is over all seeds."""
    hard = rng.uniform(-.25, .25, items)
    first = np.repeat((rng.random(items) < .45 + hard)[None], seeds, 0)  # an untrained System answers alike with every seed
    moved = rng.normal(0, spread, seeds)[:, None]
    latent = rng.random(items) + rng.normal(0, .1, (seeds, items))  # a trained one mostly so
    second = latent < .6 + hard + moved
    return Block("task", "exact_match", np.stack([first, second]).astype(float), tuple(map(str, range(items))))


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [0, .02, .05, .1, .2])
def test_the_two_level_score_and_difference_over_items_and_seeds(spread, seeds):
    rng, scores, differences = np.random.default_rng(5), [], []
    for _ in range(TIMES):
        one = replicates(rng, spread, seeds)
        scores.append(score_interval(one._replace(values=one.values[1:])))
        differences.append(difference_interval(one)[0])
    assert LOW <= covered(scores, .6) <= HIGH
    assert LOW <= covered(differences, .15) <= HIGH


def test_two_seeds_err_to_the_wide_side():
    rng = np.random.default_rng(15)
    for spread in (0, .05, .2):
        found = [difference_interval(replicates(rng, spread, 2))[0] for _ in range(TIMES)]
        assert covered(found, .15) >= LOW


def arm(rng, share, spread, seeds, hard, shared):
    """Right/wrong answers (seeds, items) of a System whose share moves from seed to seed around `share`; `shared` of what makes an answer
    right is the item's own difficulty, the rest is the seed's and chance."""
    own = np.clip(rng.normal(share, spread, (seeds, 1)), .001, .999)
    return np.sqrt(shared) * hard + np.sqrt(1 - shared) * rng.standard_normal((seeds, len(hard))) < scipy_stats.norm.ppf(own)


WORLDS = [(items, share, spread, shared) for items in (50, 200) for share in (.2, .5, .9) for spread in (0, .03) for shared in (.5, .9)]


def held(seeds, draws):
    """Coverage of the difference of two Systems, 0.1 apart, in every world of the grid."""
    rng, found = np.random.default_rng(16), []
    for items, share, spread, shared in WORLDS:
        intervals = []
        for _ in range(draws):
            hard = rng.standard_normal(items)
            arms = [arm(rng, mean, spread, seeds, hard, shared) for mean in (share - .1, share)]
            intervals.append(difference_interval(Block("task", "exact_match", np.array(arms, float), tuple(map(str, range(items)))))[0])
        found.append(covered(intervals, .1))
    return np.array(found)


@pytest.mark.parametrize("seeds", [3, 5])
def test_two_trained_systems_over_a_grid_of_worlds(seeds):
    """Where seeds differ by about as much as the noise of single answers would make them, no interval from three seeds is exact: single worlds
    may lie up to two points outside of the bar, the average may not."""
    found = held(seeds, 250)
    assert LOW <= found.mean() <= HIGH
    assert found.min() >= LOW - .045 and (found >= LOW - .02).mean() > .9, "250 draws: a standard error of 1.4 points"
    assert np.mean(found <= HIGH + .015) > .85


def test_the_two_level_test_keeps_its_level():
    rng, rejected = np.random.default_rng(6), 0
    for _ in range(TIMES):
        one = replicates(rng, .05)
        first, second = one.values
        swapped = np.where(rng.random(first.shape[1]) < .5, first, second), np.where(rng.random(first.shape[1]) < .5, first, second)
        rejected += difference_interval(one._replace(values=np.stack(swapped)))[1] < ALPHA
    assert .02 <= rejected / TIMES <= .065


def test_the_paired_test_keeps_its_level_and_finds_what_is_there():
    rng = np.random.default_rng(7)
    equal = np.mean([p_value(pairs(rng, 200, .5, .15, .15))[0] < ALPHA for _ in range(TIMES)])
    assert .02 <= equal <= .055, "exact, so rather below its level than above"
    apart = np.mean([p_value(pairs(rng, 200, .5, .1, .25))[0] < ALPHA for _ in range(200)])
    assert apart > .85


def test_the_paired_test_by_entity_keeps_its_level(few_resamples):
    rng = np.random.default_rng(8)
    equal = np.mean([p_value(pairs(rng, 240, .5, .15, .15, 4))[0] < ALPHA for _ in range(TIMES)])
    assert .02 <= equal <= .065


def test_holm_keeps_the_level_of_a_whole_family():
    rng = np.random.default_rng(9)
    ps = rng.random((TIMES, 11))
    assert np.mean([min(stats.holm(row.tolist())) < ALPHA for row in ps]) <= .065


@pytest.mark.parametrize("right, n", [(0, 20), (3, 20), (80, 100), (500, 500)])
def test_wilson_equals_statsmodels(right, n):
    found = stats.wilson(right, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(right, n, method="wilson"), abs=1e-9)


@pytest.mark.parametrize("b, c", [(0, 0), (6, 0), (10, 2), (37, 21)])
def test_mcnemar_equals_scipy_and_statsmodels(b, c):
    assert stats.mcnemar(b, c) == pytest.approx(scipy_stats.binomtest(b, b + c).pvalue if b + c else 1.0)
    assert stats.mcnemar(b, c) == pytest.approx(sm_mcnemar([[50, b], [c, 50]], exact=True).pvalue)


def test_holm_equals_statsmodels():
    ps = np.random.default_rng(10).random(12) ** 3
    assert stats.holm(ps.tolist()) == pytest.approx(multipletests(ps, method="holm")[1])


def test_the_bootstrap_is_close_to_scipys_bca_and_to_students_t():
    values = np.random.default_rng(11).gamma(3, size=300)
    found = stats.bootstrap_mean(values, draws=20_000)
    theirs = scipy_stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=12).confidence_interval
    t = scipy_stats.t.interval(.95, 299, values.mean(), scipy_stats.sem(values))
    width = t[1] - t[0]
    for ends in (theirs, t):
        assert (found.low, found.high) == pytest.approx(tuple(ends), abs=.04 * width)


def test_sign_flips_equal_scipys_permutation_test():
    changes = np.random.default_rng(13).normal(.4, 1, 10)
    theirs = scipy_stats.permutation_test((changes,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert stats.sign_flip(changes) == pytest.approx(theirs)


def test_spearman_and_students_t_equal_scipy():
    x, y = np.random.default_rng(14).integers(0, 9, (2, 60))
    assert stats.spearman(x, y) == pytest.approx(scipy_stats.spearmanr(x, y).statistic)
    for freedom in (4, 9, 29):
        assert stats.t_quantile(freedom) == pytest.approx(scipy_stats.t.ppf(.975, freedom), rel=.003)
