"""How many rows of a file are used, and how they are split where no column says so. A step of the Data page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.corpus.cells import fields, text_of
from lab.corpus.draw import spread
from lab.corpus.labels import labels_of
from lab.corpus.mapping import Mapping
from lab.ui import uploads


def shares_form(table: Any) -> None:
    """How many rows are used, and how they are split where no column says so. What is chosen holds for this file alone."""
    mark = uploads.mark(table)
    with st.expander("How many rows, and how they are split"):
        left, middle, right = st.columns(3)
        left.number_input("Rows to use, at most", 10, 200_000, max(10, len(table.rows)), key=f"data_rows_{mark}", persist_state="session",
                          help="A random part of the file, the same each time.")
        middle.number_input("Test share (%)", 5, 100, 10, key=f"data_test_share_{mark}", persist_state="session",
                            help="Rows that no System learns from. 100: nothing is trained, as for retrieval alone.")
        right.number_input("Validation share (%)", 0, 50, 10, key=f"data_validation_share_{mark}", persist_state="session",
                           help="Rows that the validation curves are drawn from.")


def some_rows(table: Any, mapping: Mapping | None = None) -> Any:
    """The table, or a random part of it where fewer rows are wanted; drawn with a fixed seed, in the file's order. Where the mapping's answers
    are labels, each label keeps rows, in each split that the file has."""
    most = st.session_state.get(f"data_rows_{uploads.mark(table)}") or len(table.rows)
    if most >= len(table.rows):
        return table
    places = spread(_kinds(table, mapping), most)
    return table.model_copy(update={"rows": tuple(table.rows[place] for place in places), "numbers": tuple(place + 1 for place in places)})


def _kinds(table: Any, mapping: Mapping | None) -> list[tuple[str, ...]]:
    """What each row is one of: a label, in a split of the file; all are of one kind where answers are no labels."""
    columns = fields(mapping.answer) if mapping and labels_of(table, mapping.answer) else []
    columns = [*columns, *([mapping.split_column] if mapping and columns and mapping.split_column else [])]
    return [tuple(text_of(row.get(column)).strip() for column in columns) for row in table.rows]


def limit_told(table: Any) -> None:
    """Says that a limit is in force, where one is."""
    if (used := len(some_rows(table).rows)) < len(table.rows):
        st.caption(f":orange[:material/filter_list: Drawn: {used:,} of the file's {len(table.rows):,} rows, as asked under \"How many rows\".]")


def shares(table: Any) -> tuple[float, float, float]:
    """(train, validation, test) of all rows; the test's share goes first."""
    mark = uploads.mark(table)
    test = (st.session_state.get(f"data_test_share_{mark}") or 10) / 100
    validation = min(1 - test, (10 if (asked := st.session_state.get(f"data_validation_share_{mark}")) is None else asked) / 100)
    return round(1 - test - validation, 4), validation, test
