"""Scores with and without the test items that a System's own data gives away.

Knows Outcomes and which items were flagged where (the check of the rows finds them); knows no rows. A System is concerned only by the
places that it learned from or looks up: training rows by SFT and shots, preference pairs by DPO, documents by retrieval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lab.compare.replicates import Replicated, replicated
from lab.compare.scores import picked
from lab.core import Columns, DataError, Measured, Numbers, Outcome, System

COLUMNS = ("system", "places", "flagged", "value", "low", "high", "n", "without", "without_low", "without_high", "without_n")


def places_of(system: System) -> tuple[str, ...]:
    """Where a System has seen rows or texts."""
    shots = bool(system.prompting and system.prompting.shots)
    kinds = {stage.kind for stage in system.training}
    used = {"train": shots or "sft" in kinds, "pairs": "dpo" in kinds, "documents": system.retrieval is not None}
    return tuple(place for place, so in used.items() if so)


def with_and_without(outcomes: Sequence[Outcome], task: str, order: Sequence[str], flagged: Mapping[str, frozenset[str]],
                     metric: str = "") -> pd.DataFrame:
    """One row per System that saw a flagged test item: its score on all items and on the others, each with interval and n."""
    rows = []
    for name in order:
        mine = [o for o in outcomes if o.system == name and o.task == task and task in o.evaluations]
        places = [place for place in places_of(mine[0].run.system) if place in flagged] if mine else []
        gone = frozenset().union(*(flagged[place] for place in places))
        if not gone:
            continue
        found = [_score([without(o.evaluations[task], out) for o in mine], metric) for out in (frozenset(), gone)]
        row = {"system": name, "places": ", ".join(places), "flagged": len(gone)}
        for one, prefix in zip(found, ("", "without_")):
            row |= {f"{prefix}{key}" if key != "value" or not prefix else "without": getattr(one, key) for key in ("value", "low", "high", "n")}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def without(evaluation: Measured, items: frozenset[str]) -> Measured:
    """The numbers on the other items."""
    held = evaluation.columns
    keep = np.array([item not in items for item in held.items], bool)
    if keep.all():
        return evaluation
    left = Columns(picked(held.items, keep), picked(held.clusters, keep), *({name: np.asarray(column)[keep] for name, column in part.items()}
                                                                           for part in (held.values, held.measures)))
    return Numbers(**{name: getattr(evaluation, name) for name in Measured.model_fields}, table=left)


def _score(evaluations: list[Measured], metric: str) -> Replicated:
    try:
        return replicated(evaluations, metric)
    except DataError:
        return Replicated()
