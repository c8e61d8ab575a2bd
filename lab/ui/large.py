"""A file too large for an upload: a path on this machine, a background import that can be watched and cancelled, and the draft it leaves.

A step of the Data page; `large_plan` asks what is wanted of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from lab.core import LabError, failure_of
from lab.corpus.bulk_plan import Plan
from lab.corpus.limits import LARGE
from lab.jobs import importing
from lab.ui import findings, large_plan, panels, saving, text

POINTER = "import"  # in the URL: which import is looked at
STAGES = {"starting": "Starting", "reading": "Reading", "splitting": "Splitting", "writing": "Writing the rows", "checking": "Checking",
          "unpacking": "Unpacking", "parsing": "Reading the documents"}
PARTS = {"train": "Training", "validation": "Validation", "test": "Test", "preferences": "Preference pairs", "documents": "Documents"}
NOUNS = {"examples": "row", "preferences": "pair", "documents": "document"}


def large_panel() -> bool:
    """Whether a large file is at work here, so that the page shows nothing else."""
    if st.session_state.pop("_data_large_done", False):
        st.session_state["data_large_path"] = ""
    there = importing.ids()
    asked = st.query_params.get(POINTER)
    with st.expander(f"A larger file on this machine (up to {LARGE.file_bytes / 1e9:.0f} GB), or a folder of documents", icon=":material/database:",
                     expanded=asked in there):
        st.caption(f"It is read in the background; a table row by row, with up to {LARGE.rows:,} rows. In a shell: python -m lab import FILE")
        kind, path = large_plan.kind_and_path()
        job = st.selectbox("Imports that wait here", there, index=there.index(asked) if asked in there else None, key=f"data_import_{asked}",
                           format_func=_title, placeholder="Choose one to go on with it") if there else None
    if job:
        st.query_params[POINTER] = job
        _import(job)
        return True
    st.query_params.pop(POINTER, None)
    if path:
        large_plan.plan(kind, Path(path), _begin)
        return True
    return False


def _title(job: str) -> str:
    found = importing.progress(job)
    return f"{found.name} ({job[-6:]})" if found else job


def _begin(path: Path, plan: Plan) -> None:
    try:
        job = importing.start(path, plan)
    except (LabError, OSError) as error:
        panels.problem("It could not be started", failure_of(error, "Data"))
        return
    st.session_state.pop("data_imported", None)
    st.query_params[POINTER] = job
    st.rerun()


def _import(job: str) -> None:
    """A running import with its progress, or what became of it."""
    found = importing.progress(job)
    if found is None:
        return
    if found.state == "running":
        _running(job)
    elif found.failure:
        panels.problem("This file was not imported", found.failure)
        _discard(job, "Discard")
    else:
        _draft(job, found)


@st.fragment(run_every=1.0)
def _running(job: str) -> None:
    found = importing.progress(job)
    if found is None or found.state != "running":
        st.rerun()
    st.progress(found.share or 0.0, f"{STAGES.get(found.stage, found.stage)}: {text.count(found.rows, NOUNS[found.kind])}, {found.lost:,} stayed out")
    size = f"{found.size / 1e6:,.0f} MB"
    read = f"{found.read_bytes / 1e6:,.0f} of {size}" if found.stage == "reading" else size
    if found.stage == "parsing":
        read = f"{found.now['written']:,} of {text.count(found.now['of'], 'file')}, {size}"
    st.caption(f"{text.label(found.name)}: {read}, {text.seconds(found.seconds)}, "
               f"at most {found.peak_bytes / 2**20:,.0f} MiB of memory. It goes on when you leave this page.")
    _discard(job, "Cancel")


def _discard(job: str, label: str) -> None:
    if st.button(label, icon=":material/close:", key=f"data_import_discard_{job}"):
        importing.discard(job)
        st.rerun()


def _draft(job: str, found: importing.Progress) -> None:
    """What came in, what the checks found, and the form that makes a Task of it."""
    made = importing.draft(job)
    st.caption(f":material/check: {text.label(found.name)}: {text.count(sum(made.counts.values()), NOUNS[found.kind])} in {text.seconds(found.seconds)}, "
               f"{made.lost:,} stayed out, at most {found.peak_bytes / 2**20:,.0f} MiB of memory")
    for column, (name, count) in zip(st.columns(3), made.counts.items()):
        column.metric(PARTS.get(name, name), f"{count:,}")
    st.header("Check")
    findings.list_findings((*made.findings, *importing.stayed_out(made)), st.empty())
    if any(made.mends):
        st.caption("What is offered as a mend is done on the way: discard this draft, choose it under Mend on the way, and import again.")
    st.header("Save")
    if found.kind == "examples":
        saving.save_import(job, made, _saved)
    else:
        saving.save_beside(job, made, _saved)
    _discard(job, "Discard")


def _saved(task: Any) -> None:
    """The draft is gone with this: the page says so from now on, and asks for the next file."""
    saving.told(task.name)
    st.session_state["_data_large_done"] = True
