"""What came from a hub and is on this machine, with its size, and deleting one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lab import store
from lab.core import LabError, failure_of
from lab.jobs import hub, removing
from lab.ui import panels, text

TITLES = {"model": "Downloaded models", "dataset": "Downloaded data sets"}
STAYS = {"model": "Scores of its Systems stay; they can no longer be asked, and new runs on it need it downloaded again.",
         "dataset": "Tasks that were made from it stay as they are."}


def kept_panel(key: str, kind: hub.Kind, size: Callable[[float], str]) -> None:
    """One line per download of the workspace; nothing where there is none. `size`: bytes as words."""
    found = store.downloads.there(store.downloads.MODEL if kind == "model" else store.downloads.DATA)
    if not found:
        return
    with st.expander(f"{TITLES[kind]}: {len(found)}, {size(sum(about['bytes'] for about in found))}", icon=":material/hard_drive:"):
        for about in found:
            _line(key, kind, about, size)


def _line(key: str, kind: hub.Kind, about: dict[str, Any], size: Callable[[float], str]) -> None:
    left, middle, right = st.columns([6, 2, 2], vertical_alignment="center")
    left.text(about["repo"] if kind == "model" else f"{about['repo']}: {text.short(', '.join(about['names']), 60)}")
    middle.caption(f"{size(about['bytes'])}, {text.day(about['at']).split(',')[0]}")
    with right.popover("Delete", icon=":material/delete:", width="stretch"):
        st.caption(STAYS[kind])
        if kind == "model" and removing.answers_now(f"{about['repo']}@{about['commit']}"):
            st.caption("It is in memory for questions on the page Ask, and leaves it.")
        if st.button(":red[Delete for good]", icon=":material/delete_forever:", key=f"{key}_hub_delete_{about['key']}"):
            _delete(about)


def _delete(about: dict[str, Any]) -> None:
    try:
        removing.delete_download(about["key"])
    except (LabError, OSError) as error:
        panels.problem("It was not deleted", failure_of(error, about["repo"]))
    else:
        st.toast("Deleted.")
        st.rerun()
