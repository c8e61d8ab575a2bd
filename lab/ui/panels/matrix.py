"""System x need with intervals, and each System against the reference in words."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab.ui import charts, display, marked, state, text
from lab.ui.panels.numbers import numbers

UNSOLVED = 0.02  # a share up to one right answer in fifty: there is nothing to compare, however many items are asked


def matrix_panel(frame: pd.DataFrame, key: str) -> None:
    """System x need with intervals; what is not there yet says why in its place."""
    if frame.empty:
        st.caption("Scores appear here as soon as there is a run.")
        return
    look = state.look()
    best = frame.dropna(subset=["value"])
    several = "seeds" in frame and (frame["seeds"] > 1).any()
    alt = f"Scores of {text.count(frame['system'].nunique(), 'System')} on {text.count(frame['need'].nunique(), 'need')}; numbers below"
    figure = charts.matrix_chart(frame, charts.style_of(frame["system"], look), look)
    st.plotly_chart(figure, key=key, config=display.figure("scores"), alt=alt)
    st.caption("A dot is the score on test items that no System was trained on; its bar is the 95 % interval. "
               + ("Small open marks beneath are the single seeds; the bar counts items and seeds. " if several else "")
               + ("Two seeds hardly show how much seeds differ, so their bar is wide. " if several and (frame["seeds"] == 2).any() else "")
               + ("Where bars overlap widely, more items are needed to tell the Systems apart." if set(best["need"]) - set(unsolved(frame)) else "")
               if len(best) else
               "Scores appear here as soon as the first run has answered its test items.")
    _unsolved_words(frame)
    numbers(frame.drop(columns=["run"], errors="ignore"), "scores", key)


def unsolved(frame: pd.DataFrame) -> list[str]:
    """The needs that no System meets at all, once every run has ended: two or more shares, all of them about nothing."""
    found = []
    for need, rows in frame.groupby("need", sort=False):
        known = rows.dropna(subset=["value"])
        shares = not known["metric"].isin(text.LOSSES).any() and not rows["state"].isin(text.ACTIVE).any()
        if len(known) > 1 and shares and (known["value"] <= UNSOLVED).all():
            found.append(str(need))
    return found


def _unsolved_words(frame: pd.DataFrame) -> None:
    if found := unsolved(frame):
        st.info(f"No System solves {', '.join(map(text.label, found))}: all stand at {UNSOLVED:.0%} or less, and more items would not change that. Outputs "
                "shows what they answer instead (right in substance but in other words: choose another scorer), Cost and health what was cut short. "
                "What helps: more epochs or a higher learning rate where the validation loss still falls, more examples, or a larger base.",
                icon=":material/trending_flat:")


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
