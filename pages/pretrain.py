"""Pretrain: a base made from random weights: settings, start, the ladder of abilities as it grows; and its checkpoints asked side by side."""

from lab.ui import router

router.ensure_router(router.PRETRAIN)

import streamlit as st

from lab import jobs
from lab.core import LabError, Pretraining, failure_of
from lab.ui import checkpoints, forms, panels, pretraining, reads, state

st.title("Pretrain")
st.markdown("A model starts as random numbers and does one thing: guess a hidden piece of text. Everything it knows and can do comes out of that.  \n"
            "Train one from nothing, watch which ability comes when, and ask the model of every stage the same question.")

with st.expander("Start a new one", expanded=not reads.pretrainings(), icon=":material/egg:"):
    settings = forms.lever_form(Pretraining(), "pretrain", expert=False, where=(*st.columns(3)[:2], *st.columns(3)))
    st.caption(pretraining.estimate(settings).words if settings else "")
    if st.button("Start pretraining", type="primary", icon=":material/play_arrow:", key="pretrain_start", disabled=settings is None):
        try:
            run = jobs.launch_pretraining(settings)
        except (LabError, OSError) as error:
            panels.problem("It could not be started", failure_of(error, "Pretrain"))
        else:
            reads.look_again()
            st.query_params["pretraining"] = run.id
            st.rerun()

labels = pretraining.sources()
left, right = st.columns(2)
chosen = state.choose("Pretraining", labels, "pretraining", where=left)
others = {"none": "no other"} | {name: label for name, label in labels.items() if name != chosen}
beside = state.choose("Beside it", others, "beside", where=right)
if not reads.pretrainings():
    st.caption("Nothing was pretrained here yet: this came with the shipped base. Your own appears here, from its first step on.")


def one_pretraining() -> None:
    """The chosen one as it goes."""
    panels.pretraining_panel(chosen, labels, None if beside == "none" else beside)


learns, asks = st.tabs(["How it learns", "Ask the checkpoints"], key="pretrain_view", bind="query-params", on_change="rerun")
if learns.open:
    with learns:
        if chosen:
            state.live(one_pretraining, lambda: reads.active(""))
if asks.open:
    with asks:
        asked = checkpoints.choose_models(checkpoints.models(), chosen)
        question = checkpoints.question_form()
        if question and asked:
            checkpoints.begin(question, asked)
        if checkpoints.current():
            state.live(checkpoints.replies_panel, checkpoints.active, every=0.3)
