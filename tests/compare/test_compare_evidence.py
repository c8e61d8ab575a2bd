"""The evidence rule on made-up scores: every verdict can be reached, boundaries fall as the rule says, what is missing is said."""

import numpy as np
import pytest
from evidence_help import outcome, right

from lab.compare import CLAIMS, DECISIONS, RULE, Claim, Evidence, decide, evidence_of, family_of, markdown, points, stats
from lab.compare.blocks import Quantity
from lab.compare.evidence import TIE, Found, rule
from lab.compare.evidence_text import bar_text, number, result_text, source_text
from lab.core import Retrieval

BY_ID = {claim.id: claim for claim in CLAIMS}
SEEDS = (0, 1, 2)


def gain(direction=">=", threshold=0.1, **more):
    fields = {"id": "x", "group": "form", "sentence": "s", "source": "S1", "quantity": "q", "direction": direction, "threshold": threshold,
              "task": "form", "arms": (("SFT", 1.0), ("base", -1.0))}
    return Claim(**(fields | more))


def runs(arms, n=100, task="form", metric="exact_match", **more):
    """arm -> share right; every seed alike but for the items."""
    return [outcome(name, task, seed, right(share, n, seed), family="base" if name == "base" else "LoRA", metric=metric, **more)
            for name, share in arms.items() for seed in SEEDS]


@pytest.mark.parametrize("direction, low, high, expected", [
    (">=", .10, .30, "confirmed"), (">=", .099, .30, "too few items"), (">=", .0, .10, "too few items"), (">=", .0, .0999, "refuted"),
    ("<=", -.3, .10, "confirmed"), ("<=", -.3, .101, "too few items"), ("<=", .10, .3, "too few items"), ("<=", .1001, .3, "refuted"),
    (">", .10, .30, "too few items"), (">", .1001, .30, "confirmed"), (">", .0, .10, "refuted")])
def test_the_rule_at_its_boundaries(direction, low, high, expected):
    assert rule(gain(direction), Found(Quantity((low + high) / 2, low, high, 100, 3))) == expected


def test_unequal_scores_and_a_failed_test_decide_nothing():
    sure = Found(Quantity(.5, .4, .6, 100, 3))
    assert rule(gain(), sure) == "confirmed"
    assert rule(gain(), sure._replace(equal=False)) == "not at equal score"
    assert rule(gain(), sure._replace(holds=False)) == "too few items"
    assert rule(gain(threshold=.9), sure._replace(holds=False)) == "refuted"


@pytest.mark.parametrize("sft, expected", [(.9, "confirmed"), (.22, "too few items"), (.02, "refuted")])
def test_a_gain_is_confirmed_refuted_or_left_open(sft, expected):
    found = decide(gain(), runs({"SFT": sft, "base": .1}))
    assert found.decision == expected and found.n == 100 and found.seeds == 3
    assert found.value == pytest.approx(sft - .1) and found.low < found.value < found.high
    assert {part.system: part.value for part in found.parts} == pytest.approx({"SFT": sft, "base": .1})


def test_what_is_missing_failed_or_unlike_is_not_measured_and_says_why():
    there = runs({"SFT": .9, "base": .1})
    assert "not run" in decide(gain(), [o for o in there if o.system == "base"]).reason
    assert decide(gain(), []).reason == "Nothing was run on form."
    failed = [*there[1:], outcome("SFT", status="failed")]
    assert decide(gain(), failed).decision == "not measured" and "Memory ran out" in decide(gain(), failed).reason
    assert "was not asked capitals" in decide(gain(suites=("capitals",)), there).reason
    unlike = [*there[:-1], there[-1].model_copy(update={"evaluations": {"form": there[-1].evaluations["form"].model_copy(update={"decoding": "hot"})}})]
    assert "decoding" in decide(gain(), unlike).reason
    unscored = [outcome(name, seed=seed, own=[None] * 5) for name in ("SFT", "base") for seed in SEEDS]
    assert decide(gain(), unscored).decision == "not measured"


def test_no_interval_has_width_zero_and_one_seed_says_so():
    found = decide(gain("<=", 0.0), [o for o in runs({"SFT": 1.0, "base": 1.0}) if o.seed == 0])
    assert (found.low, found.high) == pytest.approx(stats.paired_interval(0, 0, 100)) and found.decision == "too few items"
    assert "One seed only" in found.reason


def test_of_what_the_base_knew_only_that_counts():
    claim = gain(threshold=.95, measure="kept", unit="share", metric="contains_answer", arms=(("base", 1.0), ("DPO", 1.0)))
    knew, extra = [1.0] * 80 + [0.0] * 20, ("contains_answer", [1.0] * 80 + [0.0] * 20)
    lost = ("contains_answer", [1.0] * 40 + [0.0] * 60)
    made = [outcome("base", seed=seed, own=knew, family="base", extra=extra) for seed in SEEDS]
    all_kept = made + [outcome("DPO", seed=seed, own=knew, family="DPO", extra=("contains_answer", [1.0] * 100)) for seed in SEEDS]
    half = made + [outcome("DPO", seed=seed, own=knew, family="DPO", extra=lost) for seed in SEEDS]
    assert decide(claim, all_kept).value == 1.0 and decide(claim, all_kept).decision == "confirmed" and decide(claim, all_kept).n == 80
    assert decide(claim, half).value == .5 and decide(claim, half).decision == "refuted"


def test_retrieval_is_held_against_the_best_of_the_others():
    claim = BY_ID["facts-best"]
    made = runs({"RAG": .9, "SFT, one wording": .2, "SFT, several wordings": .95, "SFT, wordings and questions": .5}, task="facts")
    assert decide(claim, made).value == pytest.approx(-.05)
    assert decide(claim, runs({name: .2 for name in claim.systems} | {"RAG": .9}, task="facts")).decision == "confirmed"


def test_the_compound_must_beat_each_lever_in_every_seed():
    claim = BY_ID["compound-above"]
    clear = runs({"RAG + SFT": .9, "3 shots": .1, "RAG": .3, "SFT": .4, "DPO": .1}, task="compound")
    assert decide(claim, clear).decision == "confirmed" and decide(claim, clear).value == pytest.approx(.5)
    close = runs({"RAG + SFT": .5, "3 shots": .1, "RAG": .3, "SFT": .45, "DPO": .1}, task="compound")
    assert decide(claim, close).decision == "too few items" and "SFT, seed" in decide(claim, close).reason
    assert decide(claim, runs({"RAG + SFT": .3, "3 shots": .1, "RAG": .9, "SFT": .4, "DPO": .1}, task="compound")).decision == "refuted"


@pytest.mark.parametrize("score, capitals, expected", [(.95, .9, "confirmed"), (.95, .1, "refuted"), (.6, .9, "not at equal score")])
def test_a_cure_counts_at_an_equal_score_only(score, capitals, expected):
    claim = BY_ID["forgetting-ewc"]
    arms = {"base": (.0, 1.0), "full, high rate": (.95, .1), "full, high rate, EWC": (score, capitals)}
    made = [outcome(name, seed=seed, own=right(own, 400), family="base" if name == "base" else "full", capitals=right(knows), words=right(knows))
            for name, (own, knows) in arms.items() for seed in SEEDS]
    assert decide(claim, made).decision == expected


def families(lora, full):
    """rate -> (task score, share of every ability kept) for either family; items at even and at odd places score alike."""
    made = [outcome("base", seed=seed, own=right(0, 400), family="base", **{name: right(1) for name in BY_ID["forgetting-lora-best"].suites})
            for seed in SEEDS]
    for family, sweep in (("LoRA", lora), ("full", full)):
        made += [outcome(f"{family} {rate}", seed=seed, own=[1.0] * int(400 * score) + [0.0] * (400 - int(400 * score)), family=family, rate=rate,
                         **{name: right(knows) for name in BY_ID["forgetting-lora-best"].suites})
                 for rate, (score, knows) in sweep.items() for seed in SEEDS]
    return made


def test_each_family_is_shown_at_its_own_gentlest_good_rate():
    made = families({1e-3: (.5, .9), 2e-3: (.99, .6), 4e-3: (1.0, .1)}, {1e-4: (.2, 1.0), 1e-3: (1.0, .3)})
    found = decide(BY_ID["forgetting-lora-best"], made)
    assert found.decision == "confirmed" and found.value == pytest.approx(.3) and "LoRA 0.002" in found.reason, TIE
    assert decide(BY_ID["forgetting-lora-best"], families({1e-3: (1.0, .1)}, {1e-4: (1.0, .8)})).decision == "refuted"


def test_families_are_matched_between_two_rates_where_needed():
    claim = BY_ID["forgetting-lora-equal"]
    found = decide(claim, families({1e-3: (.4, .8), 2e-3: (.8, .4)}, {1e-4: (.4, 1.0), 1e-3: (1.0, .4)}))
    chosen = {part.system: part for part in found.parts if part.suite == "form"}
    assert set(chosen) == {"LoRA 0.002", "full 0.0001", "full 0.001"}
    assert found.value == pytest.approx(.4 - (1.0 / 3 + .4 * 2 / 3), abs=.03) and found.decision == "refuted"
    assert decide(claim, families({1e-3: (.4, .8)}, {1e-3: (1.0, .4)})).decision == "not at equal score"
    assert "family full" in decide(claim, families({1e-3: (.4, .8)}, {})).reason


def moved(kl_of):
    """Eight Systems with three seeds that forget more and more."""
    made = [outcome("base", seed=seed, own=right(0), family="base", capitals=right(1), words=right(1), known_people=right(1), text_loss=[1.0] * 20)
            for seed in SEEDS]
    for place in range(8):
        keeps = right(1 - place / 10)
        made += [outcome(f"s{place}", seed=seed, own=right(.5), kl=kl_of(place, seed), capitals=keeps, words=keeps, known_people=keeps,
                         text_loss=([1.0 + place / 10] * 20, float(place))) for seed in SEEDS]
    return made


def test_rank_correlations_need_twenty_runs_and_both_numbers():
    assert decide(BY_ID["forgetting-kl-task"], moved(lambda place, seed: place + seed / 100)).decision == "confirmed"
    assert decide(BY_ID["forgetting-kl-task"], moved(lambda place, seed: -place)).decision == "refuted"
    assert decide(BY_ID["forgetting-kl-text"], moved(lambda place, seed: None)).value == pytest.approx(1)
    assert decide(BY_ID["forgetting-text-rise"], moved(lambda place, seed: None)).value == pytest.approx(1)
    none = decide(BY_ID["forgetting-kl-task"], moved(lambda place, seed: None))
    assert none.decision == "not measured" and "20 are needed" in none.reason


def test_points_say_what_a_run_lost_and_how_far_it_moved():
    found = {(point.system, point.seed): point for point in points(moved(lambda place, seed: place / 2))}
    assert len(found) == 27 and found["s4", 1].family == "LoRA" and not found["base", 0].trained
    point = found["s4", 1]
    assert (point.score, point.kl_task, point.kl_text) == (.5, 2.0, 4.0)
    assert point.lost == pytest.approx(.4) and point.drop == pytest.approx(.4) and point.kept == pytest.approx(.6)
    assert point.lost_low < .4 < point.lost_high and point.text_rise == pytest.approx(.4)
    assert found["base", 0].lost == 0


def test_the_record_goes_through_json_and_says_all_of_it():
    whole = evidence_of(moved(lambda place, seed: place), experiments={"form": "evidence-form-1"}, recorded={"date": "2026-01-02"})
    assert Evidence.model_validate_json(whole.model_dump_json()) == whole
    assert [verdict.claim.id for verdict in whole.verdicts] == [claim.id for claim in CLAIMS]
    text = markdown(whole)
    assert RULE in text and "2026-01-02" in text and all(claim.sentence in text for claim in CLAIMS)
    assert text.count("\n| s4 |") == 0 and text.count("| s4 |") == 3
    assert {verdict.decision for verdict in whole.verdicts} <= set(DECISIONS) and "– not measured" in text


def test_numbers_read_as_people_say_them():
    assert number(gain(), .123) == "+12.3 points" and number(gain(), -.0001) == "0 points" and bar_text(gain()) == "at least 10 points"
    assert number(gain(unit="share"), .8) == "80 %" and number(gain(unit="rank"), .814) == "0.81"
    found = decide(gain(), runs({"SFT": .9, "base": .1}))
    assert result_text(found).startswith("+80 points (+") and source_text(BY_ID["form-shots"]).startswith("an essay")


def test_every_claim_is_whole():
    assert len(BY_ID) == len(CLAIMS)
    for claim in CLAIMS:
        assert source_text(claim), claim.id
        assert claim.predictor if claim.measure == "rank" else claim.arms or claim.measure in ("own_best", "matched"), claim.id
        assert (claim.direction, claim.unit) in ((">=", "points"), ("<=", "points"), (">", "points"), (">=", "share"), (">=", "rank"))


def test_the_floor_is_bonett_and_prices_interval():
    for better, worse, n in ((0, 0, 30), (10, 3, 50), (50, 0, 50)):
        values = [1.0] * better + [-1.0] * worse + [0.0] * (n - better - worse)
        assert stats.widest(values, -1, 1, n) == pytest.approx(stats.paired_interval(better, worse, n))
        assert stats.widest(values * 3, -1, 1, n) == pytest.approx(stats.paired_interval(better, worse, n)), "seeds add no items"


def test_spearman_takes_ties_by_their_mean_rank():
    assert stats.spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert stats.spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(.9486833)
    assert stats.spearman([1, 1, 1], [1, 2, 3]) is None


def test_two_level_means_centre_on_the_mean_and_know_seeds_and_clusters():
    sums = np.random.default_rng(1).random((2, 3, 40))
    drawn = stats.two_level_means(sums, np.ones(40), 20_000)
    assert drawn.mean(0) == pytest.approx(sums.mean((1, 2)), abs=.01)
    same = np.repeat(sums[:, :1], 3, 1)  # seeds that agree to the letter add nothing
    assert stats.two_level_means(same, np.ones(40))[:, 0] == pytest.approx(stats.two_level_means(same[:, :1], np.ones(40))[:, 0])
    apart = same + np.array([0, .5, 1])[None, :, None]
    low, high = np.quantile(stats.two_level_means(apart - same, np.ones(40), 40_000)[:, 0], [.025, .975])
    assert (high - low) / 2 == pytest.approx(2.484 * .5, rel=.06), "three seeds: Student's t, 2.48 standard deviations"


@pytest.mark.parametrize("seed_spread, n", [(.0, 60), (.15, 60), (.05, 30)])
def test_two_level_intervals_hold_the_truth_about_as_often_as_they_say(seed_spread, n):
    """Right/wrong answers of two arms; the trained one differs from seed to seed and both by entity. The truth is over all seeds."""
    rng, held, times = np.random.default_rng(7), 0, 300
    for _ in range(times):
        hard = rng.normal(0, .15, n)
        base = rng.random(n) < np.clip(.4 + hard, 0, 1)
        tuned = rng.random((3, n)) < np.clip(.6 + hard + rng.normal(0, seed_spread, 3)[:, None], 0, 1)
        sums = np.stack([np.repeat(base[None], 3, 0), tuned]).astype(float)
        drawn = stats.two_level_means(sums, np.ones(n), 1_000)
        low, high = np.quantile(drawn[:, 1] - drawn[:, 0], [.025, .975])
        held += low <= .2 <= high
    assert .92 <= held / times <= 1, held / times


def test_families_are_read_from_the_settings():
    made = {o.system: o.run.system for o in families({1e-3: (.4, .8)}, {1e-3: (1.0, .4)})}
    assert [family_of(system) for system in made.values()] == ["base", "LoRA", "full"]
    both = made["LoRA 0.001"].model_copy(update={"retrieval": Retrieval()})
    assert family_of(both) == "compound", "what passages did to it is no sign of what its weights lost"
