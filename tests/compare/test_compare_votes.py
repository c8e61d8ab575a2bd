"""Strengths, the side, agreement: planted truths are found, and the numbers are those of other implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from votes_help import cells, simulated, true_shares

from lab.compare.agreement import agreement, coincidences, krippendorff
from lab.compare.bradley_terry import expected_shares, fit
from lab.compare.vote_tables import meetings_frame, pairs_frame, strengths_frame, votes_frame
from lab.compare.vote_words import agreement_words, position_words, verdict_words
from lab.compare.votes import Cast, smallest_share, system_strengths, vote_result
from lab.core.votes import Vote, VotePair, VoteSession

NAMES = ("a", "b", "c")


def session(items: int = 6, systems=("base", "SFT")) -> VoteSession:
    pairs = tuple(VotePair(number=n, item=f"i{n}", prompt=f"question {n}", one=systems[0], other=systems[1], answers=(f"x{n}", f"y{n}")) for n in range(items))
    return VoteSession(id="vote-1", code="ABCDEF", experiment="e", task="t", seed=0, dice=1, systems=systems, pairs=pairs, per_voter=items, created=1.0)


def unanimous(voters: int, items: int = 6) -> tuple[Vote, ...]:
    """Everybody prefers SFT, which stands on either side in turn."""
    return tuple(Vote(voter=v, pair=n, left="SFT" if (v + n) % 2 else "base", choice="left" if (v + n) % 2 else "right") for v in range(voters)
                 for n in range(items))


def test_without_ties_it_is_a_logistic_regression():
    from statsmodels.api import Logit
    cast = simulated(1, 40, 12, (0.7, 0.1, -0.8))
    kept = Cast(*(column[cast.outcome < 2] for column in cast))
    design = np.zeros((len(kept.voter), 3))
    for column, system in enumerate((0, 1)):  # the third System is the zero point
        design[:, column] = (kept.left == system).astype(float) - (kept.right == system)
    design[:, 2] = 1  # the side's effect
    known = Logit((kept.outcome == 0).astype(float), design).fit(disp=0).params
    ours = fit(cells(kept, 3), prior=0, ties=False)
    assert np.allclose([ours[0] - ours[2], ours[1] - ours[2], ours[3]], known, atol=1e-6)
    assert abs(ours[:3].sum()) < 1e-8 and ours[-1] == 0


def test_with_ties_it_is_a_conditional_logit_of_three_outcomes():
    from statsmodels.discrete.conditional_models import ConditionalLogit
    cast = simulated(2, 30, 12, (0.7, 0.1, -0.8))
    rows, chosen, groups = [], [], []
    for vote, (left, right, outcome) in enumerate(zip(cast.left, cast.right, cast.outcome)):
        stood = np.eye(3)
        for place, about in enumerate(((stood[left], 0.5, 0), (stood[right], -0.5, 0), ((stood[left] + stood[right]) / 2, 0, 1))):
            rows.append([*about[0][:2], about[1], about[2]])
            chosen.append(int(place == outcome))
            groups.append(vote)
    known = ConditionalLogit(np.array(chosen), np.array(rows), groups=np.array(groups)).fit(disp=0).params
    ours = fit(cells(cast, 3), prior=0)
    assert np.allclose([ours[0] - ours[2], ours[1] - ours[2], ours[3], ours[4]], known, atol=2e-4)


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 10_000), some.permutations(range(3)))
def test_neither_sides_nor_names_nor_order_change_the_strengths(seed, order):
    cast = simulated(seed, 6, 9, (0.5, 0, -0.5))
    plain = fit(cells(cast, 3))
    swapped = Cast(cast.voter, cast.item, cast.right, cast.left, np.array([1, 0, 2])[cast.outcome])
    turned = fit(cells(swapped, 3))
    assert np.allclose(turned[:3], plain[:3], atol=1e-6) and np.isclose(turned[3], -plain[3], atol=1e-6)
    renamed = fit(cells(Cast(cast.voter, cast.item, np.array(order)[cast.left], np.array(order)[cast.right], cast.outcome), 3))
    assert np.allclose(renamed[list(order)], plain[:3], atol=1e-6)
    shares = expected_shares(plain)
    assert np.isclose(shares.mean(), 0.5) and (np.diff(shares[np.argsort(plain[:3])]) > -1e-9).all(), "the stronger, the more wins"


def test_an_unbeaten_system_stays_finite_and_certain_of_nothing():
    found = system_strengths(simulated(3, 8, 6, (30, -30), spread=0), ("a", "b"), draws=200)
    assert found[0].system == "a" and found[0].losses == 0
    assert 0.9 < found[0].share.value < 1 and found[0].share.low < 0.96, "48 of 48 still leave room"


@pytest.mark.parametrize("voters, items, strengths, spread, item_spread, wide", [
    (30, 12, (0.6, 0, -0.6), 0.5, 0.0, False), (30, 12, (0.6, 0, -0.6), 0.5, 0.5, True)])
def test_intervals_hold_the_planted_share_in_93_to_97_of_100_votes(voters, items, strengths, spread, item_spread, wide):
    truth = dict(zip(NAMES, true_shares(strengths, spread, item_spread)))
    draws, hits = 300, []
    for seed in range(draws):
        for one in system_strengths(simulated(seed, voters, items, strengths, spread, item_spread), NAMES[:len(strengths)], draws=200, seed=seed):
            interval = one.wide if wide else one.share
            hits.append(interval.low <= truth[one.system] <= interval.high)
    assert 0.93 <= np.mean(hits) <= 0.975, np.mean(hits)


def test_the_side_is_found_and_does_not_lean_on_the_strengths():
    votes = tuple(Vote(voter=v, pair=n, left="SFT" if (v + n) % 2 else "base", choice="left") for v in range(10) for n in range(6))
    found = vote_result(session(), votes)
    assert found.position.value == 1 and found.position.excludes(0.5) and "the side mattered" in position_words(found)
    assert abs(found.strengths[0].share.value - 0.5) < 1e-6 and "cannot be told apart" in verdict_words(found)


def test_everybody_for_one_system_is_said_in_words():
    found = vote_result(session(), unanimous(10))
    assert verdict_words(found).startswith("SFT is preferred to base (wins 100 %, 9")
    assert found.agreement.raw.value == 1 and found.agreement.raw.low < 0.7, "six questions prove little"
    assert found.agreement.alpha.value == 1 and "people agree" in agreement_words(found)
    assert "no sign that the side mattered" in position_words(found)
    assert found.meetings[0].losses == 60 and found.meetings[0].share.high < 0.2


def test_few_voters_and_no_votes_are_said():
    assert verdict_words(vote_result(session(), ())) == "Nobody has voted yet."
    alone = vote_result(session(), unanimous(1))
    assert alone.strengths[0].share.low is None and "Only 1 person voted" in verdict_words(alone)
    assert "agreement is not known" in agreement_words(alone)


def test_systems_that_never_met_are_not_ranked():
    pairs = tuple(VotePair(number=n, item=f"i{n}", prompt="?", one=one, other=other, answers=("x", "y"))
                  for n, (one, other) in enumerate((("a", "b"), ("c", "d"))))
    apart = VoteSession(id="v", code="C", experiment="e", task="t", seed=0, dice=0, systems=("a", "b", "c", "d"), pairs=pairs, per_voter=2, created=1.0)
    found = vote_result(apart, tuple(Vote(voter=v, pair=n, left=pairs[n].one, choice="left") for v in range(5) for n in range(2)))
    assert all(one.strength is None and one.share.value is None for one in found.strengths)
    assert "cannot be compared" in verdict_words(found) and strengths_frame(found)["wins"].sum() == 10


def test_alpha_is_that_of_krippendorffs_own_example():
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3]
    c = [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None]
    values = (1, 2, 3, 4, 5)
    units = [[value for value in unit if value is not None] for unit in zip(a, b, c, d)]
    tables = sum(coincidences(unit, values) for unit in units if len(unit) > 1)
    nominal = 1 - np.eye(5)
    interval = np.subtract.outer(values, values).astype(float) ** 2
    assert round(float(krippendorff(tables, nominal)), 3) == 0.743 and round(float(krippendorff(tables, interval)), 3) == 0.849


def test_chance_has_no_agreement_and_names_do_not_matter():
    dice = np.random.default_rng(0)
    said = [dice.choice([-1, 0, 1], 12).tolist() for _ in range(200)]
    found = agreement(said)
    assert abs(found.alpha.value) < 0.05 and found.disagree
    assert agreement([[-value for value in unit] for unit in said]).alpha.value == pytest.approx(found.alpha.value)
    assert agreement([[1, 1], [1, 1]]).disagree is None, "two questions conclude nothing"


def test_the_smallest_share_that_can_be_seen_is_that_of_the_tables():
    for n, share in ((783, 0.55), (194, 0.60), (85, 0.65), (47, 0.70), (29, 0.75)):
        assert smallest_share(n) == pytest.approx(share, abs=0.003)


def test_tables_count_every_vote_once():
    votes = unanimous(3) + (Vote(voter=3, pair=0, left="base", choice="tie"),)
    pairs, every = pairs_frame(session(), votes), votes_frame(session(), votes)
    assert len(every) == 19 and set(every["preferred"]) == {"SFT", "tie"} and every["voter"].min() == 1
    assert pairs[["for_one", "tie", "for_other"]].to_numpy().sum() == 19 and not pairs["split"].any()
    assert meetings_frame(vote_result(session(), votes)).loc[0, "losses"] == 18
