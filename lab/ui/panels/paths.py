"""The plane of learning and forgetting for one experiment's task; a click on a System opens its answers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lab.ui import charts, display, state, text
from lab.ui.panels.numbers import numbers


def paths_panel(frame: pd.DataFrame, names: list[str], key: str, drops: pd.DataFrame | None = None) -> None:
    """`frame` as compare.paths gives it, `names`: every System, for stable colours; `drops`: what each forgot, suite by suite."""
    if len(frame) < 2 and drops is not None and drops["drop"].notna().any():
        st.caption("There is no plane: a share that is kept can only be counted on a suite where the base itself stands above chance, and here there "
                   "is none. " + ("What training cost such a base is how much its loss on held-out text rose: it stands suite by suite below."
                                  if drops["metric"].isin(text.LOSSES).any() else
                                  "For such a base watch held-out text: its loss says what training cost."))
        return
    if len(frame) < 2:
        st.caption("The plane appears once the base and one more System were scored on the task and on a retention suite.")
        return
    figure = charts.paths_chart(frame, charts.style_of(names, state.look()), state.look())
    st.plotly_chart(figure, key=key, config=display.figure("learned-against-kept"), on_select=lambda: _open(key), selection_mode="points",
                    alt=f"Task score against what was kept, {text.count(len(frame), 'System')}; numbers below")
    on_the_way = "the small open marks, its checkpoints" if (frame["place"] != "").any() else "the trained states that were scored (SFT before SFT → DPO)"
    st.caption(f"To the right: learned more; further down: forgot more. Bars are 95 % intervals. A line goes from the base over {on_the_way}. "
               "Mean retention: of what the base knew above chance, the share that is left, averaged over the suites where it knew something. "
               "A ring is a mark that another one covers; both speak for both. Click on a mark to open its answers.")
    numbers(frame, "learning_forgetting", key)


def _open(key: str) -> None:
    """The answers of the System or checkpoint whose mark was clicked."""
    chosen = st.session_state.get(key) or {}
    points = chosen.get("selection", {}).get("points", [])
    if clicked := next((point["customdata"] for point in points if len(point.get("customdata") or ()) > 2), None):
        state.open_outputs([clicked[1], *clicked[3:]], clicked[2])
