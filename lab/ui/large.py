"""A file too large for an upload: a path on this machine, a background import that can be watched and cancelled, and the draft it leaves.

Nothing of such a file but its first rows ever comes into this process. A step of the Data page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from lab import store
from lab.core import DataError, LabError, failure_of
from lab.corpus.limits import LARGE
from lab.corpus.mapping import Mapping
from lab.corpus.mending import MENDS
from lab.corpus.rows import to_examples
from lab.jobs import importing
from lab.ui import bases, findings, mapping, panels, router, saving, text

FOLDER = "incoming"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MENDABLE = ("garbled", "mask", "leaks", "duplicates")
POINTER = "import"  # in the URL: which import is looked at
STAGES = {"starting": "Starting", "reading": "Reading", "splitting": "Splitting", "writing": "Writing the rows", "checking": "Checking"}


def large_panel() -> bool:
    """Whether a large file is at work here, so that the page shows nothing else."""
    if st.session_state.pop("_data_large_done", False):
        st.session_state["data_large_path"] = ""
    there = importing.ids()
    asked = st.query_params.get(POINTER)
    with st.expander(f"A larger file on this machine (up to {LARGE.file_bytes / 1e9:.0f} GB)", icon=":material/database:", expanded=asked in there):
        st.caption("It is read in the background, row by row, and may have up to "
                   f"{LARGE.rows:,} rows. In a shell: python -m lab import FILE")
        path = st.text_input("Path of the file", key="data_large_path", persist_state="session", placeholder="/data/tickets.jsonl")
        job = st.selectbox("Imports that wait here", there, index=there.index(asked) if asked in there else None, key=f"data_import_{asked}",
                           format_func=_title, placeholder="Choose one to go on with it") if there else None
    if job:
        st.query_params[POINTER] = job
        _import(job)
        return True
    st.query_params.pop(POINTER, None)
    if saved := st.session_state.get("data_imported"):
        st.success(f"Saved as the task {text.label(saved)}. It can be used on the Build page.", icon=":material/check_circle:")
        st.page_link(router.BUILD, label="Build an experiment with it", icon=":material/construction:")
    if path.strip():
        _plan(Path(path.strip()))
        return True
    return False


def _title(job: str) -> str:
    found = importing.progress(job)
    return f"{found.name} ({job[-6:]})" if found else job


def may_read(path: Path) -> None:
    """Raises DataError where people of other machines use this app: they bring files by the workspace's folder `incoming` alone."""
    inside = (store.home() / FOLDER).resolve()
    if st.get_option("server.address") not in LOOPBACK and inside not in path.expanduser().resolve().parents:
        raise DataError("This app is used over a network, so it reads only files of one folder", path.name[-80:], f"Put the file into {inside}")


def _plan(path: Path) -> None:
    """The first rows, the mapping, and the button that begins."""
    try:
        may_read(path)
        stamp = path.expanduser().stat()
        table = _head(str(path.expanduser().resolve()), stamp.st_mtime_ns, stamp.st_size)
    except (LabError, OSError) as error:
        failure = failure_of(error) if isinstance(error, LabError) else DataError("There is no such file", path.name[-80:], "Check the path").failure
        panels.problem("This file was not taken", failure)
        return
    st.caption(f":material/check: {stamp.st_size / 1e6:,.0f} MB, {text.count(len(table.columns), 'column')}, {text.label(table.encoding)}; "
               f"the first {len(table.rows)} rows are shown here")
    st.header("Which column is what")
    found = mapping.mapping_form(table, "examples", ("split_column", "entity_column"))
    if found is None:
        st.info("Choose the columns that are still open.", icon=":material/info:")
        return
    settings = _settings()
    st.header("As the model will see it")
    base = bases.choose_base("data", "Through the template of")
    if base:
        _first_rows(table, found, base)
    st.header("Import")
    if st.button(f"Import {stamp.st_size / 1e6:,.0f} MB in the background", type="primary", icon=":material/database:", key="data_import_start"):
        _begin(path, table, found, settings)


@st.cache_resource(max_entries=8, show_spinner="Reading the first rows …")
def _head(path: str, stamp: int, size: int) -> Any:
    return importing.look(Path(path))


def _settings() -> dict[str, Any]:
    left, middle, right = st.columns(3)
    rows = left.number_input("Rows to use, at most (0: all)", 0, LARGE.rows, 0, key="data_large_rows", persist_state="session",
                             help="A random part of the file, the same each time. Training on some thousand rows already shows what training can do.")
    test = middle.number_input("Test rows", 30, 50_000, 1_000, key="data_large_test", persist_state="session",
                               help="Rows that no System learns from; every System answers each of them. 1,000 tell apart differences of about 4 points.")
    validation = right.number_input("Validation rows", 0, 50_000, 1_000, key="data_large_validation", persist_state="session",
                                    help="Rows that the validation curves are drawn from.")
    mends = st.multiselect("Mend on the way", MENDABLE, key="data_large_mends", persist_state="session", format_func=lambda name: MENDS[name].label,
                           placeholder="Nothing: take the rows as they are")
    return {"rows": rows, "test": test, "validation": validation, "mends": tuple(mends)}


def _first_rows(table: Any, found: Mapping, base: Any) -> None:
    try:
        examples, _ = to_examples(table, found)
    except LabError as error:
        panels.problem("These columns do not work", error.failure)
    else:
        panels.model_view(examples, base, "data_large_view")


def _begin(path: Path, table: Any, found: Mapping, settings: dict[str, Any]) -> None:
    try:
        job = importing.start(path, importing.plan_for(path, table, mapping=found, **settings))
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
    st.progress(found.share or 0.0, f"{STAGES.get(found.stage, found.stage)}: {text.count(found.rows, 'row')}, {found.lost:,} stayed out")
    st.caption(f"{text.label(found.name)}: {found.read_bytes / 1e6:,.0f} of {found.size / 1e6:,.0f} MB, {text.seconds(found.seconds)}, "
               f"at most {found.peak_bytes / 2**20:,.0f} MiB of memory. It goes on when you leave this page.")
    _discard(job, "Cancel")


def _discard(job: str, label: str) -> None:
    if st.button(label, icon=":material/close:", key=f"data_import_discard_{job}"):
        importing.discard(job)
        st.rerun()


def _draft(job: str, found: importing.Progress) -> None:
    """What came in, what the checks found, and the form that makes a Task of it."""
    made = importing.draft(job)
    st.caption(f":material/check: {text.label(found.name)}: {text.count(sum(made.counts.values()), 'row')} in {text.seconds(found.seconds)}, "
               f"{made.lost:,} stayed out, at most {found.peak_bytes / 2**20:,.0f} MiB of memory")
    for column, (name, count) in zip(st.columns(3), made.counts.items()):
        column.metric({"train": "Training", "validation": "Validation", "test": "Test"}[name], f"{count:,}")
    st.header("Check")
    findings.list_findings((*made.findings, *importing.stayed_out(made)), st.empty())
    if any(made.mends):
        st.caption("What is offered as a mend is done on the way: discard this draft, choose it under Mend on the way, and import again.")
    st.header("Save")
    saving.save_import(job, made, _saved)
    _discard(job, "Discard")


def _saved(task: Any) -> None:
    """The draft is gone with this: the page says so from now on, and asks for the next file."""
    st.session_state["data_imported"] = task.name
    st.session_state["_data_large_done"] = True
