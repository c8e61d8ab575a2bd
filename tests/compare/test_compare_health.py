"""Each rule fires on its own illness and keeps quiet on a healthy run."""

import numpy as np
import pytest

from lab.compare import Drop, Finding, answers_health, curve_frame, curves_health, damaged, unlike_prompts, without_contradiction
from lab.core import Evaluation, Score, Scorer

STEPS = np.arange(40)
NOISE = np.random.default_rng(0).normal(0, 0.02, 40)
FALLING = 2 * np.exp(-STEPS / 15) + 0.5 + NOISE


def rules(stage="sft", **curves):
    events = [{"at": 0.0, "attempt": 1, "kind": "metric", "stage": stage, "step": int(step), "values": {name: float(value)}}
              for name, values in curves.items() for step, value in zip(np.linspace(0, 39, len(values)).astype(int), values)]
    found = curves_health(curve_frame(events))
    assert all(finding.what and finding.do and finding.stage == stage for finding in found)
    return [finding.rule for finding in found]


HEALTHY_DPO = {"loss": np.linspace(0.69, 0.3, 40) + NOISE, "logps_chosen": np.linspace(-20, -19, 40), "logps_rejected": np.linspace(-20, -30, 40),
               "reward_margin": np.linspace(0, 1, 40), "reward_accuracy": np.linspace(0.5, 0.9, 40)}


def test_healthy_runs_have_no_finding():
    assert rules(loss=FALLING, eval_loss=[2.5, 1.5, 1.0, 0.8, 0.81]) == []
    assert rules("dpo", **HEALTHY_DPO) == []
    assert rules() == [] == rules(loss=[2.0, 1.9])


@pytest.mark.parametrize("rule, curves", [
    ("loss not moving", {"loss": 2 + NOISE / 10}),
    ("loss not moving", {"loss": 2 + NOISE, "eval_loss": [2.0, 2.001, 1.999, 2.0]}),
    ("diverging", {"loss": np.concatenate([FALLING[:20], np.linspace(1, 6, 20)])}),
    ("diverging", {"loss": np.concatenate([FALLING[:20], np.linspace(1, 2.2, 20)])}),
    ("over-fitting", {"loss": FALLING, "eval_loss": [2.5, 1.2, 1.0, 1.1, 1.3]}),
    ("over-fitting", {"loss": FALLING, "eval_loss": [2.5, 1.2, 1.0, 1.9, 2.5]}),
    ("still falling", {"loss": FALLING, "eval_loss": [3.0, 2.8, 2.6, 2.4, 2.2, 2.0, 1.8]}),
    ("non-finite", {"loss": np.where(STEPS == 30, np.nan, FALLING)}),
    ("non-finite", {"loss": FALLING, "grad_norm": np.where(STEPS == 39, np.inf, 1.0)}),
])
def test_each_illness_of_a_loss_is_named(rule, curves):
    assert rules(**curves) == [rule]


def test_a_loss_that_is_nearly_zero_is_neither_stuck_nor_diverging():
    assert rules(loss=np.linspace(0.004, 0.008, 40), eval_loss=[0.004, 0.004, 0.006]) == []


@pytest.mark.parametrize("rule, curves", [
    ("chosen and rejected both falling", {"logps_chosen": np.linspace(-20, -26, 40)}),
    ("chosen and rejected both falling", {"eval_logps_chosen": [-20, -22, -24], "eval_logps_rejected": [-20, -24, -30]}),
    ("margin without accuracy", {"reward_accuracy": np.full(40, 0.52)}),
])
def test_each_illness_of_preferences_is_named(rule, curves):
    assert rules("dpo", **(HEALTHY_DPO | curves)) == [rule]


def test_a_short_certain_answer_may_wobble():
    assert rules("dpo", **(HEALTHY_DPO | {"logps_chosen": np.linspace(-0.5, -0.7, 40)})) == []


def test_answers_that_never_end_are_counted(evaluation):
    found = answers_health(evaluation([1.0] * 20, ended=[False] * 5 + [True] * 15))
    assert [finding.rule for finding in found] == ["answers that never end"] and "5 of 20" in found[0].what
    assert found[0].stage == "capitals"
    assert answers_health(evaluation([1.0] * 20, ended=[True] * 19 + [False])) == ()
    assert answers_health(evaluation([1.0] * 20)) == ()


def test_an_adapter_that_changes_nothing_is_found(evaluation):
    base = evaluation([1.0] * 12, key="base", answers=["Paris"] * 12)
    assert [f.rule for f in answers_health(evaluation([1.0] * 12, key="sft", answers=["Paris"] * 12), base)] == ["adapter changes nothing"]
    assert answers_health(evaluation([1.0] * 12, key="sft", answers=["Paris"] * 11 + ["Rome"]), base) == ()
    assert answers_health(evaluation([1.0] * 12, key="sft", fingerprint="beef", answers=["Paris"] * 12), base) == ()


def test_prompts_that_lost_their_passages_are_said():
    def asked(cut):
        scores = tuple(Score(item=str(n), values={"exact_match": 0.0}, prompt="p", reason="1 of 3 passages fitted" if n < cut else "", ended=True)
                       for n in range(20))
        return Evaluation(system_key="k", suite="s", suite_fingerprint="f", role="task", scorers=(Scorer(kind="exact_match"),),
                          decoding="greedy", scores=scores)
    assert [finding.rule for finding in answers_health(asked(11))] == ["prompts cut"]
    assert answers_health(asked(0)) == () == answers_health(asked(1))


def test_a_damaged_model_is_said_and_a_base_that_knew_nothing_is_not():
    def drop(suite, retention):
        return Drop(suite=suite, metric="exact_match", base=1.0, value=retention or 0.0, drop=0.5, low=0.4, high=0.6, n=100, retention=retention)
    assert damaged([drop("a", 0.1), drop("b", 0.3)]).rule == "damaged"
    assert damaged([drop("a", 0.9), drop("b", 0.6)]) is None and damaged([drop("a", None)]) is None


def test_a_question_put_otherwise_in_training_than_when_asked_is_found():
    trained = "Question: Where does Ann live?\nAnswer:"
    assert unlike_prompts(trained, trained) is None and unlike_prompts("", trained) is None
    found = unlike_prompts(trained, f"Question: Who?\nAnswer: Bob.\n\n{trained}")
    assert found.rule == "templates differ" and "only when asked" in found.what and "only in training" not in found.what
    assert "spaces and line breaks differ" in unlike_prompts("a b", "a  b").what


def test_no_stage_is_told_to_train_longer_and_less_at_once():
    def finding(rule, stage):
        return Finding(rule=rule, what="", do="", stage=stage)

    longer, other = finding("still falling", "dpo"), finding("still falling", "sft")
    turned, lost = finding("over-fitting", "dpo"), finding("damaged", "retention")
    assert without_contradiction([longer, other, turned]) == (other, turned), "each stage for itself"
    assert without_contradiction([other, lost]) == (lost,), "what was forgotten counts for every stage"
    assert without_contradiction([longer, other]) == (longer, other)


def test_a_system_without_training_is_not_told_to_train_its_end_mark(evaluation):
    endless = evaluation([0.0] * 20, ended=[False] * 20)
    [trained], [untrained] = answers_health(endless), answers_health(endless, trained=False)
    assert "end mark is trained" in trained.do and "end mark" not in untrained.do and "shots or SFT" in untrained.do
