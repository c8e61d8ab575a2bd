"""What a revealed vote says: strengths, direct meetings, the side, agreement, pair by pair. Drawn on the Vote page and on Compare."""

from __future__ import annotations

import streamlit as st

from lab.compare.vote_tables import meetings_frame, pairs_frame, strengths_frame, votes_frame
from lab.compare.vote_words import agreement_words, position_words, verdict_words
from lab.core import Experiment, LabError
from lab.core.votes import VoteSession
from lab.ui import charts, display, router, state, text, vote_reads
from lab.ui.charts.votes import votes_chart
from lab.ui.judged import judge_words
from lab.ui.panels.controls import problem
from lab.ui.panels.numbers import numbers


def votes_tab(experiment: Experiment, task: str) -> None:
    """The newest revealed vote on a task, or another one; where there is none, the way to one."""
    try:
        found = [session for session in vote_reads.sessions(experiment.id) if session.task == task]
    except LabError as error:
        problem("The votes cannot be read", error.failure)
        return
    shown = {session.id: _title(session) for session in found if session.revealed}
    if waiting := len(found) - len(shown):
        st.caption(f"{text.count(waiting, 'vote')} on this task not yet revealed: until then nobody sees names or results.")
    if not shown:
        st.markdown("People can judge the answers blind, each on a phone: which of two is better, without names. The result stands here.")
    else:
        chosen = state.choose("Vote", shown, "vote") if len(shown) > 1 else next(iter(shown))
        result_panel(next(session for session in found if session.id == chosen), key="compare_vote")
    st.page_link(router.VOTE, label="Votes of this experiment" if found else "Let people vote", icon=":material/how_to_vote:",
                 query_params={"experiment": experiment.id})


def _title(session: VoteSession) -> str:
    return f"{text.day(session.created)}, {text.short(', '.join(session.systems), 40)}"


def result_panel(session: VoteSession, key: str) -> None:
    """Everything about one revealed vote."""
    result = vote_reads.result(session)
    st.text(verdict_words(result))
    frame = strengths_frame(result)
    if result.votes and result.strengths[0].strength is not None:
        look = state.look()
        st.plotly_chart(votes_chart(frame, charts.style_of(frame["system"], look), look), key=f"{key}_chart", config=display.figure("votes"),
                        alt=f"Share of wins of {text.count(len(frame), 'System')}; numbers below")
        st.caption(f"{text.count(result.votes, 'vote')} of {result.voters} people on {text.count(result.items, 'item')}, {result.ties} of them ties (a tie "
                   "is half a win). Thick bar: 95 % interval over other people on the same items; thin bar: over other people and other items. "
                   "Bradley-Terry model with ties (Davidson 1970) and the side's effect taken out.")
    st.text(position_words(result))
    st.text(agreement_words(result))
    if words := judge_words(session):
        st.text(words)
    for one in session.alike:
        if one.alike:
            st.caption(f"{text.label(one.one)} and {text.label(one.other)} gave the same answer to {one.alike} of {one.of} items; these were not asked about.")
    numbers(frame, "votes-systems", f"{key}_systems", "Systems")
    numbers(meetings_frame(result), "votes-meetings", f"{key}_meetings", "System against System")
    _pairs(session, key)


def _pairs(session: VoteSession, key: str) -> None:
    cast = vote_reads.cast(session)
    frame = pairs_frame(session, cast)
    numbers(frame, "votes-pairs", f"{key}_pairs", f"Pair by pair; {text.count(int(frame['split'].sum()), 'pair')} on which people split")
    numbers(votes_frame(session, cast), "votes", f"{key}_every", "Every vote")
