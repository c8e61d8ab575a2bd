"""The board keeps every cell, measured or not, in its place."""

import json

import numpy as np
import pytest

from lab.compare import Cell, drop, forgetting_frame, forgetting_json, scoreboard, scores_json, wide, wide_text


@pytest.fixture
def cells(evaluation):
    return [Cell(system="base", need="facts", run="r1", state="finished", evaluation=evaluation([1.0, 0.0, 0.0, 0.0])),
            Cell(system="base", need="form", run="r2", state="finished", evaluation=evaluation([0.0, 0.0], suite="form")),
            Cell(system="SFT", need="facts", run="r3", state="failed", reason="memory ran out"),
            Cell(system="SFT", need="form", run="r4", state="finished", evaluation=evaluation([None, None], suite="form"))]


def test_the_long_frame_holds_failed_and_unmeasured_cells(cells):
    frame = scoreboard(cells)
    assert list(frame.columns)[:9] == ["system", "need", "metric", "value", "low", "high", "n", "state", "reason"]
    assert len(frame) == 4 and frame["value"].isna().tolist() == [False, False, True, True] and frame["n"].tolist() == [4, 2, 0, 0]
    assert frame["reason"].tolist() == ["", "", "memory ran out", "no item was scored by exact_match"]


def test_a_metric_that_was_not_scored_is_not_zero(cells):
    frame = scoreboard(cells, "json_fields")
    assert frame["value"].isna().all() and frame["reason"].iloc[0] == "no item was scored by json_fields"


def test_the_matrix_keeps_order_and_holes(cells):
    table = wide(scoreboard(cells))
    assert list(table.index) == ["base", "SFT"] and list(table.columns) == ["facts", "form"]
    assert table.loc["base", "facts"] == 0.25 and np.isnan(table.loc["SFT", "facts"])


def test_the_readable_matrix_says_why_there_is_no_number(cells):
    table = wide_text(scoreboard(cells))
    assert table.loc["base", "facts"] == "25 % (5 to 70)"
    assert (table.loc["SFT", "facts"], table.loc["SFT", "form"]) == ("failed", "not measured")


def test_several_seeds_are_shown_as_mean_and_range(evaluation):
    seeds = [Cell(system="SFT", need="facts", run=f"r{right}", state="finished", evaluation=evaluation([1.0] * right + [0.0] * (10 - right)))
             for right in (4, 6)]
    frame = scoreboard(seeds)
    assert wide(frame).loc["SFT", "facts"] == pytest.approx(0.5)
    assert wide_text(frame).loc["SFT", "facts"] == "50 % (40 to 60, 2 seeds)"


def test_losses_are_not_shown_as_percent(evaluation):
    cell = Cell(system="base", need="text", state="finished", evaluation=evaluation([1.0, 2.0, 1.5], metric="text_loss"))
    assert wide_text(scoreboard([cell])).loc["base", "text"].startswith("1.500 (")


def test_an_empty_board_is_a_board():
    frame = scoreboard([])
    assert frame.empty and wide(frame).empty and wide_text(frame).empty and forgetting_frame([]).empty


def test_rows_for_programs_have_exactly_the_promised_keys(cells, evaluation):
    rows = scores_json(cells)
    assert all(list(row) == ["system", "suite", "metric", "value", "low", "high", "n"] for row in rows)
    assert rows[0]["value"] == 0.25 and rows[2] == {"system": "SFT", "suite": "facts", "metric": None, "value": None, "low": None,
                                                    "high": None, "n": 0}
    lost = forgetting_json([("SFT", drop(evaluation([1.0] * 9), evaluation([0.0] * 9)))])
    assert sorted(lost[0]) == sorted(["system", "suite", "base", "value", "drop", "low", "high", "n"]) and lost[0]["drop"] == 1
    assert json.loads(json.dumps(rows + lost, allow_nan=False)) == rows + lost


def test_the_forgetting_frame_is_numeric(evaluation):
    frame = forgetting_frame([("SFT", drop(evaluation([1.0] * 9), evaluation([0.0] * 9))), ("RAG", drop(evaluation([None]), evaluation([1.0])))])
    assert frame["drop"].tolist()[0] == 1 and np.isnan(frame["drop"].tolist()[1]) and frame["retention"].dtype == float
