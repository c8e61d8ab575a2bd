"""What a run's curves and answers say about its health, in plain words.

A rule is one function of a stage's curves (or of an Evaluation) that returns a Finding or None; CURVE_RULES and `answers_health`
list them. To add a rule: write the function, name its threshold with the reason, put it into the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from lab.compare.answers import known_of, word_differences
from lab.compare.curves import curve
from lab.compare.forgetting import Drop, mean_retention
from lab.core import Evaluation, Measured, Value

STILL_FELL = 0.05  # validation down by another 5 % in its last third, where the learning rate is already small: not done learning
NOT_WHOLE = " fitted"  # stands in the note of a prompt that went out without some of its shots or passages
LEFT_OUT = 0.1  # a tenth of the prompts without their shots or passages: the scores are of another System than the one named
DAMAGED = 0.5  # half of what the base knew above chance is gone on average: no task score is worth that unseen
FEW_POINTS = 8  # logged training points: below, one odd batch decides every rule
FEW_EVALUATIONS = 3  # validation points, step 0 included: two cannot show a turn
FEW_ITEMS = 10  # answers: a handful can agree or run on by accident
STILL = 0.01  # a loss that moved by less than 1 % of where it began: repeated evaluation of an unchanged model stays below that
ROSE = 1.10  # a training loss that ended 10 % above its start: batches of 16 differ by less once a few of them are averaged
GAVE_BACK = 0.5  # or one that lost half of what it had won, when it had won something
TURNED = 1.05  # validation 5 % above its best: with 50 examples it wobbles by 1 to 2 %
SMALL = 0.02  # nats: a loss this close to another one is the same for every purpose, whatever their ratio
FELL = 0.05  # log-probability of whole answers down by 5 %: drift of a healthy DPO run stays below while its margin grows
FELL_LEAST = 1.0  # nats, a likelihood cut to about a third: 5 % of a short, certain answer's log-probability is mere noise
MARGIN_GREW = 0.1  # in units of reward (beta x log ratio), the size that a beta of 0.1 gives to a likelihood ratio of e
COIN = 0.6  # pairs ordered rightly; 0.5 is a coin, 0.6 is inside its interval for 50 to 90 pairs
ENDLESS = 0.10  # answers that hit the length limit; one in twenty happens with healthy models on long answers
SHOWN = 80  # letters of a difference between two prompts; the page shows both in full
HARM = ("non-finite", "diverging", "over-fitting", "chosen and rejected both falling", "damaged")  # each advises to train less
LONGER = ("still falling", "loss not moving")  # each advises to train more
Curves = Callable[[str], tuple[np.ndarray, np.ndarray]]


class Finding(Value):
    """A rule that fired, in words, and what to do. `stage` is the training stage or the suite it was seen in."""

    rule: str
    what: str
    do: str
    stage: str = ""


def curves_health(frame: pd.DataFrame) -> tuple[Finding, ...]:
    """Every rule on every stage of a curve frame, in the order of the stages."""
    found = []
    for stage in frame["stage"].unique():
        curves = _curves(frame, stage)
        found += [finding.model_copy(update={"stage": stage}) for rule in CURVE_RULES if (finding := rule(curves))]
    return without_contradiction(found)


def without_contradiction(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Harm that was seen outweighs a gain that may still come: no advice to train a stage longer beside one to train it less. Retention is
    harmed by all stages together."""
    findings = tuple(findings)
    harmed = {finding.stage for finding in findings if finding.rule in HARM}
    return tuple(one for one in findings if not (one.rule in LONGER and harmed & {one.stage, "retention"}))


def still_falling(curves: Curves) -> Finding | None:
    values = _finite(curves, "eval_loss")
    if len(values) < 2 * FEW_EVALUATIONS:
        return None
    before, end = float(values[-1 - len(values) // 3]), float(values[-1])
    if before - end < max(STILL_FELL * before, SMALL):
        return None
    return Finding(rule="still falling", what=f"The validation loss was still falling when training ended ({before:.3f} to {end:.3f} in "
                                              "the last third)",
                   do="Train for more epochs: the score may be that of a System that has not finished learning")


def prompts_cut(evaluation: Evaluation) -> Finding | None:
    """Shots or passages that did not fit the base's context (the note that the prompt's maker left with the score)."""
    asked = [score for score in evaluation.scores if score.prompt]
    cut = [score for score in asked if NOT_WHOLE in score.reason]
    if len(cut) < max(1, LEFT_OUT * len(asked)):
        return None
    return Finding(rule="prompts cut", what=f"{len(cut)} of {len(asked)} prompts went out without some of their shots or passages, which did "
                                            "not fit the base's context",
                   do="Use fewer shots or passages, shorter passages, or a base with a longer context")


def damaged(drops: Iterable[Drop]) -> Finding | None:
    """What one System forgot on average over the suites on which its base stands above chance."""
    kept = mean_retention(drops)
    if kept.value is None or kept.value >= DAMAGED:
        return None
    return Finding(rule="damaged", what=f"Only {max(0.0, kept.value):.0%} of what the base could do is left, on average over {kept.n} suites",
                   do="Lower the learning rate or train for fewer epochs; a smaller rank or mixed-in general text help too. Where no weight was "
                      "trained, fewer shots or passages distract less", stage="retention")


def answers_health(evaluation: Evaluation, base: Evaluation | None = None, trained: bool = True) -> tuple[Finding, ...]:
    """Rules on answers. Give `base` for a trained System only: an untrained one may well answer as its base does. `trained`: whether the System
    has weights of its own, which decides what helps."""
    found = [never_ending(evaluation, trained), prompts_cut(evaluation), changes_nothing(base, evaluation) if base else None]
    return tuple(finding.model_copy(update={"stage": evaluation.suite}) for finding in found if finding)


def _curves(frame: pd.DataFrame, stage: str) -> Curves:
    def read(metric: str) -> tuple[np.ndarray, np.ndarray]:
        return curve(frame, stage, metric)
    return read


def _finite(curves: Curves, metric: str) -> np.ndarray:
    values = curves(metric)[1]
    return values[np.isfinite(values)]


def _ends(curves: Curves, metric: str) -> tuple[float, float] | None:
    """Where a curve began and where it ended: the validation's first and last value, else medians of the first and last
    quarter of the training values (single batches are too noisy)."""
    checked = _finite(curves, f"eval_{metric}")
    if len(checked) >= FEW_EVALUATIONS:
        return float(checked[0]), float(checked[-1])
    values = _finite(curves, metric)
    if len(values) < FEW_POINTS:
        return None
    quarter = len(values) // 4
    return float(np.median(values[:quarter])), float(np.median(values[-quarter:]))


def non_finite(curves: Curves) -> Finding | None:
    for metric in ("loss", "grad_norm", "eval_loss"):
        steps, values = curves(metric)
        bad = steps[~np.isfinite(values)]
        if len(bad):
            return Finding(rule="non-finite",
                           what=f"{metric} is not a finite number at step {bad[0]:.0f}: the weights are lost from there",
                           do="Lower the learning rate, or train in 32-bit floats; use the checkpoint before that step")
    return None


def not_moving(curves: Curves) -> Finding | None:
    ends = _ends(curves, "loss")
    if ends is None or ends[0] < SMALL or abs(ends[1] - ends[0]) >= STILL * abs(ends[0]):
        return None
    checked = _finite(curves, "eval_loss")
    if len(checked) >= FEW_EVALUATIONS and checked.min() < (1 - STILL) * checked[0]:
        return None  # it went down and came back: over-fitting, not standing still
    return Finding(rule="loss not moving", what=f"The loss began at {ends[0]:.3f} and ended at {ends[1]:.3f}: nothing was learned",
                   do="Raise the learning rate (three to ten times) or train longer; check that the answers are what is trained on")


def diverging(curves: Curves) -> Finding | None:
    values = _finite(curves, "loss")
    if len(values) < FEW_POINTS:
        return None
    window = max(3, len(values) // 8)
    level = np.median(np.lib.stride_tricks.sliding_window_view(values, window), axis=1)
    start, end, best = (float(number) for number in (level[0], level[-1], level.min()))
    gave_back = best < start / ROSE and end - best > GAVE_BACK * (start - best)
    if end - best < SMALL or end <= ROSE * start and not gave_back:
        return None
    return Finding(rule="diverging", what=f"The training loss rose to {end:.3f} (start {start:.3f}, best {best:.3f})",
                   do="Lower the learning rate, or warm up over more steps; keep a checkpoint from before the rise")


def over_fitting(curves: Curves) -> Finding | None:
    steps, values = curves("eval_loss")
    steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
    if len(values) < FEW_EVALUATIONS or diverging(curves):
        return None
    best = int(values.argmin())
    if values[-1] <= max(TURNED * values[best], values[best] + SMALL):
        return None
    when = f"at step {steps[best]:.0f}" if best else "before any training"
    return Finding(rule="over-fitting",
                   what=f"The validation loss was best {when} ({values[best]:.3f}) and rose to {values[-1]:.3f} by step "
                        f"{steps[-1]:.0f}",
                   do="Train for fewer epochs, lower the learning rate, or add examples")


def both_falling(curves: Curves) -> Finding | None:
    chosen, rejected = _ends(curves, "logps_chosen"), _ends(curves, "logps_rejected")
    if not chosen or not rejected or any(end > start - max(FELL_LEAST, FELL * abs(start)) for start, end in (chosen, rejected)):
        return None
    return Finding(rule="chosen and rejected both falling",
                   what=f"Chosen answers became less likely too (log-probability {chosen[0]:.1f} to {chosen[1]:.1f}; rejected "
                        f"{rejected[0]:.1f} to {rejected[1]:.1f}): the model moves to answers that nobody chose",
                   do="Lower the learning rate, raise beta or train for fewer steps; SFT on the chosen answers first helps")


def margin_without_accuracy(curves: Curves) -> Finding | None:
    margin, accuracy = _ends(curves, "reward_margin"), _ends(curves, "reward_accuracy")
    if not margin or not accuracy or margin[1] - margin[0] < MARGIN_GREW or accuracy[1] >= COIN:
        return None
    return Finding(rule="margin without accuracy",
                   what=f"The margin grew to {margin[1]:.2f}, but only {accuracy[1]:.0%} of the pairs are ordered rightly: a few "
                        "pairs carry it",
                   do="Look for mislabelled or very long pairs; more, and more varied, pairs help more than more steps")


CURVE_RULES: tuple[Callable[[Curves], Finding | None], ...] = (non_finite, not_moving, diverging, over_fitting, both_falling,
                                                               margin_without_accuracy, still_falling)


def never_ending(evaluation: Measured, trained: bool = True) -> Finding | None:
    ended = known_of(evaluation, "ended")
    open_ended = int((ended == 0).sum())
    if len(ended) < FEW_ITEMS or open_ended <= ENDLESS * len(ended):
        return None
    return Finding(rule="answers that never end", what=f"{open_ended} of {len(ended)} answers ran into the length limit",
                   do="Check that the template's end mark is trained on, or allow longer answers" if trained else
                   "Show it where an answer ends, with shots or SFT, or allow longer answers: a base that was not trained on this task often goes on")


def unlike_prompts(trained: str, asked: str, exported: str = "") -> Finding | None:
    """The same question as training wrote it, as it was sent, and as another program writes it with the exported chat template (empty: not
    known): all have to be one text, to the letter."""
    if not trained or not asked:
        return None
    what, do = [], []
    if trained != asked:
        what.append(f"The same question was put differently in training and when asked: {_apart(trained, asked, 'in training', 'when asked')}")
        do.append("Train with what stands in the prompt (train with passages, the same instruction and template), or leave shots out of a trained "
                  "System: it answers best to what it was trained on")
    if exported and exported != trained:
        what.append("With the exported chat template, another program puts it differently than training did: "
                    f"{_apart(trained, exported, 'in training', 'in the export')}")
        do.append("Take what changes by itself (such as the date) out of the chat template and run again, or send the text of the export's "
                  "messages.json as it is")
    return Finding(rule="templates differ", what=". ".join(what), do=". ".join(do), stage="template") if what else None


def _apart(one: str, other: str, here: str, there: str) -> str:
    """The words that stand in one of two texts only."""
    pieces = word_differences(one, other)
    only = {tag: " ".join(text for text, kind in pieces if kind == tag) for tag in ("removed", "added")}
    said = [f"{len(only[tag].split())} words only {where} ('{_short(only[tag])}')" for tag, where in (("removed", here), ("added", there)) if only[tag].strip()]
    return "; ".join(said) or "spaces and line breaks differ"


def _short(words: str) -> str:
    flat = " ".join(words.split())
    return flat if len(flat) <= SHOWN else flat[:SHOWN - 1].rstrip() + "…"


def changes_nothing(base: Evaluation, evaluation: Evaluation) -> Finding | None:
    if base.suite_fingerprint != evaluation.suite_fingerprint or base.system_key == evaluation.system_key:
        return None
    before = {score.item: (score.answer, score.values) for score in base.scores}
    shared = [score for score in evaluation.scores if score.item in before]
    if len(shared) < FEW_ITEMS or any(before[score.item] != (score.answer, score.values) for score in shared):
        return None
    return Finding(rule="adapter changes nothing", what=f"All {len(shared)} answers are the same as the base's",
                   do="Train longer or with a higher learning rate; see in the run's log whether the adapter was loaded")
