"""The Ask page's parts: which Systems can be asked, the question under way, the replies as they grow."""

from __future__ import annotations

import streamlit as st

from lab.core import Experiment, Run
from lab.ui import answers, panels, reads, text

_CURRENT = "_ask_current"  # what this session asked: (Experiment, task) -> the asking's id


def ready_systems(experiment: Experiment, task: str) -> dict[str, Run]:
    """System's name -> the run that made it, the first seed's where there are several. One base at a time is in memory."""
    found: dict[str, Run] = {}
    for view in reads.views(experiment.id):
        if view.run.task == task and (view.status == "finished" or view.state.kept):
            found.setdefault(view.run.system.name, view.run)
    if not found:
        return {}
    base = next(iter(found.values())).system.base.fingerprint
    usual = [system.name for system in experiment.systems]
    names = sorted(found, key=lambda name: usual.index(name) if name in usual else -1)
    return {name: found[name] for name in names if found[name].system.base.fingerprint == base}


def example_question(task: str) -> str:
    """The first test question, so that there is something to press Ask on."""
    data = reads.task(task)
    return next((example.prompt for example in data.split("test")), "") if data else ""


def propose_question(task: str) -> None:
    """Fill the question's field with the task's example, unless something was typed into it: that stays, whatever is chosen above."""
    asked, before, example = st.session_state.get("ask_question"), st.session_state.get("_ask_example"), example_question(task)
    if asked in (None, "", before):
        st.session_state["ask_question"] = example
    st.session_state["_ask_example"] = example


def begin(experiment: Experiment, task: str, question: str, runs: dict[str, Run]) -> None:
    """Stop what this session asked before, wherever it did, and ask anew."""
    asked = st.session_state.setdefault(_CURRENT, {})
    for old in filter(None, map(answers.find, asked.values())):
        answers.stop(old)
    base, data = next(iter(runs.values())).system.base, reads.task(task)
    files = {document.id: document.name for document in data.documents} if data else {}
    asked[experiment.id, task] = answers.ask(question, base, {name: run.id for name, run in runs.items()}, files)


def current(experiment: Experiment, task: str) -> answers.Asking | None:
    """What was asked of this experiment's Systems of a task last; answers of others never stand under its name."""
    return answers.find(st.session_state.get(_CURRENT, {}).get((experiment.id, task)))


def replies_panel(asking: answers.Asking) -> None:
    """The answers in columns of two or three, and what each of them was given."""
    if asking.state == "starting":
        st.status("The model is being loaded: the first question takes some seconds.", state="running")
        return
    if asking.problem:
        panels.problem("The model cannot answer", asking.problem.failure)
        return
    if asking.active and st.button("Stop", icon=":material/stop_circle:", key="ask_stop"):
        answers.stop(asking)
    st.text(asking.question)
    width = 3 if len(asking.replies) in (3, 5, 6) else 2
    for start in range(0, len(asking.replies), width):
        for column, reply in zip(st.columns(width), asking.replies[start:start + width]):
            with column.container(border=True, height="stretch"):
                reply_card(reply, asking.files)


def reply_card(reply: answers.Reply, files: dict[str, str] | None = None) -> None:
    """One answer as it grows, and what was sent for it. `files`: a document's id -> its name."""
    st.markdown(f"**{text.label(reply.system)}**")
    if reply.problem:
        st.text(reply.problem)
        return
    st.text(reply.text or ("…" if not reply.done else "(an empty answer)"))
    if not reply.done:
        return
    first = f"first word after {text.seconds(reply.first)}, " if reply.first else ""
    st.caption(f"{first}{text.seconds(reply.seconds)} in all")
    if reply.cut:
        st.caption(":orange[:material/content_cut:] Cut at the length limit: it would have gone on.")
    with st.expander("Prompt and passages", type="compact"):
        for place, passage in enumerate(reply.passages, start=1):
            st.caption(f"Passage {place}, from {text.label(passage.citation((files or {}).get(passage.document, passage.document)))}")
            st.code(passage.text, language=None, wrap_lines=True)
        st.caption("Prompt as it was sent")
        st.code(reply.prompt or "Not known.", language=None, wrap_lines=True)
