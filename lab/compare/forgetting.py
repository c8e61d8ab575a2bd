"""What a System forgot: base minus System on the same retention items, paired. Positive always means forgotten.

Knows pairs of Evaluations; refuses what was not measured alike as any difference does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from lab.compare.scores import Pairs, higher_is_better, interval, joined, pair_interval, paired
from lab.compare.stats import Interval
from lab.core import DataError, Measured, Value

MARGIN = 0.05  # 5 points: the least that 200 items per suite can rule out as a rule
Kept = Literal["forgot", "gained", "kept", "cannot tell", "not measured"]


class Drop(Value):
    """Means of base and System on the shared items, and what was lost between them (for losses: what was added).

    `retention` is the share of the base's knowledge above chance that is left; None where the base's own interval does not
    stand above chance, or the metric is a loss.
    """

    suite: str
    metric: str
    base: float | None = None
    value: float | None = None
    drop: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    dropped: int = 0
    retention: float | None = None
    chance: float = 0.0


def drop(base: Measured, system: Measured, metric: str | None = None, seed: int = 0) -> Drop:
    """Base minus System on the items measured under both. Raises DataError where they were not measured alike."""
    return pooled_drop([(base, system)], metric, seed)


def pooled_drop(pairs: list[tuple[Measured, Measured]], metric: str | None = None, seed: int = 0) -> Drop:
    """The same suite over several (base, System) pairs, one per task or seed. An item asked of each is one cluster, so that
    asking it again adds no certainty about other items; n counts different items."""
    if not pairs:
        raise DataError("There is nothing to pool", do="Score at least one System on this suite")
    first = pairs[0][0]
    if len({base.suite_fingerprint for base, _ in pairs}) > 1:
        raise DataError("These drops belong to different suites: " + ", ".join(sorted({base.suite for base, _ in pairs})),
                        do="Pool only Evaluations of one suite")
    metric = metric or first.primary
    parts, left_out = zip(*(paired(base, system, metric) for base, system in pairs))
    shared, dropped = joined(parts), sum(left_out)
    empty = Drop(suite=first.suite, metric=metric, dropped=dropped, chance=first.chance)
    return empty.model_copy(update=_measured(shared, metric, first.chance, seed)) if shared.items else empty


def _measured(shared: Pairs, metric: str, chance: float, seed: int) -> dict[str, float | int | None]:
    gain, knows_more = pair_interval(shared, seed), higher_is_better(metric)
    base, value = (float(side.mean()) for side in (shared.before, shared.after))
    lost, low, high = (-gain.value, _minus(gain.high), _minus(gain.low)) if knows_more else (gain.value, gain.low, gain.high)
    knew = interval(shared.before, shared.clusters, seed)
    above_chance = knows_more and knew.low is not None and knew.low > chance
    return {"base": base, "value": value, "drop": lost + 0.0, "low": low, "high": high, "n": gain.n,
            "retention": (value - chance) / (base - chance) if above_chance else None}


def _minus(number: float | None) -> float | None:
    return None if number is None else 0.0 - number


def mean_retention(drops: Iterable[Drop]) -> Interval:
    """Mean chance-corrected retention over the suites that have one; n counts those suites. The interval joins the suites'
    own ones as independent, with what the base knew taken as given."""
    kept = [found for found in drops if found.retention is not None]
    if not kept:
        return Interval()
    mean = sum(found.retention for found in kept) / len(kept)
    if any(found.low is None or found.high is None for found in kept):
        return Interval(value=mean, n=len(kept))
    knew = [found.base - found.chance for found in kept]
    below = math.hypot(*((found.high - found.drop) / scale for found, scale in zip(kept, knew))) / len(kept)
    above = math.hypot(*((found.drop - found.low) / scale for found, scale in zip(kept, knew))) / len(kept)
    return Interval(value=mean, low=mean - below, high=mean + above, n=len(kept))


def forgetting_verdict(found: Drop, margin: float = MARGIN) -> Kept:
    """'kept' is an equivalence, tested and not assumed: the whole 95 % interval lies within the margin (in the metric's unit). That is
    two one-sided tests (TOST, Schuirmann 1987) at 2.5 % each. A drop that cannot be told from zero is not called kept."""
    if found.drop is None:
        return "not measured"
    if found.low is None or found.high is None:
        return "cannot tell"
    if -margin < found.low and found.high < margin:
        return "kept"
    return "forgot" if found.low > 0 else "gained" if found.high < 0 else "cannot tell"


def forgetting_sentence(found: Drop, margin: float = MARGIN) -> str:
    """The verdict in words, with the drop, its interval and n. Shares are said in points, losses in nats per token."""
    verdict = forgetting_verdict(found, margin)
    if verdict == "not measured":
        return "Not measured."
    scale, digits, unit = (100, 1, "points") if higher_is_better(found.metric) else (1, 3, "nats per token")
    say = [f"{number * scale + 0.0:.{digits}f}" for number in (found.drop, *(end for end in (found.low, found.high) if end is not None))]
    size = f"drop {say[0]} {unit}" + (f", 95 % interval {say[1]} to {say[2]}" if len(say) == 3 else ", no interval") + f", n = {found.n}"
    beyond = f"{margin * scale:g} {unit}"
    words = {"kept": f"No forgetting beyond {beyond}", "forgot": f"Forgotten; up to {say[-1]} {unit} is possible", "gained": "Better than its base",
             "cannot tell": f"Cannot tell: neither zero nor a change beyond {beyond} can be ruled out"}
    if verdict == "cannot tell" and found.low is None:
        words["cannot tell"] = "Cannot tell: too few items"
    return f"{words[verdict]} ({size})."


def verdicts(frame_rows: Iterable[dict], margin: float = MARGIN) -> list[Kept]:
    """The verdict of each row of a forgetting frame (NaN is not measured)."""
    return [forgetting_verdict(_row_drop(row), margin) for row in frame_rows]


def sentences(frame_rows: Iterable[dict], margin: float = MARGIN) -> list[str]:
    """The sentence of each row of a forgetting frame."""
    return [forgetting_sentence(_row_drop(row), margin) for row in frame_rows]


def _row_drop(row: dict) -> Drop:
    known = {name: row[name] for name in Drop.model_fields if name in row and row[name] == row[name]}
    return Drop(**known)
