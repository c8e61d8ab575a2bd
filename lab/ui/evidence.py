"""The evidence as the page shows it: what this workspace measured where its grid has ended, else what ships. Cached, shared between sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from lab import compare, store
from lab.compare import Evidence, Verdict
from lab.core import Value
from lab.jobs import evidence as grid
from lab.ui import reads, scored


class Shown(Value):
    """Verdicts and points as one whole, and where each task's come from: an Experiment of this workspace, or the record ('')."""

    evidence: Evidence
    sources: dict[str, str] = {}


def recorded() -> Evidence | None:
    """The record that ships; None where none does."""
    path = store.SHIPPED / "recorded" / "evidence.json"
    return _recorded(str(path), path.stat().st_mtime_ns) if path.is_file() else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _recorded(path: str, stamp: int) -> Evidence:
    return Evidence.model_validate_json(Path(path).read_text("utf-8"))


@st.cache_resource(max_entries=8, show_spinner="Deciding from this workspace's runs")
def _measured(home: str, names: tuple[tuple[str, str], ...], mark: tuple) -> Evidence:
    outcomes = [outcome for _, name in names for outcome in scored.outcomes(name)]
    return compare.evidence_of(outcomes, experiments=dict(names))


def measured() -> Evidence | None:
    """What the newest ended grid of this workspace says; None where there is none."""
    names = tuple(grid.newest(finished_only=True).items())
    mark = tuple((view.run.id, view.status) for _, name in names for view in reads.views(name))
    return _measured(str(store.home()), names, mark) if names else None


def running() -> str | None:
    """The id of a grid's Experiment whose runs have not all ended."""
    return next((name for name in grid.newest().values() if reads.active(name)), None)


def shown() -> Shown | None:
    """Each task's verdicts from this workspace where it has measured them, else from the record; None where there is neither."""
    here, ships = measured(), recorded()
    if here is None or ships is None:
        found = here or ships
        return found and Shown(evidence=found, sources={task: "" if found is ships else name for task, name in _tasks(found).items()})
    own = set(here.experiments)
    fresh = {verdict.claim.id: verdict for verdict in here.verdicts if verdict.claim.task in own}
    verdicts = tuple(fresh.pop(verdict.claim.id, verdict) for verdict in ships.verdicts)
    points = (*(point for point in ships.points if point.task not in own), *here.points)
    whole = ships.model_copy(update={"verdicts": (*verdicts, *fresh.values()), "points": points})
    return Shown(evidence=whole, sources={task: here.experiments.get(task, "") for task in {**_tasks(ships), **here.experiments}})


def _tasks(found: Evidence) -> dict[str, str]:
    return found.experiments or {verdict.claim.task: "" for verdict in found.verdicts}


def point_frame(found: Evidence, task: str = "") -> pd.DataFrame:
    """One row per run, of one task or of all."""
    rows = [point.model_dump() for point in found.points if task in ("", point.task)]
    frame = pd.DataFrame(rows, columns=list(compare.Point.model_fields))
    numbers = ["rate", *(name for name in frame.columns if frame[name].dtype == object and name not in ("task", "system", "family", "trained"))]
    return frame.astype({name: float for name in numbers})


def verdict_frame(verdicts: list[Verdict]) -> pd.DataFrame:
    """One row per verdict, for a table and for a file."""
    return pd.DataFrame([{"group": compare.GROUPS[v.claim.group], "verdict": v.decision, "sentence": v.claim.sentence, "measured": v.claim.quantity,
                          "demanded": compare.bar_text(v.claim), "value": v.value, "low": v.low, "high": v.high, "n": v.n, "seeds": v.seeds,
                          "reason": v.reason} for v in verdicts])


def part_frame(verdicts: list[Verdict]) -> pd.DataFrame:
    """The scores behind the verdicts, each once."""
    rows: dict[tuple, dict[str, Any]] = {}
    for verdict in verdicts:
        for part in verdict.parts:
            rows.setdefault((verdict.claim.task, part.system, part.suite, part.metric, round(part.value, 6)),
                            {"task": verdict.claim.task, **part.model_dump()})
    return pd.DataFrame(list(rows.values()), columns=["task", "system", "suite", "metric", "value", "low", "high"])
