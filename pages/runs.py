"""Runs: every run of an experiment as it goes, and one of them in full: curves, log, stop and resume, export."""

from lab.ui import router

router.ensure_router(router.RUNS)

import streamlit as st

from lab.ui import exporting, panels, reads, state, text

st.title("Runs")
left, right = st.columns([3, 1], vertical_alignment="center")
experiment = state.choose_experiment(left)
if experiment is None:
    panels.empty("Nothing has been launched yet. Runs appear here with their progress, their curves and their log.")
    st.stop()
right.page_link(router.COMPARE, label="Compare its results", icon=":material/query_stats:",
                query_params={"experiment": experiment.id, "compare_view": "Scoreboard"})
tasks = reads.task_titles()


def overview() -> None:
    """All runs."""
    views = reads.views(experiment.id)
    panels.waiting_panel(views)
    panels.progress_line(views, tasks)
    panels.run_table(views, tasks)


def one_run() -> None:
    """The chosen run as it goes."""
    view = next(view for view in reads.views(experiment.id) if view.run.id == chosen)
    st.caption(", ".join(part for part in (text.status(view.status), text.seconds(view.seconds, ""), text.label(view.doing)) if part))
    panels.failure_panel(view)
    panels.controls(view)
    panels.run_curves(view)
    panels.log_panel(view)


state.live(overview, lambda: reads.active(experiment.id))
panels.damaged(reads.unreadable())
st.header("One run")
first = sorted(reads.views(experiment.id), key=lambda view: (view.status != "running", view.status != "failed", not view.run.system.training))
labels = {view.run.id: f"{view.run.system.name}, {tasks.get(view.run.task, view.run.task)}, seed {view.run.seed}" for view in first}
chosen = state.choose("Run", labels, "run")
if chosen:
    state.live(one_run, lambda: reads.active(experiment.id))
    exporting.panel(chosen)
