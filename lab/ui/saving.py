"""Name, scorer and the save button of a Task. The last step of the Data page."""

from __future__ import annotations

import re
from typing import Any, get_args

import streamlit as st

from lab import store
from lab.core import DataError, Scorer, Task, TaskData, failure_of
from lab.core.tasks import ScorerKind
from lab.ui import panels, router, text
from lab.ui.findings import name_of

SCORERS = [kind for kind in get_args(ScorerKind) if kind not in ("text_loss", "multiple_choice")]


def save_form(data: TaskData, allowed: bool) -> None:
    """Name, scorer and the save button. A refusal keeps everything that was filled in."""
    left, right = st.columns(2)
    name = left.text_input("Name of the task", max_chars=80, key="data_name", persist_state="session", placeholder="Support answers")
    need = right.text_input("What it needs", max_chars=60, key="data_need", persist_state="session", placeholder="facts, form, tone …")
    proposed = data.task.scorers[0].kind
    kind = left.selectbox("How an answer is scored", SCORERS, index=SCORERS.index(proposed), format_func=text.metric, key=f"data_scorer_{proposed}",
                          help="Proposed from the answers at hand; every System of a comparison is scored the same way.")
    length = right.number_input("Longest answer (tokens)", 1, 8_192, 64, key="data_length", persist_state="session",
                                help=Task.model_fields["max_new_tokens"].description or "Generation stops here.")
    phrases = st.text_input("Phrases, one of which the answer must hold (separated by |)", key="data_phrases") if kind == "rule" else ""
    about = st.text_area("Description", max_chars=1_000, height=80, key="data_about", persist_state="session")
    content = (name, kind, length, phrases, name_of(data))
    if st.session_state.get("data_saved") == content:
        st.success("Saved. It can be used on the Build page now.", icon=":material/check_circle:")
        st.page_link(router.BUILD, label="Build an experiment with it", icon=":material/construction:")
    elif st.button("Save as a task", type="primary", icon=":material/save:", key="data_save", disabled=not allowed):
        scorer = Scorer(kind=kind, phrases=tuple(part.strip() for part in phrases.split("|") if part.strip()))
        if _save(data, {"name": name or "", "need": need or "", "description": about or "", "scorers": (scorer,), "max_new_tokens": length}):
            st.session_state["data_saved"] = content  # the same is not saved twice
            st.rerun()
    elif not allowed:
        st.caption("Saving waits until nothing above must be mended.")


def _save(data: TaskData, about: dict[str, Any]) -> bool:
    """Whether it was saved; if not, the page says why. The Build page begins with it."""
    if not about["name"].strip():
        st.warning("Give the task a name first.", icon=":material/edit:")
        return False
    if about["scorers"][0].kind == "rule" and not about["scorers"][0].phrases:
        st.warning("Write at least one phrase that a right answer holds.", icon=":material/edit:")
        return False
    task = data.task.model_copy(update={**about, "id": store.new_id(_slug(about["name"]))})
    try:
        store.tasks.save(data.model_copy(update={"task": task}))
    except (DataError, OSError) as error:
        panels.problem("The task could not be saved", failure_of(error, "Data"))
        return False
    st.session_state["build_tasks"] = [task.id]
    return True


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "task"
