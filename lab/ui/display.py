"""How the reader wants to see: large type for a projector, and the form in which figures are saved. Both stand in the URL.

Streamlit fixes its theme at the start. Its sizes are relative to the page's root, so one constant style sheet makes all of it larger; charts
take the same factor from `scale()`.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

LARGE = 1.4  # of the usual 16 px: read from the back row at 1080 lines
FORMATS = {"png": "PNG", "svg": "SVG"}
_SHEET = ":root, html { font-size: %g%% !important; }" % (100 * LARGE)
_large = st.components.v2.component("lever_lab_large", html="<span></span>", css=_SHEET, isolate_styles=False)


def controls() -> None:
    """The two choices, in the sidebar; draws the style sheet while large type is on."""
    with st.expander("Display", icon=":material/visibility:"):
        st.session_state["_large_widget"], st.session_state["_figures_widget"] = is_large(), form()
        st.toggle("Large type", key="_large_widget", on_change=_keep, args=("large",), help="For a projector. The link carries it.")
        st.segmented_control("Save figures as", list(FORMATS), format_func=FORMATS.get, key="_figures_widget", required=True, on_change=_keep,
                             args=("figures",), help="Hold the mouse over a figure and press the camera.")
    if is_large():
        _large(key="large_sheet")


def _keep(name: str) -> None:
    """What was chosen, for this session and for the link."""
    value = st.session_state[f"_{name}_widget"]
    st.session_state[f"_{name}"] = st.query_params[name] = str(value).lower()


def _chosen(name: str, usual: str) -> str:
    """A link decides when it is opened; afterwards the session remembers, also where another page's address does not say it."""
    return st.session_state.setdefault(f"_{name}", st.query_params.get(name, usual))


def is_large() -> bool:
    return _chosen("large", "false") == "true"


def form() -> str:
    """In which form figures are saved."""
    return found if (found := _chosen("figures", "png")) in FORMATS else "png"


def scale() -> float:
    """By how much type is larger than usual."""
    return LARGE if is_large() else 1.0


def figure(name: str) -> dict[str, Any]:
    """A chart's tool bar: one button that saves it, under a name and in the form that was chosen."""
    return {"displaylogo": False, "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {"format": form(), "filename": f"lever-lab-{name}", "scale": 2 if form() == "png" else 1}}
