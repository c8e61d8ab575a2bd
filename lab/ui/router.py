"""Navigation, and the guard that makes a deep link go through app.py. Knows the pages' files and titles, nothing of their content.

Streamlit runs a file of pages/ directly when it is the first request after a server start: without page config and navigation.
Each page's first line therefore calls `ensure_router` with its own path.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.ui import state

START, DATA, BUILD, PRETRAIN = "pages/start.py", "pages/data.py", "pages/build.py", "pages/pretrain.py"
RETRIEVAL = "pages/retrieval.py"
RUNS, COMPARE, ASK, EVIDENCE = "pages/runs.py", "pages/compare.py", "pages/ask.py", "pages/evidence.py"
VOTE = "pages/vote.py"
SECTIONS = {
    "": ((START, "Start", "home"),),
    "Set up": ((DATA, "Data", "table_view"), (RETRIEVAL, "Retrieval", "manage_search"), (BUILD, "Build", "construction"), (PRETRAIN, "Pretrain", "egg")),
    "Results": ((RUNS, "Runs", "play_circle"), (COMPARE, "Compare", "query_stats"), (ASK, "Ask", "forum"),
                (VOTE, "Vote", "how_to_vote"), (EVIDENCE, "Evidence", "fact_check")),
}
_READY, _WANTED, _HERE = "_router_ready", "_router_wanted", "_router_here"


def navigation() -> Any:
    """The page to run, after registering all of them. A voter sees no way to other pages."""
    pages = {section: [st.Page(path, title=title, icon=f":material/{icon}:", default=path == START) for path, title, icon in rows]
             for section, rows in SECTIONS.items()}
    page = st.navigation(pages, position="hidden" if ballot_code() else "sidebar")
    st.session_state[_READY] = True
    return page


def ballot_code() -> str:
    """The code of a vote's short link; empty for everybody who is no voter."""
    return st.query_params.get("session", "")


def ensure_router(path: str) -> None:
    """Send a page that was opened without app.py through it; address and query string survive."""
    if _READY not in st.session_state:
        st.session_state[_WANTED] = path
        st.switch_page("app.py", query_params=_query())
    if st.session_state.get(_HERE) != path:
        st.session_state[_HERE] = path
        state.arrived()


def follow_deep_link() -> None:
    """Go on to the page that `ensure_router` sent here."""
    if wanted := st.session_state.pop(_WANTED, None):
        st.switch_page(wanted, query_params=_query())


def _query() -> dict[str, list[str]]:
    """The whole query string; a name may stand in it several times."""
    return {name: st.query_params.get_all(name) for name in st.query_params}
