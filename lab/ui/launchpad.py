"""The Start page's two own parts: the tour's button, and results recorded elsewhere until there are some from here."""

from __future__ import annotations

import streamlit as st

from lab import jobs, store
from lab.core import LabError, failure_of
from lab.jobs import hardware
from lab.jobs import tour as shipped
from lab.ui import panels, reads, results, router, text

MINUTES = 8


def tour_button() -> None:
    """One primary button; while a tour runs it waits and a link leads to that tour."""
    running = next((experiment for experiment in reads.experiments() if is_tour(experiment.id) and reads.active(experiment.id)), None)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Run the tour", type="primary", icon=":material/play_arrow:", key="start_tour", disabled=running is not None)
        if running:
            st.page_link(router.RUNS, label="A tour is running: watch it", icon=":material/visibility:",
                         query_params={"experiment": running.id})
        else:
            st.caption(f"Six Systems on three sample tasks, in the background; up to {MINUTES} minutes on two CPU cores. "
                       "You can close this page meanwhile.", width="content")
    if pressed:
        _launch()


def is_tour(experiment_id: str) -> bool:
    return experiment_id.startswith("tour-")


def _launch() -> None:
    try:
        jobs.launch(shipped.tour(), slots=min(2, hardware.cores()))
    except (LabError, OSError, IndexError) as error:
        panels.problem("The tour could not be started", failure_of(error, "Start"))
    else:
        st.rerun()


def recorded_results() -> None:
    """The shipped tour's results as recorded on another machine, said so in the heading's line."""
    found = reads.recorded()
    about = found["recorded"]
    st.header("The tour's results")
    st.markdown(f":blue-badge[:material/history: Recorded on {text.label(about['date'])}, {text.label(about['machine'])}]")
    st.caption("Nothing has been run here yet. Your own results take this place with the first run.")
    names = reads.task_names()
    primary = {name: data.task.scorers[0].kind for name in names if (data := reads.task(name))}
    panels.matrix_panel(results.from_recorded(found["scores"], names, primary), key="start_recorded")
    st.header("What each System forgot")
    metrics = {name: reads.suite(name).primary.kind for name in store.tasks.suite_names()}
    panels.forgetting_panel(results.recorded_forgetting(found["forgetting"], reads.suite_titles(), metrics), key="start_recorded_forgetting")
