"""Cached reads of curves: each run's events are read once as they stand, and a stage that another run trained is found there.

Like `reads`, shared between sessions and keyed by place and time stamp.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

import pandas as pd

from lab import compare, store
from lab.core import Run, adapter_key
from lab.jobs.watch import run_of
from lab.ui.reads import known, views


class Mark(NamedTuple):
    """A run's events as they stand: what is worked out of them is worked out once per mark."""

    home: str
    run: str
    stamp: int
    size: int


def mark(run_id: str) -> Mark:
    try:
        about = os.stat(store.runs.folder(run_id) / "events.jsonl")
    except FileNotFoundError:
        return Mark(str(store.home()), run_id, 0, 0)
    return Mark(str(store.home()), run_id, about.st_mtime_ns, about.st_size)


def curves(run_id: str) -> compare.Curves:
    """The curves of one run. Do not change the frame: sessions share it."""
    return curves_at(mark(run_id))


@lru_cache(maxsize=512)  # a page looks hundreds of times: Streamlit's caches take 0.3 ms for a look
def curves_at(at: Mark) -> compare.Curves:
    """As `curves`, for a mark that was just taken."""
    return compare.Curves.of(store.runs.events(at.run)[0])


def curve_frame(run_id: str) -> pd.DataFrame:
    """The curves of one run as a long frame. Do not change it."""
    return curves(run_id).frame


def trainer(run: Run, stage: str) -> str:
    """The run whose curve a stage of this run is: its own, or the one that trained the stage for it; empty where there is none yet."""
    if stage in curves(run.id).stages:
        return run.id
    place = next((place for place, one in enumerate(run.system.training, start=1) if one.kind == stage), 0)
    return next((other.id for other in _sharing(run, place) if stage in curves(other.id).stages), "") if place else ""


def curves_of(run: Run) -> tuple[pd.DataFrame, dict[str, str]]:
    """The curves of every training stage of a run, and for stages that another run trained for it: stage -> that run's id."""
    found = {stage.kind: trainer(run, stage.kind) for stage in run.system.training}
    lenders = {stage: other for stage, other in found.items() if other not in ("", run.id)}
    frame = curve_frame(run.id)
    if lenders:
        lent = [(curve_frame(other), stage) for stage, other in lenders.items()]
        frame = pd.concat([frame, *(rows[rows["stage"] == stage] for rows, stage in lent)])
    return frame, lenders


def _sharing(run: Run, place: int) -> list[Run]:
    """Other runs whose first `place` training stages make the same adapter."""
    home, stamp = str(store.home()), store.tasks.stamp(run.task)
    if not (key := _stage_key(home, run.id, place, stamp)):
        return []
    return [view.run for view in views() if view.run.id != run.id and view.run.task == run.task and len(view.run.system.training) >= place
            and _stage_key(home, view.run.id, place, stamp) == key]


@lru_cache(maxsize=4_096)
def _stage_key(home: str, run_id: str, place: int, stamp: int) -> str:
    """What a run's first `place` training stages make; empty where its task cannot be read."""
    run = run_of(run_id)
    found = known(run.task)
    return adapter_key(run.system, found[0], place) if found else ""
