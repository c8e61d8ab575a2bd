"""Several seeds: one claim about a method, its refusals, and one seed as before."""

import pytest
from evidence_help import outcome, right

from lab.compare import Cell, difference, differences, over_seeds, replicated, replicated_difference, score
from lab.core import DataError


@pytest.fixture
def seeds(evaluation):
    def make(shares, n=100, **more):
        return [evaluation(right(share, n, place), **more) for place, share in enumerate(shares)]
    return make


def test_one_seed_is_the_score_and_the_difference_of_one_checkpoint(seeds):
    (one,), (other,) = seeds([.5]), seeds([.8])
    assert replicated([one]).model_dump(exclude={"each"}) == score(one).model_dump() and replicated([one]).each == (.5,)
    assert replicated_difference([one], [other]) == difference(one, other)


def test_every_seed_is_kept_and_disagreeing_seeds_widen_the_interval(seeds):
    alike, apart = replicated(seeds([.5, .5, .5])), replicated(seeds([.3, .5, .7]))
    assert apart.each == (.3, .5, .7) and alike.value == apart.value == pytest.approx(.5) and alike.n == 100
    assert apart.low < alike.low < .5 < alike.high < apart.high
    assert 0 <= apart.low and apart.high <= 1


def test_a_method_is_better_only_where_its_seeds_agree(seeds):
    base = seeds([.4, .4, .4])
    clear, doubtful = replicated_difference(base, seeds([.8, .82, .78])), replicated_difference(base, seeds([.3, .6, .95]))
    assert clear.verdict == "better" and clear.seeds == 3 and "3 seeds" in clear.sentence
    assert doubtful.verdict == "unclear" and doubtful.value > .15 and doubtful.sentence.startswith("Cannot tell apart")
    assert clear.low == pytest.approx(-replicated_difference(seeds([.8, .82, .78]), base).high)


def test_two_seeds_are_called_too_few_where_their_difference_is_told(seeds):
    two, three = (replicated_difference(seeds([.4] * count), seeds([.6, .64, .62][:count])).sentence for count in (2, 3))
    assert "Two seeds hardly show how much seeds differ" in two and "Two seeds" not in three


def test_seeds_that_were_measured_otherwise_are_not_taken_together(seeds, evaluation):
    with pytest.raises(DataError, match="decoding"):
        replicated([*seeds([.5]), evaluation(right(.5), decoding="sampled")])


def test_a_loss_over_seeds_is_not_cut_to_shares(seeds, evaluation):
    losses = [evaluation([2 + place / 100 + seed / 10 for place in range(60)], metric="text_loss") for seed in range(3)]
    found = replicated(losses)
    assert found.value == pytest.approx(2.395) and found.low > 1.5 and found.high < 3.5


def test_the_board_takes_seeds_together_and_counts_those_that_failed(seeds):
    runs = seeds([.4, .6])
    cells = [*(Cell(system="SFT", need="form", state="finished", evaluation=one) for one in runs),
             Cell(system="SFT", need="form", state="failed", reason="Memory ran out."), Cell(system="DPO", need="form", state="failed", reason="No rows.")]
    frame = over_seeds(cells).set_index("system")
    assert (frame.loc["SFT", "seeds"], frame.loc["SFT", "dots"], frame.loc["SFT", "state"]) == (2, (.4, .6), "failed")
    assert "1 of 3 seeds" in frame.loc["SFT", "reason"] and "Memory ran out" in frame.loc["SFT", "reason"]
    assert frame.loc["DPO", "reason"] == "No rows." and frame["value"].isna().tolist() == [False, True]


def test_all_seeds_or_one_against_the_reference():
    runs = [outcome(name, seed=seed, own=right(share, 100, seed), family="base" if name == "base" else "LoRA")
            for name, share in (("base", .2), ("SFT", .7)) for seed in (0, 1, 2)]
    together, first = differences(runs, "base", "form", None)["SFT"], differences(runs, "base", "form", 0)["SFT"]
    assert (together.seeds, first.seeds, first.test) == (3, 1, "exact McNemar") and together.verdict == first.verdict == "better"
    assert differences(runs[:-1], "base", "form", None)["SFT"].seeds == 2, "seeds that only one side has are left out"


def test_what_was_not_measured_alike_is_refused_and_says_what_differs():
    base, sft = outcome("base", own=right(.2), family="base"), outcome("SFT", own=right(.7))
    other = sft.evaluations["form"].model_copy(update={"suite_fingerprint": "other", "decoding": "sampled"})
    found = differences([base, sft.model_copy(update={"evaluations": {"form": other}})], "base", "form")["SFT"]
    assert found.verdict == "refused" and "suite" in found.sentence and "decoding" in found.sentence and found.value is None


def test_one_base_under_two_chat_templates_is_refused():
    base, sft = outcome("base", own=right(.2), family="base"), outcome("SFT", own=right(.7))
    system = sft.run.system.model_copy(update={"template": "{{ messages }}"})
    odd = sft.model_copy(update={"run": sft.run.model_copy(update={"system": system})})
    found = differences([base, odd], "base", "form")["SFT"]
    assert found.verdict == "refused" and "chat templates" in found.sentence


def test_the_declared_metric_decides():
    runs = [outcome(name, own=right(share), extra=("json_valid", right(other)), family="base" if name == "base" else "LoRA")
            for name, share, other in (("base", .2, .9), ("SFT", .8, .1))]
    assert differences(runs, "base", "form")["SFT"].verdict == "better"
    assert differences(runs, "base", "form", metric="json_valid")["SFT"].verdict == "worse"
    assert differences(runs, "base", "form", metric="rule")["SFT"].verdict == "refused"
