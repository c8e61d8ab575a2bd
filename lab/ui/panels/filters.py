"""Which items of a suite are looked at: what happened to them, a slice of the data, words to search for. And the slices' scores."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab import compare
from lab.core import Measured, Suite
from lab.ui import text
from lab.ui.panels.numbers import numbers, table

FILTERS = {"disagree": "Systems disagree", "all": "All items", "lost": "Lost against the reference", "gained": "Gained", "right": "Right",
           "wrong": "Wrong", "longest": "Longest answers", "slowest": "Slowest"}
OF_ONE = {"right": compare.right, "wrong": compare.wrong, "longest": compare.longest, "slowest": compare.slowest}
_CHOSEN = "_compare_filter_chosen"  # until the reader chose a filter, the answers themselves say where to begin


def filtered(frame: pd.DataFrame, reference: str, names: list[str], suite: Suite) -> pd.DataFrame:
    """The rows of compare.side_by_side's frame that the reader asks for."""
    if not st.session_state.get(_CHOSEN):
        st.session_state["compare_filter"] = "all" if _kind(frame, "disagree", "", reference, names, suite).empty else "disagree"
    kind = st.segmented_control("Show", list(FILTERS), format_func=FILTERS.get, key="compare_filter", persist_state="session", required=True,
                                on_change=lambda: st.session_state.update({_CHOSEN: True})) or "all"
    words, column, value, one = st.columns(4, vertical_alignment="bottom")
    name = one.selectbox("Of the System", names, index=len(names) - 1, key="compare_of") if kind in OF_ONE else names[-1]
    wanted = words.text_input("Search", key="compare_search", max_chars=200, placeholder="in questions and answers", persist_state="session")
    frame = _in_slice(_kind(frame, kind, name if name in names else names[-1], reference, names, suite), suite, column, value)
    return compare.holding(frame, wanted or "", names)


def _in_slice(frame: pd.DataFrame, suite: Suite, column_place: Any, value_place: Any) -> pd.DataFrame:
    columns = compare.slice_columns(suite)
    if not columns:
        return frame
    column = column_place.selectbox("Slice by", ["", *columns], format_func=lambda name: name or "no slice", key="compare_slice")
    if not column:
        return frame
    value = value_place.selectbox("Slice", columns[column], format_func=lambda name: text.short(name, 60) or "(empty)", key=f"compare_slice_{column}")
    return frame[frame["id"].isin(compare.items_in(suite, column, value))]


def _kind(frame: pd.DataFrame, kind: str, name: str, reference: str, names: list[str], suite: Suite) -> pd.DataFrame:
    if kind in OF_ONE:
        return OF_ONE[kind](frame, name)
    if kind == "disagree":
        return compare.disagree(frame, names) if len(names) > 1 else frame
    if kind in ("lost", "gained"):
        pick = compare.lost if kind == "lost" else compare.gained
        parts = [pick(frame, reference, other, suite.primary.higher_is_better).index for other in names if other != reference]
        return frame.loc[sorted(set().union(*parts))] if parts else frame.iloc[:0]
    return frame


def slices_panel(evaluations: dict[str, Measured], suite: Suite, metric: str | None = None) -> None:
    """Each System's score on the slices of one column."""
    columns = compare.slice_columns(suite)
    if not columns or not evaluations:
        return
    with st.expander("Scores by slice", icon=":material/category:"):
        column = st.selectbox("Column", list(columns), key="compare_slices_of")
        frame = compare.slice_scores(evaluations, suite, column, metric)
        name = metric or suite.primary.kind
        cells = frame.assign(cell=[f"{text.number(row['value'], name)} ({text.interval(row['low'], row['high'], name)})" if row["n"] else None
                                   for row in frame.to_dict("records")])
        shown = cells.pivot(index="slice", columns="system", values="cell").reindex(columns[column])[list(evaluations)]
        shown.insert(0, "n", frame.groupby("slice")["n"].max().reindex(columns[column]))
        table(shown.rename_axis(None, axis=1).reset_index(names=column).rename(columns={column: text.short(column, 40)}), placeholder="–")
        st.caption("With 95 % intervals. Many slices make chance differences likely: look here for where to look next, not for a verdict.")
        numbers(frame, "slices", "compare_slices", "The same as numbers")
