"""What one can do with a run, and what it says when something went wrong: what, where, what to do."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab import jobs, store
from lab.core import Failure, LabError, failure_of
from lab.ui import router, text


def problem(title: str, failure: Failure, icon: str = "error", colour: str = "red") -> None:
    """A refusal or a failure. Its words may hold text from outside, so they are drawn as plain text."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":{colour}[:material/{icon}:] **{title}**")
        st.text(failure.what)
        if failure.where:
            st.caption("Where")
            st.text(failure.where)
        if failure.do:
            st.caption("What to do")
            st.text(failure.do)


def empty(words: str) -> None:
    """An empty page says what will stand here and offers the two ways to get it there."""
    st.markdown(words)
    with st.container(horizontal=True):
        st.page_link(router.START, label="Run the tour", icon=":material/play_arrow:")
        st.page_link(router.BUILD, label="Build your own experiment", icon=":material/construction:")


def damaged(sentences: list[str]) -> None:
    """What is on disk and cannot be read; nothing where all is well."""
    if sentences:
        with st.expander(f"Damaged, not shown above: {text.count(len(sentences), 'file')}", icon=":material/warning:"):
            for sentence in sentences:
                st.text(sentence)


def failure_panel(view: Any) -> None:
    """Why a run failed or was lost; nothing for the others."""
    if view.status == "lost":
        problem("The run's process is gone", Failure(
            kind="lab", what="Its process ended without a word (killed by the system, or the machine was restarted).", where=view.run.id,
            do="The supervisor resumes it from its newest checkpoint; if it does not move within a minute, press Resume."), "help", "orange")
    elif view.state.failure:
        title = "This run failed" if view.status == "failed" else "This run stopped"
        problem(f"{title} ({text.label(view.state.failure.kind)})", view.state.failure)


def controls(view: Any) -> None:
    """Stop, stop and keep, resume: only those that the run's state allows, and no resuming without the task."""
    gone = not view.run.pretraining and store.removed.remains(view.run.task)
    again = view.status in ("stopped", "failed", "lost")
    if gone and again:
        st.caption("It cannot be resumed: its task was deleted.")
    with st.container(horizontal=True):
        if view.status in ("queued", "running", "lost"):
            _button("Stop", "stop", view, lambda: jobs.stop(view.run.id))
        if view.status == "running" and (view.run.pretraining or view.run.system.training):
            _button("Stop and keep", "save", view, lambda: jobs.stop(view.run.id, keep=True),
                    "Ends training now, keeps what was trained so far and " + ("makes a base of it." if view.run.pretraining else "scores it."))
        if again and not gone:
            _button("Resume", "play_arrow", view, lambda: jobs.resume(view.run.id), "Goes on from the newest complete checkpoint.")


def _button(label: str, icon: str, view: Any, act: Any, why: str | None = None) -> None:
    if st.button(label, icon=f":material/{icon}:", key=f"runs_{icon}_{view.run.id}", help=why):
        try:
            act()
        except (LabError, OSError) as error:
            problem(f"{label} did not work", failure_of(error, view.run.id))
        else:
            st.toast(f"{label}: asked for. The run answers at its next step.")
            st.rerun()  # the whole page, so that it looks again and again from now on


def log_panel(view: Any, attempt: int | None = None) -> None:
    """The end of the newest attempt's output."""
    number = attempt or view.state.attempt
    with st.expander("Log", icon=":material/terminal:"):
        tail = store.runs.log_tail(view.run.id, number)
        st.code("\n".join(tail.splitlines()[-200:]) or "No output yet.", language=None, height=320 if tail else "content")
        st.caption(f"Attempt {number}; the whole log is in the workspace under runs/{text.label(view.run.id)}/attempts/{number}/log.txt")
