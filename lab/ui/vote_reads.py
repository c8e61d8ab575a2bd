"""Cached reads of votes: what many browsers ask every few seconds is read once a second. A person's own votes are never cached."""

from __future__ import annotations

import streamlit as st

from lab import store
from lab.compare.votes import VoteResult, vote_result
from lab.core.votes import Turnout, Vote, VoteSession
from lab.store import votes

SHORT = 1.0  # seconds


def sessions(experiment_id: str) -> list[VoteSession]:
    """Every vote of an experiment, newest first."""
    return _sessions(str(store.home()), experiment_id)


@st.cache_resource(ttl=SHORT, max_entries=64, show_spinner=False)
def _sessions(home: str, experiment_id: str) -> list[VoteSession]:
    return votes.of_experiment(experiment_id)


def by_code(code: str) -> VoteSession | None:
    """The session of a short link. Raises LabError where lab.db cannot be read."""
    return _by_code(str(store.home()), code)


@st.cache_resource(ttl=SHORT, max_entries=64, show_spinner=False)
def _by_code(home: str, code: str) -> VoteSession | None:
    return votes.by_code(code)


def turnout(session: VoteSession) -> Turnout:
    return _turnout(str(store.home()), session.id, session)


@st.cache_resource(ttl=SHORT, max_entries=64, show_spinner=False)
def _turnout(home: str, session_id: str, _session: VoteSession) -> Turnout:
    return votes.turnout(_session)


def cast(session: VoteSession) -> tuple[Vote, ...]:
    """Every vote of a session."""
    return _cast(str(store.home()), session.id)


@st.cache_resource(ttl=SHORT, max_entries=16, show_spinner=False)
def _cast(home: str, session_id: str) -> tuple[Vote, ...]:
    return votes.votes(session_id)


def result(session: VoteSession) -> VoteResult:
    """What a closed vote says: computed once."""
    return _result(str(store.home()), session.id, session.closed, session)


@st.cache_resource(max_entries=32, show_spinner=False)
def _result(home: str, session_id: str, closed: float | None, _session: VoteSession) -> VoteResult:
    return vote_result(_session, votes.votes(session_id))


def look_again(session: VoteSession) -> None:
    """This session was changed here: the next look shows it at once. Other entries are left alone."""
    home = str(store.home())
    _sessions.clear(home, session.experiment)
    _by_code.clear(home, session.code)
    _turnout.clear(home, session.id, session)
    _cast.clear(home, session.id)
