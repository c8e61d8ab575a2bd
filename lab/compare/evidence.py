"""The base's evidence: every claim of lab/compare/claims.py decided by one rule from the Outcomes of its grid.

Knows Outcomes, claims and statistics; reads nothing and runs nothing. The rule was written before any run and is said in words in RULE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from lab.compare import stats
from lab.compare.blocks import Block, Quantity, Statistic, block_from, drawn, ends
from lab.compare.blocks import interval as two_level
from lab.compare.claims import CLAIMS, Claim
from lab.compare.points import Point, family_of, points, rate_of
from lab.compare.scores import ALPHA
from lab.core import DataError, Measured, Outcome, Value

TIE = 0.02  # rates whose task score lies within two points of the family's best count as equally good
FEWEST_RUNS = 20
CLOSE = 1e-9  # what adding up floats may cost at a boundary
Decision = Literal["confirmed", "refuted", "too few items", "not at equal score", "not measured"]
DECISIONS: tuple[Decision, ...] = ("confirmed", "refuted", "too few items", "not at equal score", "not measured")
RULE = (
    "Each sentence became one quantity and one threshold before anything was run. It is confirmed when the whole 95 % interval of the quantity "
    "lies on the side of the threshold that the sentence claims, refuted when the whole interval lies on the other side, and otherwise there are too "
    "few items (or seeds) to say. Where it speaks of an equal task score, the interval of the difference in task score must lie within the margin "
    "that stands with it (5 or 10 points); otherwise nothing is decided. A sentence with a run that is missing or failed is not measured, and the "
    "reason stands beside it. "
    "Intervals come from a two-level bootstrap: entities (people, countries, words) are drawn anew, the same ones for every System that is compared, "
    "and the seeds count with the uncertainty that three of them leave. No interval is narrower than that of Bonett and Price, so that no change in n "
    "items is never read as certainty."
)


class Part(Value):
    """A score behind a verdict: one System on one suite, all seeds together."""

    system: str
    suite: str
    metric: str
    value: float
    low: float
    high: float


class Verdict(Value):
    """What became of a claim. `n` counts different items (for rank correlations: runs)."""

    claim: Claim
    decision: Decision
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    seeds: int = 0
    reason: str = ""
    parts: tuple[Part, ...] = ()


class Evidence(Value):
    """Every verdict, the runs behind the charts, and where and when they were measured. `experiments`: task -> Experiment."""

    verdicts: tuple[Verdict, ...]
    points: tuple[Point, ...] = ()
    experiments: dict[str, str] = {}
    recorded: dict[str, Any] = {}


class Found(NamedTuple):
    """What was measured for a claim. `holds` False: an interval is not enough to decide, `note` says why."""

    quantity: Quantity
    parts: tuple[Part, ...] = ()
    equal: bool = True
    holds: bool = True
    note: str = ""


def evidence_of(outcomes: Sequence[Outcome], claims: Sequence[Claim] = CLAIMS, **about: Any) -> Evidence:
    """Decide every claim. `outcomes`: all runs of the grid's experiments (one task each); `about`: Evidence's other fields."""
    runs = points(outcomes)
    return Evidence(verdicts=tuple(decide(claim, outcomes, runs) for claim in claims), points=runs, **about)


def decide(claim: Claim, outcomes: Sequence[Outcome], runs: Sequence[Point] | None = None) -> Verdict:
    """One claim's verdict; what could not be measured alike or at all says why."""
    try:
        found = _rank(claim, points(outcomes) if runs is None else runs) if claim.measure == "rank" else MEASURES[claim.measure](claim, outcomes)
    except DataError as error:
        return Verdict(claim=claim, decision="not measured", reason=error.failure.what)
    return Verdict(claim=claim, decision=rule(claim, found), **found.quantity._asdict(), parts=found.parts,
                   reason=" ".join(filter(None, [found.note, _one_seed(found)])))


def rule(claim: Claim, found: Found) -> Decision:
    """The rule, as RULE says it."""
    if not found.equal:
        return "not at equal score"
    low, high, at = found.quantity.low, found.quantity.high, claim.threshold
    if claim.direction == "<=":
        holds, fails = high <= at + CLOSE, low > at + CLOSE
    elif claim.direction == ">=":
        holds, fails = low >= at - CLOSE, high < at - CLOSE
    else:
        holds, fails = low > at + CLOSE, high <= at + CLOSE
    return "refuted" if fails else "confirmed" if holds and found.holds else "too few items"


def _one_seed(found: Found) -> str:
    return "One seed only: this says something about these runs, not about the method." if found.quantity.seeds == 1 else ""


def find(outcomes: Sequence[Outcome], task: str, system: str, seed: int) -> Outcome:
    """A finished run. Raises DataError with what is missing or how it ended."""
    run = next((o for o in reversed(outcomes) if (o.task, o.system, o.seed) == (task, system, seed)), None)
    if run is None:
        raise DataError(f"{system} was not run on {task} with seed {seed}.")
    if run.status != "finished":
        raise DataError(f"{system} on {task}, seed {seed}: {run.status}. {run.reason}".strip())
    return run


def seeds_of(outcomes: Sequence[Outcome], task: str) -> tuple[int, ...]:
    found = tuple(sorted({o.seed for o in outcomes if o.task == task}))
    if not found:
        raise DataError(f"Nothing was run on {task}.")
    return found


def block_of(outcomes: Sequence[Outcome], task: str, arms: Sequence[str], suite: str, metric: str = "") -> Block:
    """The items of one suite that were measured under every arm with every seed. Raises DataError where a run is missing, an arm was
    measured otherwise, or no item is left."""
    table = [[_evaluation(find(outcomes, task, arm, seed), suite) for seed in seeds_of(outcomes, task)] for arm in arms]
    try:
        return block_from(table, metric)
    except DataError as error:
        raise DataError(error.failure.what.replace("under all of them", f"under {', '.join(arms)}."), error.failure.where, error.failure.do) from error


def _evaluation(run: Outcome, suite: str) -> Measured:
    if suite not in run.evaluations:
        raise DataError(f"{run.system} on {run.task}, seed {run.seed}, was not asked {suite}.")
    return run.evaluations[suite]


def interval(blocks: Sequence[Block], statistic: Statistic, weights: Sequence[float], least: float = -1.0, most: float = 1.0) -> Found:
    """A quantity of the arms' means with its two-level interval, as a Found."""
    return Found(two_level(blocks, statistic, weights, least, most))


def parts_of(blocks: Sequence[Block], arms: Sequence[str]) -> tuple[Part, ...]:
    """Each arm's own score on each suite."""
    found = []
    for block in blocks:
        draws, means = drawn(block), block.values.mean((1, 2))
        for place, arm in enumerate(arms):
            one = block._replace(values=block.values[place:place + 1])
            low, high = ends(draws[:, place], [one], np.ones(1), 0.0, 1.0)
            found.append(Part(system=arm, suite=block.suite, metric=block.metric, value=float(means[place]), low=low, high=high))
    return tuple(found)


def _blocks(claim: Claim, outcomes: Sequence[Outcome], arms: Sequence[str] = ()) -> list[Block]:
    return [block_of(outcomes, claim.task, arms or claim.systems, suite, claim.metric) for suite in claim.suites or (claim.task,)]


def weighed(claim: Claim, outcomes: Sequence[Outcome]) -> Found:
    """A weighted sum of the arms' scores; with a margin, the first two arms' task scores must be equal."""
    weights, blocks = np.array([weight for _, weight in claim.arms]), _blocks(claim, outcomes)
    found = interval(blocks, lambda means: means @ weights, weights, weights[weights < 0].sum(), weights[weights > 0].sum())
    found = found._replace(parts=parts_of(blocks, claim.systems))
    if not claim.margin:
        return found
    task = block_of(outcomes, claim.task, claim.systems[:2], claim.task)
    return _only_if_equal(found, task, np.array([1.0, -1.0]), claim)


def _only_if_equal(found: Found, task: Block, weights: np.ndarray, claim: Claim) -> Found:
    """With whether the task scores are equal (their difference's interval within the margin), and what they differ by."""
    gap = interval([task], lambda means: means @ weights, weights).quantity
    equal = -claim.margin <= gap.low and gap.high <= claim.margin
    note = f"Difference in task score {gap.value * 100:+.0f} points ({gap.low * 100:+.0f} to {gap.high * 100:+.0f})."
    return found._replace(equal=equal, note=f"{found.note} {note}".strip())


def kept(claim: Claim, outcomes: Sequence[Outcome]) -> Found:
    """Of the items that the first arm had right, the share that the second has right."""
    whole = _blocks(claim, outcomes)[0]
    before, after = whole.values
    right = before.min(0) == 1
    if right.sum() < 2:
        raise DataError(f"{claim.systems[0]} had nothing right that could be kept.")
    clusters = tuple(cluster for cluster, known in zip(whole.clusters, right) if known)
    block = whole._replace(values=after[None, :, right], clusters=clusters)
    found = interval([block], lambda means: means[..., 0], (1.0,), least=0.0)
    return found._replace(parts=parts_of([whole], claim.systems))


def best(claim: Claim, outcomes: Sequence[Outcome]) -> Found:
    """The first arm minus the highest of the others (chosen anew in every resample)."""
    blocks = _blocks(claim, outcomes)
    means = blocks[0].values.mean((1, 2))
    weights = np.zeros(len(means))
    weights[0], weights[1 + int(means[1:].argmax())] = 1.0, -1.0
    found = interval(blocks, lambda means: means[..., 0] - means[..., 1:].max(-1), weights)
    return found._replace(parts=parts_of(blocks, claim.systems))


def least(claim: Claim, outcomes: Sequence[Outcome]) -> Found:
    """As `best`, and every pair must also differ by McNemar's exact test with every seed, Holm-adjusted within the seed."""
    found, block = best(claim, outcomes), _blocks(claim, outcomes)[0]
    weak = []
    for place, seed in enumerate(seeds_of(outcomes, claim.task)):
        changes = block.values[0, place] - block.values[1:, place]
        ps = stats.holm([stats.mcnemar((line > 0).sum(), (line < 0).sum()) for line in changes])
        weak += [f"{name}, seed {seed}: p = {p:.3f}" for name, p in zip(claim.systems[1:], ps) if p >= ALPHA]
    note = f"McNemar's p is not below .05 for {'; '.join(weak)}." if weak else "McNemar's p is below .05 in every pair with every seed."
    return found._replace(holds=not weak, note=note)


def sweep(outcomes: Sequence[Outcome], task: str, family: str) -> list[str]:
    """The family's Systems on a task, by rising learning rate. Raises DataError where there is none."""
    found = {o.system: rate_of(o.run.system) for o in outcomes if o.task == task and family_of(o.run.system) == family}
    if not found:
        raise DataError(f"No System of the family {family} was run on {task}.")
    return sorted(found, key=lambda name: (found[name], name))


def own_best(claim: Claim, outcomes: Sequence[Outcome]) -> Found:
    """Full tuning's drop minus LoRA's, each at the gentlest rate that is about as good as its best."""
    return _families(claim, outcomes, lambda lora, full: (_gentlest(lora), _gentlest(full)))


def matched(claim: Claim, outcomes: Sequence[Outcome]) -> Found:
    """Full tuning's drop minus LoRA's where both reach the lower of their best task scores."""
    return _families(claim, outcomes, lambda lora, full: (_reach(lora, min(lora.max(), full.max())), _reach(full, min(lora.max(), full.max()))))


def _families(claim: Claim, outcomes: Sequence[Outcome], choose: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Found:
    lora, full = (sweep(outcomes, claim.task, family) for family in ("LoRA", "full"))
    arms = [*lora, *full]
    task = block_of(outcomes, claim.task, arms, claim.task)
    scores = task.half(0).values.mean((1, 2))  # no rate is chosen by the items that are reported
    for_lora, for_full = choose(scores[:len(lora)], scores[len(lora):])
    weights = np.concatenate([for_lora, -for_full])
    blocks = _blocks(claim, outcomes, arms)
    found = interval(blocks, lambda means: means @ weights, weights)
    shown = [arm for arm, weight in zip(arms, weights) if weight]
    used = np.array([bool(weight) for weight in weights])
    note = "Chosen: " + ", ".join(f"{arm} ({abs(weight):.0%})" if abs(weight) < 1 else arm for arm, weight in zip(arms, weights) if weight) + "."
    found = found._replace(parts=parts_of([block._replace(values=block.values[used]) for block in [task.half(1), *blocks]], shown), note=note)
    checked = _only_if_equal(found, task.half(1), weights, claim)
    return checked if claim.margin else checked._replace(equal=True)


def _gentlest(scores: np.ndarray) -> np.ndarray:
    """All weight on the lowest rate whose score lies within TIE of the highest."""
    chosen = np.zeros(len(scores))
    chosen[int(np.argmax(scores >= scores.max() - TIE))] = 1.0
    return chosen


def _reach(scores: np.ndarray, wanted: float) -> np.ndarray:
    """Weights of two neighbouring rates between which the score first reaches `wanted`; the lowest rate where it is there already."""
    chosen, place = np.zeros(len(scores)), int(np.argmax(scores >= wanted - CLOSE))
    before = scores[place - 1] if place else wanted
    share = 1.0 if place == 0 or scores[place] <= before else (wanted - before) / (scores[place] - before)
    chosen[place] = share
    if place:
        chosen[place - 1] += 1 - share
    return chosen


def _rank(claim: Claim, runs: Sequence[Point]) -> Found:
    """Rank correlation of a predictor with the mean drop over all trained runs; Systems, with all their seeds, are resampled."""
    trained = [run for run in runs if run.trained]
    known = [run for run in trained if run.drop is not None and getattr(run, claim.predictor) is not None]
    if len(known) < FEWEST_RUNS:
        raise DataError(f"{len(known)} trained runs have both numbers; {FEWEST_RUNS} are needed.")
    clusters: dict[tuple[str, str], list[int]] = {}
    for place, run in enumerate(known):
        clusters.setdefault((run.task, run.system), []).append(place)
    x, y = np.array([getattr(run, claim.predictor) for run in known]), np.array([run.drop for run in known])
    value, groups, rng = stats.spearman(x, y), [np.array(places) for places in clusters.values()], np.random.default_rng(0)
    if value is None:
        raise DataError("The runs do not differ.")
    chosen = (np.concatenate([groups[place] for place in rng.integers(0, len(groups), len(groups))]) for _ in range(stats.DRAWS))
    draws = [found for places in chosen if (found := stats.spearman(x[places], y[places])) is not None]
    low, high = np.quantile(draws, [ALPHA / 2, 1 - ALPHA / 2])
    left = len(trained) - len(known)
    note = f"{len(known)} runs of {len(groups)} Systems" + (f"; {left} without these numbers were left out." if left else ".")
    return Found(Quantity(value, float(low), float(high), len(known), len({run.seed for run in known})), note=note)


MEASURES: dict[str, Callable[[Claim, Sequence[Outcome]], Found]] = {
    "weighed": weighed, "kept": kept, "best": best, "least": least, "own_best": own_best, "matched": matched}
