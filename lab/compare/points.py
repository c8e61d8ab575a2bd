"""One point per run of the evidence: its task score, what it forgot, how far it moved from the base. For charts and rank correlations.

Knows Outcomes. A number that was not measured is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from lab.compare.claims import ABILITIES, COMMON
from lab.compare.experiment import base_of
from lab.compare.forgetting import Drop, drop
from lab.compare.overview import kl
from lab.compare.scores import score
from lab.core import Outcome, System, Value

FAMILIES = ("base", "prompt", "LoRA", "full", "replay", "EWC", "DPO", "compound")
UNTRAINED = ("base", "prompt", "compound")
TEXT = "text_loss"


class Point(Value):
    """One run. `trained`: its weights, and nothing else, differ from the base. Scores and drops are shares; `kept` is the mean score over
    the abilities that were asked, `lost` the mean drop there with its interval over items, `drop` that over the abilities which every
    group asks. KL is in nats per token, `text_rise` too."""

    task: str
    system: str
    family: str
    seed: int
    trained: bool
    rate: float | None = None
    examples: int = 0
    n: int = 0
    score: float | None = None
    score_low: float | None = None
    score_high: float | None = None
    kept: float | None = None
    lost: float | None = None
    lost_low: float | None = None
    lost_high: float | None = None
    drop: float | None = None
    kl_task: float | None = None
    kl_text: float | None = None
    text_rise: float | None = None


def family_of(system: System) -> str:
    """The method that the last training stage stands for; training under a prompt or passages of its own is a compound."""
    if not system.training:
        return "base" if system.is_bare else "prompt"
    if system.prompting or system.retrieval:
        return "compound"
    last = system.training[-1]
    if last.kind == "dpo":
        return "DPO"
    return "EWC" if last.ewc else "replay" if last.replay else "full" if last.tuning == "full" else "LoRA"


def rate_of(system: System) -> float:
    """The last stage's learning rate; 0 for a System that is not trained."""
    return system.training[-1].learning_rate if system.training else 0.0


def points(outcomes: Sequence[Outcome]) -> tuple[Point, ...]:
    """A point per finished run with a scored task, in the outcomes' order."""
    return tuple(_point(outcome, outcomes) for outcome in outcomes if outcome.status == "finished" and outcome.task in outcome.evaluations)


def _point(outcome: Outcome, outcomes: Sequence[Outcome]) -> Point:
    system, own, base = outcome.run.system, outcome.evaluations[outcome.task], base_of(outcome, outcomes)
    found, text = score(own), outcome.evaluations.get(TEXT)
    drops = {name: drop(base.evaluations[name], evaluation) for name, evaluation in outcome.evaluations.items()
             if base and name in base.evaluations and name != outcome.task}
    asked = [drops[name] for name in ABILITIES if name in drops and drops[name].drop is not None]
    common = [drops[name].drop for name in COMMON if name in drops and drops[name].drop is not None]
    return Point(
        task=outcome.task, system=outcome.system, family=family_of(system), seed=outcome.seed, trained=family_of(system) not in UNTRAINED,
        rate=rate_of(system) or None, examples=getattr(system.training[0], "examples", 0) if system.training else 0, n=found.n,
        score=found.value, score_low=found.low, score_high=found.high, kept=fmean(one.value for one in asked) if asked else None, **_lost(asked),
        drop=fmean(common) if len(common) == len(COMMON) else None, kl_task=kl(own), kl_text=kl(text) if text else None,
        text_rise=drops[TEXT].drop if TEXT in drops else None)


def _lost(asked: list[Drop]) -> dict[str, float | None]:
    """The mean drop; the suites' own intervals are joined as independent ones."""
    if not asked or any(one.low is None or one.high is None for one in asked):
        return {"lost": fmean(one.drop for one in asked) if asked else None}
    mean = fmean(one.drop for one in asked)
    below, above = (math.hypot(*(one.drop - one.low for one in asked)), math.hypot(*(one.high - one.drop for one in asked)))
    return {"lost": mean, "lost_low": mean - below / len(asked), "lost_high": mean + above / len(asked)}
