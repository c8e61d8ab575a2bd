"""Runs as a table and as one line of progress."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
import streamlit as st

from lab import jobs
from lab.core import FINAL
from lab.ui import text
from lab.ui.panels.numbers import table


def run_table(views: list[Any], tasks: dict[str, str]) -> None:
    """One row per run; a failed one says why in its row, and beneath in full."""
    frame = run_frame(views, tasks)
    table(frame.drop(columns=[name for name in ("Progress", "Now, or what happened") if not frame[name].replace("", None).notna().any()]), {
        "Task": st.column_config.TextColumn(width=170), "Seed": st.column_config.NumberColumn(width=55), "Time": st.column_config.TextColumn(width=95),
        "Progress": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1, width=150),
        "Now, or what happened": st.column_config.TextColumn(width=280)}, placeholder="")
    failures = [view.state.failure for view in views if view.status == "failed" and view.state.failure]
    for (what, do), number in Counter((failure.what, failure.do) for failure in failures).items():  # where it happened stands with the run
        st.caption(f":material/error: {text.count(number, 'run')} failed:")
        st.text(". ".join(part.rstrip(".") for part in (what, do) if part) + ".")


def waiting_panel(views: list[Any]) -> None:
    """Runs that nobody takes (the machine was restarted, or the supervisor was killed): one button sends them on."""
    if not any(view.status in ("queued", "lost") for view in views) or jobs.supervisor_alive():
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(":orange[:material/pause_circle:] These runs wait: the process that starts them is gone. Nothing is lost.")
        if st.button("Go on", icon=":material/play_arrow:", key="runs_go_on"):
            jobs.ensure_supervisor()
            st.rerun()


def run_frame(views: list[Any], tasks: dict[str, str]) -> pd.DataFrame:
    rows = [{"System": view.run.system.name, "Task": tasks.get(view.run.task, view.run.task), "Seed": view.run.seed,
             "Status": status(view), "Progress": progress(view), "Time": text.seconds(view.seconds),
             "Now, or what happened": view.state.failure.sentence() if view.state.failure else view.doing} for view in views]
    return pd.DataFrame(rows, columns=["System", "Task", "Seed", "Status", "Progress", "Time", "Now, or what happened"])


def status(view: Any) -> str:
    return text.status(view.status) + (", kept" if view.status == "stopped" and view.state.kept else "")


def progress(view: Any) -> float | None:
    return round(view.progress, 2) if view.status == "running" and view.progress is not None else None


def progress_line(views: list[Any], tasks: dict[str, str]) -> None:
    """n of m runs, what each running one does now, and failures counted."""
    done = sum(view.status in FINAL for view in views)
    failed = sum(view.status == "failed" for view in views)
    share = sum(1.0 if view.status in FINAL else view.progress or 0.0 for view in views) / max(1, len(views))
    words = f"{done} of {text.count(len(views), 'run')} ended" + (f", {failed} of them failed" if failed else "")
    if done == len(views):
        st.caption(words)
        return
    st.progress(min(1.0, share), text=words)
    for view in views:
        if view.status in ("running", "lost"):
            name, task = text.label(view.run.system.name), text.label(tasks.get(view.run.task, view.run.task))
            st.caption(f":material/autorenew: {name}, {task}: {text.label(view.doing or 'starting')}")
