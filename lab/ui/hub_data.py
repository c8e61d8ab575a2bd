"""A data set from a hub as a table of the Data page: look, choose files, download, and read them in the guarded child as an upload is."""

from __future__ import annotations

import streamlit as st

from lab import store
from lab.core import DataError, LabError
from lab.corpus import Table
from lab.corpus.limits import LIMITS
from lab.corpus.tables import join_files, read_table
from lab.jobs import hub as hubs
from lab.ui import hub, hub_kept, kept, panels

KEY = "dataset"
ROLES = {"examples": "Examples", "preferences": "Preferences"}
MOST_FILES = 20  # read together into one table


def choose() -> dict[str, Table]:
    """Role ("examples" or "preferences") -> the table that was chosen; empty where none is."""
    _chosen_by_now()
    with st.expander("A data set from a hub", icon=":material/cloud_download:"):
        chosen = _at_hand()
        role = st.segmented_control("Use it as", list(ROLES), default="examples", format_func=ROLES.get, required=True, key=f"{KEY}_role") if chosen else ""
        found = hub.look_form(KEY, "dataset", "Owner and name of the data set", "openai/gsm8k")
        if found:
            _offer(found)
        hub.watch(KEY, "dataset")
    hub_kept.kept_panel(KEY, "dataset", hub.size)
    table = _table(chosen) if chosen else None
    return {role or "examples": table} if table else {}


def _at_hand() -> str | None:
    """One of the downloaded data sets' artifact keys; what this session downloaded is chosen."""
    there = {about["key"]: f"{about['repo']}: {', '.join(about['names'])}"[:200] for about in store.downloads.there(store.downloads.DATA)}
    return st.selectbox("On this machine", list(there), index=None, format_func=lambda key: there.get(key, key), key=f"{KEY}_there",
                        placeholder="Choose one that was downloaded") if there else None


def _chosen_by_now() -> None:
    if st.session_state.pop(kept.FINISHED, False):
        st.session_state[f"{KEY}_there"] = None
    wanted = st.session_state.get(f"_{KEY}_wanted")
    if wanted and store.artifacts.about(wanted):
        st.session_state.pop(f"_{KEY}_wanted")
        st.session_state[f"{KEY}_there"] = wanted


def _offer(found: hubs.HubRepo) -> None:
    hub.figures(found)
    labels = {file.name: f"{file.name} ({', '.join(filter(None, (hubs.split_of(file.name), hub.size(file.size))))})" for file in found.files}
    picked = st.multiselect("Tables", list(labels), default=list(labels)[:1] if len(labels) == 1 else [], format_func=labels.get, key=f"{KEY}_hub_files",
                            help="Files of one data set are put together; where their names say train, validation or test, rows keep that split.")
    if not picked:
        st.caption("Choose the files that make up one table.")
        return
    some = found.only(picked)
    if problem := _too_much(some):
        panels.problem("This is too much for the page", problem.failure)
    elif store.artifacts.about(some.key):
        if st.session_state.get(f"{KEY}_there") != some.key:
            st.button("Use them: they are on this machine", key=f"{KEY}_hub_use", on_click=st.session_state.update, args=({f"{KEY}_there": some.key},))
    elif not hub.active(some.key) and hub.begin_button(KEY, some):
        st.session_state[f"_{KEY}_wanted"] = some.key
        st.rerun()


def _too_much(some: hubs.HubRepo) -> DataError | None:
    """What the reader would refuse is not downloaded first."""
    large = next((file for file in some.files if file.size > LIMITS.file_bytes), None)
    if large:
        return DataError(f"{large.name} has {hub.size(large.size)}; {hub.size(LIMITS.file_bytes)} are the most here", some.repo,
                         f"Choose a smaller file, or in a shell: python -m lab download {some.repo} --dataset --files {large.name}; the path that it "
                         "prints can be read as a larger file on this machine")
    if len(some.files) > MOST_FILES:
        return DataError(f"{len(some.files)} files are chosen; {MOST_FILES} are the most", some.repo, "Choose fewer files")
    return None


def _table(key: str) -> Table | None:
    found = _read(str(store.home()), key)
    if isinstance(found, LabError):
        panels.problem("This data set was not taken", found.failure)
        return None
    return found


@st.cache_resource(max_entries=8, ttl=3_600, show_spinner="Reading the data set …")
def _read(home: str, key: str) -> Table | LabError:
    try:
        return read(key)
    except LabError as error:
        return error


def read(key: str) -> Table:
    """The files of a downloaded data set as one table, with a column `split` where their names say more than one. Raises DataError."""
    about, folder = store.artifacts.about(key), store.artifacts.find(key)
    if folder is None:
        raise DataError("This data set is no longer whole on this machine", key, "Download it again")
    return join_files([(hubs.split_of(name), read_table(folder / f"{number:05d}{hubs.ending(name)}", name)) for number, name in enumerate(about["names"])])
