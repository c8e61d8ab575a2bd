"""Vote: people judge two answers without names. The host starts and reveals; who comes by the short link sees only the ballot."""

from lab.ui import router

router.ensure_router(router.VOTE)

import streamlit as st

from lab.core import LabError
from lab.ui import ballot, panels, state, text, voting
from lab.ui.panels.votes import result_panel

if code := router.ballot_code():
    ballot.voter_view(code)
    st.stop()

st.title("Vote")
left, right = st.columns(2)
experiment = state.choose_experiment(left)
if experiment is None:
    panels.empty("There are no answers to vote on yet. As soon as two Systems have answered a task, a room can judge them blind, each on a phone.")
    st.stop()
try:
    session = voting.choose_session(experiment, right)
except LabError as error:
    panels.problem("The votes cannot be read", error.failure)
    st.stop()

if session is None:
    voting.start_form(experiment)
elif not session.revealed:
    st.header(text.label(session.question or "Which answer is better?"))
    st.caption(f"{text.count(session.per_voter, 'question')} per person, {text.count(len(session.items), 'question')} in all; "
               f"{'open' if session.open else 'closed'}. Names and results are hidden until you reveal them, from you too.")
    if session.open:
        voting.door(session)
    voting.progress(session)
    voting.controls(session)
else:
    st.header(text.label(session.question or "Which answer is better?"))
    result_panel(session, key="vote_result")
    voting.export_form(session)
