"""The two pictures an experiment ends in: System x need, and what each System forgot; and differences in words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab.ui import charts, marked, state, text
from lab.ui.panels.numbers import numbers

PLAIN = {"displayModeBar": False}


ABOVE_CHANCE = 0.05  # five points: the half-width of an interval at n = 150 near the floor


def matrix_panel(frame: pd.DataFrame, key: str) -> None:
    """System x need with intervals; what is not there yet says why in its place."""
    look = state.look()
    best = frame.dropna(subset=["value"])
    alt = f"Scores of {text.count(frame['system'].nunique(), 'System')} on {text.count(frame['need'].nunique(), 'need')}; numbers below"
    figure = charts.matrix_chart(frame, charts.style_of(frame["system"], look), look)
    st.plotly_chart(figure, key=key, config=PLAIN, alt=alt)
    st.caption("A dot is the score on test items that no System was trained on; its bar is the 95 % interval. "
               "Where bars overlap widely, more items are needed to tell the Systems apart." if len(best) else
               "Scores appear here as soon as the first run has answered its test items.")
    numbers(frame.drop(columns=["run"], errors="ignore"), "scores", key)


def forgetting_panel(frame: pd.DataFrame, key: str) -> None:
    """Retention suites x Systems: before → after."""
    if frame.empty:
        st.caption("General abilities before and after appear here once the base and one more System were scored on them.")
        return
    st.plotly_chart(charts.forgetting_chart(frame, state.look()), key=key, config=PLAIN,
                    alt=f"Before and after on {text.count(frame['suite'].nunique(), 'suite')} for each System; numbers below")
    st.caption("Each cell: the base's score → the System's score on abilities nobody trained for. Orange: forgotten, blue: gained; "
               "no colour: the change cannot be told from chance. In losses (nats per token) higher is worse. Prompting and retrieval change "
               "no weight: what their Systems lose here is drowned out by the shots or passages, and comes back without them.")
    if weak := not_above_chance(frame):
        st.caption(f"The base itself does not stand above chance on: {', '.join(map(text.label, weak))}. What it does not know it cannot forget: "
                   "these rows say nothing.")
    numbers(frame, "forgetting", key)


def not_above_chance(frame: Any) -> list[str]:
    """Suites on which forgetting cannot be measured: the base is about as good as guessing (losses have no such floor)."""
    if "chance" not in frame:
        return []
    rows = frame[~frame["metric"].isin(text.LOSSES) & (frame["base"] <= frame["chance"] + ABOVE_CHANCE)]
    return list(dict.fromkeys(rows["suite"]))


def difference_panel(found: dict[str, Any], reference: str, key: str) -> None:
    """Each System against the reference, in words and in numbers."""
    if not found:
        st.caption("Nothing to compare with yet: the reference or the others have no scores on this task.")
        return
    words = {"better": "▲ better", "worse": "▼ worse", "unclear": "≈ cannot tell", "not measured": "–"}
    marked.grid(["System", "Verdict", "In words"], [[marked.plain(name), marked.plain(words[entry.verdict]), marked.plain(entry.sentence)]
                                                    for name, entry in found.items()], key=f"{key}_grid", widths=(2, 2, 8))
    detail = pd.DataFrame([{"reference": reference, "system": name, **entry.model_dump(exclude={"sentence"})} for name, entry in found.items()])
    numbers(detail, "differences", key)
