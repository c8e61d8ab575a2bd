"""What to do with a file that is too large for an upload: what it becomes, which column is what, how many rows, and the button that begins.

Nothing of such a file but its first rows ever comes into this process.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from lab import store
from lab.core import DataError, LabError, failure_of
from lab.corpus.bulk_lengths import LONG
from lab.corpus.bulk_plan import Plan
from lab.corpus.documents import MOST_FILES
from lab.corpus.limits import LARGE
from lab.corpus.mapping import Mapping
from lab.corpus.mending import MENDS, TOO_LONG
from lab.corpus.rows import to_examples
from lab.jobs import importing
from lab.ui import bases, mapping, panels, reads, text

FOLDER = "incoming"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
KINDS = {"examples": "Examples", "preferences": "Preference pairs", "documents": "Documents"}
_ROWS = ("garbled", "mask", "leaks", "overlap", "duplicates", LONG)
MENDABLE = {"examples": _ROWS, "preferences": _ROWS, "documents": ("garbled", "mask")}
Begin = Callable[[Path, Plan], None]


def may_read(path: Path) -> None:
    """Raises DataError where people of other machines use this app: they bring files by the workspace's folder `incoming` alone."""
    inside = (store.home() / FOLDER).resolve()
    if st.get_option("server.address") not in LOOPBACK and inside not in path.expanduser().resolve().parents:
        raise DataError("This app is used over a network, so it reads only files of one folder", path.name[-80:], f"Put the file into {inside}")


def kind_and_path() -> tuple[str, str]:
    """What the file becomes, and where it stands."""
    kind = st.segmented_control("What it becomes", list(KINDS), default="examples", format_func=KINDS.get, key="data_large_kind", required=True)
    path = st.text_input("Path of the folder or file" if kind == "documents" else "Path of the file", key="data_large_path", persist_state="session",
                         placeholder="/data/handbook" if kind == "documents" else "/data/tickets.jsonl")
    return kind, path.strip()


def plan(kind: str, path: Path, begin: Begin) -> None:
    """The choices for one file. `begin` is called with the plan when somebody presses the button."""
    try:
        may_read(path)
        task = _task() if kind != "examples" else ""
        if task is None:
            return
        if kind == "documents":
            _documents(path, task, begin)
        else:
            _table(kind, path, task, begin)
    except (LabError, OSError) as error:
        failure = failure_of(error) if isinstance(error, LabError) else DataError("There is no such file", path.name[-80:], "Check the path").failure
        panels.problem("This file was not taken", failure)


def _task() -> str | None:
    """The Task that pairs or documents are for."""
    names = reads.task_names()
    return st.selectbox("For the task", list(names), index=None, format_func=names.get, key="data_large_task", placeholder="Choose a task",
                        help="They come beside its examples, and nothing may be learned that its test asks. Another task is made, with them; this "
                             "one stays as it is.")


def _documents(path: Path, task: str, begin: Begin) -> None:
    count, size = importing.look_documents(path)
    what = "an archive" if path.suffix.lower() == importing.ARCHIVE else text.count(count, "file")
    st.caption(f":material/check: {what}, {size / 1e6:,.0f} MB. Each file is read by itself; at most {MOST_FILES:,} files come in.")
    mends = _mends("documents")
    if st.button(f"Import {what} in the background", type="primary", icon=":material/database:", key="data_import_start"):
        begin(path, importing.plan_documents(path, task, mends))


def _table(kind: str, path: Path, task: str, begin: Begin) -> None:
    stamp = path.expanduser().stat()
    table = _head(str(path.expanduser().resolve()), stamp.st_mtime_ns, stamp.st_size)
    st.caption(f":material/check: {stamp.st_size / 1e6:,.0f} MB, {text.count(len(table.columns), 'column')}, {text.label(table.encoding)}; "
               f"the first {len(table.rows)} rows are shown here")
    st.header("Which column is what")
    found = mapping.mapping_form(table, kind, ("split_column", "entity_column"))
    if found is None:
        st.info("Choose the columns that are still open.", icon=":material/info:")
        return
    settings = _settings(kind) | {"kind": kind, "task": task}
    st.header("As the model will see it")
    base = bases.choose_base("data", "Through the template of")
    if base:
        _first_rows(table, found, base)
    st.header("Import")
    if st.button(f"Import {stamp.st_size / 1e6:,.0f} MB in the background", type="primary", icon=":material/database:", key="data_import_start"):
        begin(path, importing.plan_for(path, table, base, mapping=found, **settings))


@st.cache_resource(max_entries=8, show_spinner="Reading the first rows …")
def _head(path: str, stamp: int, size: int) -> Any:
    return importing.look(Path(path))


def _settings(kind: str) -> dict[str, Any]:
    left, middle, right = st.columns(3)
    settings = {"rows": left.number_input("Rows to use, at most (0: all)", 0, LARGE.rows, 0, key="data_large_rows", persist_state="session",
                                          help="A random part of the file, the same each time. Training on some thousand rows already shows what "
                                               "training can do.")}
    if kind == "examples":
        settings["test"] = middle.number_input("Test rows", 30, 50_000, 1_000, key="data_large_test", persist_state="session",
                                               help="Rows that no System learns from; every System answers each of them. 1,000 tell apart "
                                                    "differences of about 4 points.")
    settings["validation"] = (right if kind == "examples" else middle).number_input(
        "Validation rows", 0, 50_000, 1_000, key="data_large_validation", persist_state="session", help="Rows that the validation curves are drawn from.")
    return settings | {"mends": _mends(kind)}


def _mends(kind: str) -> tuple[str, ...]:
    return tuple(st.multiselect("Mend on the way", MENDABLE[kind], key=f"data_large_mends_{kind}", persist_state="session",
                                format_func=lambda name: TOO_LONG if name == LONG else MENDS[name].label, placeholder="Nothing: take everything as it is"))


def _first_rows(table: Any, found: Mapping, base: Any) -> None:
    """The first rows through the base's template; of pairs with the chosen answer."""
    as_examples = found.model_copy(update={"answer": found.chosen, "chosen": "", "rejected": ""}) if found.chosen else found
    try:
        examples, _ = to_examples(table, as_examples)
    except LabError as error:
        panels.problem("These columns do not work", error.failure)
    else:
        panels.model_view(examples, base, "data_large_view")
