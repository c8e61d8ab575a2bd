"""Figures: a System's look is its own, what was not measured is said, names are never HTML."""

import json

import pandas as pd

from lab.ui.charts import Look, Panel, curves_chart, forgetting_chart, lines_of, matrix_chart, style_of
from lab.ui.charts.forgetting import is_clear
from lab.ui.charts.paths import paths_chart
from lab.ui.charts.plane import family_styles
from lab.ui.charts.votes import votes_chart
from lab.ui.panels.forgetting import without_floor
from lab.ui.panels.matrix import unsolved

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


def test_dpo_has_a_colour_of_its_own_and_black_is_the_bases_alone():
    for look in (Look(), Look(dark=True)):
        found = style_of(["base", "DPO", "SFT → DPO", "SFT", "RAG", *(f"own {number}" for number in range(16))], look)
        assert [name for name, style in found.items() if style.colour == found["base"].colour] == ["base"]
        assert len({found[name].colour for name in ("base", "DPO", "SFT → DPO", "SFT", "RAG")}) == 5
        assert family_styles(look)["DPO"].colour == found["DPO"].colour


def test_the_camera_of_a_figure_stands_on_no_box():
    for look in (Look(), Look(dark=True)):
        bar = matrix_chart(pd.DataFrame([board()]), style_of(["SFT"]), look).layout.modebar
        assert bar.bgcolor == "rgba(0,0,0,0)" and bar.color == look.quiet


def test_a_share_under_half_stands_left_of_the_dotted_line():
    row = {"low": .4, "high": .6, "wide_low": .3, "wide_high": .7, "wins": 1, "ties": 1, "losses": 1}
    frame = pd.DataFrame([row | {"system": "SFT", "share": .55}, row | {"system": "base", "share": .45}])
    marks = [trace for trace in votes_chart(frame, style_of(frame["system"]), Look()).data if trace.text]
    assert [trace.textposition for trace in marks] == ["top right", "top left"]


def test_marks_upon_each_other_are_all_seen_and_all_speak():
    row = {"before": "", "stages": 0, "low": .0, "high": .1, "n": 9, "seeds": 1, "kept_low": .9, "kept_high": 1.0, "suites": 2, "metric": "exact_match",
           "of": "", "place": ""}
    frame = pd.DataFrame([row | {"system": name, "value": value, "kept": kept} for name, value, kept in
                          (("base", .0, 1.0), ("3 shots", .005, .995), ("SFT", .6, .4))])
    base, shots, sft = paths_chart(frame, style_of(frame["system"]), Look()).data
    assert base.marker.size > shots.marker.size == sft.marker.size, "the covered one is a ring around the other"
    assert all("base" in trace.customdata[0][0] and "3 shots" in trace.customdata[0][0] for trace in (base, shots))
    assert list(base.customdata[0][1:]) == ["base", "", "3 shots"] and list(sft.customdata[0][1:]) == ["SFT", ""]


def test_a_small_learning_rate_is_written_out_and_every_line_speaks_between_its_points():
    frame = pd.DataFrame({"series": ["DPO"] * 2, "x": [0, 1], "value": [0.0, 2e-4]})
    layout = curves_chart([Panel("Learning rate", "", lines_of(frame, style_of(["DPO"])))], Look(), "step").layout
    assert layout.yaxis.exponentformat == "none" and layout.hoverdistance == -1
    flat = pd.DataFrame({"series": ["DPO"] * 40, "x": range(40), "value": [2e-3] * 40})
    layout = curves_chart([Panel("Learning rate", "", lines_of(flat, style_of(["DPO"])))], Look(), "step").layout
    assert [round(end, 4) for end in layout.yaxis.range] == [0, .004], "not drawn as if it were nothing"


def test_a_board_at_the_floor_is_named_once_nothing_can_change_it():
    rows = [board(system=name, value=value) for name, value in (("base", .0), ("RAG", .0), ("SFT", .02))]
    assert unsolved(pd.DataFrame(rows)) == ["facts"]
    assert unsolved(pd.DataFrame([*rows, board(system="DPO", value=None, state="running")])) == [], "one may still solve it"
    assert unsolved(pd.DataFrame([*rows, board(system="DPO", value=.1)])) == unsolved(pd.DataFrame(rows[:1])) == []
    assert unsolved(pd.DataFrame([row | {"metric": "answer_loss"} for row in rows])) == [], "a loss near zero is no floor"
