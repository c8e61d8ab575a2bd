"""Start: what the lab is for, the tour, and the newest results. Never empty."""

from lab.ui import router

router.ensure_router(router.START)

import streamlit as st

from lab.ui import launchpad, panels, reads, scored, state, text

st.title("Which lever should we pull?")
st.markdown("Prompting, retrieval, fine-tuning and alignment, tried on the same task with the same model.  \n"
            "One scoreboard says what each of them gains, what it makes the model forget, and how sure we can be.  \n"
            "It runs on this machine, with the model that ships or with yours, on the sample tasks or on your own data.")
launchpad.tour_button()

found = reads.experiments()
newest = state.choose_experiment() if len(found) > 1 else found[0] if found else None


def results() -> None:
    """The chosen experiment (the newest at first) as far as it has come."""
    views, tasks = reads.views(newest.id), reads.task_titles()
    if reads.active(newest.id):
        panels.progress_line(views, tasks)
    panels.matrix_panel(scored.board(newest.id), key="start_matrix")


def forgotten() -> None:
    """General abilities before and after."""
    panels.forgetting_panel(scored.forgetting(newest.id), key="start_forgetting")


if newest:
    st.header(text.label(newest.name))
    st.caption(f"Started {text.day(newest.created)} on this machine"
               + (f". {state.bases_line(newest)}" if len(found) == 1 else ""))
    state.live(results, lambda: reads.active(newest.id))
    st.header("What each System forgot")
    state.live(forgotten, lambda: reads.active(newest.id), every=6)
elif reads.recorded():
    launchpad.recorded_results()
else:
    st.info("No results yet. Run the tour: its results appear here as they come.", icon=":material/info:")
