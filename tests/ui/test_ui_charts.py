"""Figures: a System's look is its own, what was not measured is said, names are never HTML."""

import json

import pandas as pd

from lab.ui.charts import Look, Panel, curves_chart, forgetting_chart, lines_of, matrix_chart, style_of
from lab.ui.charts.forgetting import is_clear
from lab.ui.panels.forgetting import without_floor

NASTY = "<b>x</b><a href='javascript:1'>y</a>"


def board(**changes):
    row = {"system": "SFT", "need": "facts", "metric": "exact_match", "value": .5, "low": .4, "high": .6, "n": 50, "state": "finished"}
    return row | changes


def test_a_style_does_not_depend_on_the_company_and_none_is_given_twice():
    alone, together = style_of(["SFT"]), style_of(["base", "3 shots", "RAG", "SFT", "SFT → DPO", "RAG + SFT", "mine"])
    assert alone["SFT"] == together["SFT"]
    assert style_of(["mine"])["mine"] == together["mine"] or len({(s.colour, s.dash) for s in together.values()}) == 7
    twenty = style_of([f"System {number}" for number in range(20)])
    assert len({(style.colour, style.dash) for style in twenty.values()}) == 20
    assert style_of(["a", "b"]) == style_of(["b", "a"])


def test_dark_and_light_differ_in_colour_only():
    light, dark = style_of(["RAG"])["RAG"], style_of(["RAG"], Look(dark=True))["RAG"]
    assert (light.dash, light.symbol) == (dark.dash, dark.symbol) and light.colour != dark.colour


def test_every_measured_cell_is_a_dot_and_every_other_one_says_why():
    frame = pd.DataFrame([board(), board(system="base", value=None, low=None, high=None, state="queued"),
                          board(need="form", value=None, low=None, high=None, state="finished"), board(system="base", need="form", low=None, high=None)])
    figure = matrix_chart(frame, style_of(frame["system"]), Look())
    assert len(figure.data) == 2
    words = [note.text for note in figure.layout.annotations]
    assert any("queued" in word for word in words) and "not measured" in words


def test_many_needs_go_into_rows_and_losses_have_their_own_range():
    frame = pd.DataFrame([board(need=f"need {number}") for number in range(4)] + [board(need="text", metric="text_loss", value=3.2, low=3.0, high=3.4)])
    figure = matrix_chart(frame, style_of(["SFT"]), Look())
    assert figure.layout.height > matrix_chart(frame[:3], style_of(["SFT"]), Look()).layout.height
    assert figure.layout.xaxis5.range[1] > 3.2


def test_no_name_becomes_html():
    frame = pd.DataFrame([board(system=NASTY, need=NASTY)])
    curves = pd.DataFrame({"series": [NASTY, NASTY], "x": [0, 1], "value": [1.0, .5]})
    drops = pd.DataFrame([{"system": NASTY, "suite": NASTY, "metric": "exact_match", "base": .9, "value": .5, "drop": .4, "low": .3, "high": .5, "n": 9}])
    for figure in (matrix_chart(frame, style_of([NASTY]), Look()), curves_chart([Panel(NASTY, NASTY, lines_of(curves, style_of([NASTY])))], Look(), "step"),
                   forgetting_chart(drops, Look())):
        assert "<a href" not in json.dumps(figure.to_plotly_json(), default=str)


def test_only_a_clear_change_has_colour():
    row = {"system": "SFT", "suite": "s", "metric": "exact_match", "base": .9, "value": .7, "drop": .2, "n": 30}
    unclear, clear = row | {"low": -.1, "high": .5}, row | {"suite": "t", "low": .1, "high": .3}
    assert not is_clear(unclear) and is_clear(clear) and not is_clear(row | {"low": None, "high": None})
    figure = forgetting_chart(pd.DataFrame([unclear, clear]), Look())
    assert [line[0] for line in figure.data[0].z] == [0.0, 0.2]


def test_what_the_base_does_not_know_is_no_change_but_a_dash_with_its_reason():
    row = {"system": "SFT", "suite": "s", "metric": "exact_match", "base": .0, "value": .0, "drop": .0, "low": .0, "high": .0, "n": 30,
           "retention": None, "chance": .0, "verdict": "kept", "sentence": "No forgetting"}
    frame = without_floor(pd.DataFrame([row, row | {"value": .6, "drop": -.6, "low": -.7, "high": -.5, "verdict": "gained"},
                                        row | {"base": .9, "value": .9, "retention": 1.0}]))
    assert frame["weak"].tolist() == [True, False, False] and "cannot forget" in frame["sentence"][0]
    figure = forgetting_chart(frame[:1], Look())
    assert "–" in figure.data[0].text[0][0] and "%" not in figure.data[0].text[0][0] and "cannot forget" in figure.data[0].customdata[0][0]
