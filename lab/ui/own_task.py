"""Renaming and deleting a Task of one's own, on the Data page. Deleting says what uses it, and asks again where something does."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lab import store
from lab.core import LabError, Task, failure_of
from lab.jobs import removing
from lab.store.tasks import LONGEST_NAME
from lab.ui import panels, text

SHOWN = 6  # experiments that are named


def change_panel(task: Task) -> None:
    """The two buttons; a line instead for a Task that ships with the lab."""
    if not _is_own(task.id):
        st.caption("This task ships with the lab: it stays as it is.")
        return
    with st.container(horizontal=True):
        _rename_button(task)
        delete_button(task.id)


def _is_own(task_id: str) -> bool:
    try:
        return bool(store.tasks.own_folder(task_id))
    except LabError:
        return False


def _rename_button(task: Task) -> None:
    with st.popover("Rename", icon=":material/edit:"), st.form(f"data_rename_{task.id}", border=False):
        name = st.text_input("Name of the task", value=task.name, max_chars=LONGEST_NAME, key=f"data_rename_to_{task.id}")
        st.caption("Only the label changes: rows, results and everything made from them stay.")
        pressed = st.form_submit_button("Rename it", type="primary", key=f"data_rename_go_{task.id}")
    if pressed:
        _do(lambda: store.tasks.rename(task.id, name or ""), "The task could not be renamed", "Renamed.", task.id)


def delete_button(task_id: str) -> None:
    """What uses the Task, and deleting it."""
    if not _is_own(task_id):
        return
    with st.popover("Delete", icon=":material/delete:"):
        used = removing.experiments_of(task_id)
        if used:
            st.markdown(f"**{text.count(len(used), 'experiment')} {'uses' if len(used) == 1 else 'use'} this task**")
            st.text("\n".join([text.short(one.name, 60) for one in used[:SHOWN]] + (["…"] if len(used) > SHOWN else [])))
            st.caption("Scores that were measured stay. The task's questions, documents and preference pairs go: no more answers side by side, no "
                       "asking, no new runs on it.")
        else:
            st.caption("No experiment uses it. It cannot be brought back, but from its files.")
        sure = not used or st.checkbox("Delete it all the same", key=f"data_delete_sure_{task_id}")
        if st.button(":red[Delete for good]", icon=":material/delete_forever:", key=f"data_delete_{task_id}", disabled=not sure):
            _do(lambda: removing.delete_task(task_id), "The task was not deleted", "Deleted.", task_id)


def _do(act: Callable[[], object], problem: str, done: str, task_id: str) -> None:
    try:
        act()
    except (LabError, OSError) as error:
        panels.problem(problem, failure_of(error, task_id))
    else:
        st.toast(done)
        st.rerun()
