"""Words and numbers as they are shown; CSV cells that cannot become formulas."""

import ast
import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ui import text
from lab.ui.panels.numbers import csv as to_csv


def test_nothing_measured_is_never_zero():
    assert text.number(None) == text.number(float("nan")) == "–"
    assert text.number(0.0) == "0 %" and text.number(0.0, "text_loss") == "0.00"
    assert text.interval(None, None) == ""


@pytest.mark.parametrize("value, shown", [(None, "–"), (0.42, "0.4 s"), (12, "12 s"), (185, "3 min 05 s"), (7_800, "2 h 10 min")])
def test_durations(value, shown):
    assert text.seconds(value) == shown


@given(st.text(max_size=60))
def test_no_sign_of_markdown_survives_in_a_label(words):
    shown = text.label(words)
    bare = shown.replace("\\\\", "")
    for sign in "*_[]`$<#~":
        assert all(bare[place - 1] == "\\" for place, letter in enumerate(bare) if letter == sign)
    assert ":" not in shown or all(shown[place + 1] == "\u2060" for place, letter in enumerate(shown) if letter == ":")


@given(st.lists(st.text(alphabet="=+-@\t\r\nab,\"' 1", max_size=8), min_size=1, max_size=5))
def test_no_csv_cell_is_a_formula_and_all_words_come_back(cells):
    rows = list(csv.reader(io.StringIO(to_csv(pd.DataFrame({"=head": cells, "n": range(len(cells))})), newline="")))
    assert rows[0] == ["'=head", "n"]
    for row, cell in zip(rows[1:], cells):
        assert row[0] in (cell, f"'{cell}")
        assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n")) or row[0].lstrip("+-").isdigit()


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "-", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "-1e", "--1"])
def test_what_a_spreadsheet_would_calculate_gets_an_apostrophe(cell):
    assert text.cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-0.5", "+3", "-1e-05", "7", "a=b", "'=1", "", "2024-01-01"])
def test_numbers_and_words_stay_as_they_are(cell):
    assert text.cell(cell) == cell


def test_negative_numbers_stay_numbers():
    assert "\n-0.5\n" in to_csv(pd.DataFrame({"drop": [-0.5]}))


def test_every_table_on_a_page_and_every_csv_come_from_one_place():
    """Streamlit's own tables offer their cells raw as CSV: only the one place that takes this offer away may draw one."""
    root = Path(text.__file__).parents[2]
    places = {}
    for path in [root / "app.py", *root.glob("pages/*.py"), *root.glob("lab/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("dataframe", "table", "to_csv", "data_editor"):
                places.setdefault(node.attr, set()).add((path.name, getattr(node.value, "id", "")))
    assert places["to_csv"] == {("numbers.py", "safe")} and places["dataframe"] == {("numbers.py", "st")}
    assert places["data_editor"] == {("mapping.py", "st")}, "what is typed there goes into a task; its own CSV is switched off"
    assert not {place for place in places.get("table", ()) if place[1] == "st"}
