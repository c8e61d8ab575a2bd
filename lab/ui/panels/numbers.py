"""A frame as a table and as a CSV. Cells from outside are shown as they are and cannot become formulas or Markdown."""

from __future__ import annotations

from csv import QUOTE_NONNUMERIC
from typing import Any

import pandas as pd
import streamlit as st

from lab.ui import text

WHOLE = 20  # rows; longer tables scroll


def table(frame: pd.DataFrame, config: dict[str, Any] | None = None, **kwargs: Any) -> None:
    """A read-only table. It is sent in pieces (lazy), which also takes Streamlit's own raw CSV button away."""
    shown = frame.rename(columns=lambda name: str(name).replace("_", " "))
    height = {"height": "content"} if len(frame) <= WHOLE else {}
    st.dataframe(shown, hide_index=True, column_config=config, lazy=True, **(height | kwargs))


def numbers(frame: pd.DataFrame, name: str, key: str, label: str = "Numbers") -> None:
    """What a chart was drawn from, closed until asked for, and the same as a file."""
    with st.expander(label, icon=":material/table_rows:"):
        table(frame)
        st.download_button("Download CSV", lambda: csv(frame), file_name=f"{name}.csv", mime="text/csv", key=f"{key}_csv",
                           icon=":material/download:", on_click="ignore")


def csv(frame: pd.DataFrame) -> str:
    """Comma-separated text; cells and headings that a spreadsheet would take for a formula get an apostrophe."""
    safe = frame.rename(columns=text.cell)
    for name in safe.columns:
        if safe[name].dtype == object or pd.api.types.is_string_dtype(safe[name]):
            safe[name] = safe[name].map(text.cell)
    return safe.to_csv(index=False, quoting=QUOTE_NONNUMERIC)  # a cell with a lone carriage return stays one cell
