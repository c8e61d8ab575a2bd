"""Curves on the screen: panels share their steps, smoothing hides nothing, few points can be read, every figure is one that plotly accepts."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.io import to_json

from lab.ui import curve_reads, lines
from lab.ui.charts import Line, Look, Panel, curves_chart, matrix_chart, style_of
from tests.ui import workspaces

STYLES = style_of(["SFT", "SFT → DPO", "base"])


def line(points=100, name="SFT", **more):
    return Line(name, STYLES[name], np.arange(points), 1 + 1 / (1 + np.arange(points)), **more)


def drawn(*panels, **kwargs):
    return curves_chart(panels, kwargs.pop("look", Look()), "step", **kwargs).to_dict()


@pytest.mark.parametrize("log", [(False, False), (True, True)])
def test_plotly_accepts_what_is_sent_unchecked(log):
    x = np.arange(100)
    whole = line(raw=(x, x / 2), band=(x, x / 3, x / 1.5))
    for panels in ([Panel("Loss", "nats", [whole, line(3, "base")])], [Panel("Loss", "nats", [whole]), Panel("Rate", "", [line(3)])]):
        figure = curves_chart(panels, Look(), "step", log)
        assert json.loads(to_json(go.Figure(figure.to_dict()))) == json.loads(to_json(figure.to_dict(), validate=False))


def test_panels_share_one_x_axis_and_one_hover_line():
    figure = drawn(Panel("Loss", "nats", [line(), line(name="base")]), Panel("Gradient norm", "", [line()]), Panel("Learning rate", "", [line()]))
    layout = figure["layout"]
    assert (layout["hovermode"], layout["hoversubplots"]) == ("x unified", "axis") and [name for name in layout if name.startswith("xaxis")] == ["xaxis"]
    assert [trace["yaxis"] for trace in figure["data"]] == ["y", "y", "y2", "y3"] and layout["xaxis"]["anchor"] == "y3"
    spans = [layout[name]["domain"] for name in ("yaxis", "yaxis2", "yaxis3")]
    assert all(upper[0] > lower[1] for upper, lower in zip(spans, spans[1:])) and (spans[0][1], spans[-1][0]) == (1, pytest.approx(0))
    assert [note["text"].split("</b>")[0] for note in layout["annotations"]] == ["<b>Loss", "<b>Gradient norm", "<b>Learning rate"]


def test_runs_that_come_up_in_every_panel_stand_in_one_legend_and_say_their_curve_when_pointed_at():
    rows = [line(), line(name="base")]
    figure = drawn(Panel("Loss", "", rows), Panel("Learning rate", "", rows))
    assert [trace["showlegend"] for trace in figure["data"]] == [True, True, False, False] and {trace["legend"] for trace in figure["data"]} == {"legend"}
    assert [trace["hovertemplate"].split(" %")[0] for trace in figure["data"]] == ["Loss", "Loss", "Learning rate", "Learning rate"]


def test_a_crowd_of_lines_is_not_hidden_behind_a_box_that_names_them_all():
    names = style_of([f"SFT {number}" for number in range(30)])
    figure = drawn(Panel("Loss", "", [Line(name, style, np.arange(50), np.arange(50)) for name, style in names.items()]))
    assert figure["layout"]["hovermode"] == "closest" and figure["layout"]["xaxis"]["spikemode"] == "across"
    assert f"{figure['data'][3]['name']}<br>" in figure["data"][3]["hovertemplate"] and "step %{x}" in figure["data"][3]["hovertemplate"]


def test_a_line_of_few_points_among_dense_ones_says_where_its_point_is():
    figure = drawn(Panel("Loss", "", [line(), line(5, "base")]))
    assert [trace["hovertemplate"] for trace in figure["data"]] == ["%{y:.4g}", "%{y:.4g} (at %{x})"]
    assert drawn(Panel("Loss", "", [line(5)]))["data"][0]["hovertemplate"] == "%{y:.4g}"


def test_six_runs_of_one_colour_are_told_apart_by_their_dash():
    both = style_of(["SFT", "RAG + SFT"])
    assert both["SFT"].colour == both["RAG + SFT"].colour
    found = lines.apart({f"{name}, seed {seed}": style for name, style in both.items() for seed in range(3)})
    assert len({style.dash for style in found.values()}) == 6 and found["SFT, seed 0"] == both["SFT"]


def test_a_run_that_stands_alone_in_its_panel_is_named_there():
    figure = drawn(Panel("SFT: loss", "", [line(), line(name="SFT → DPO")]), Panel("DPO: loss", "", [line(name="SFT → DPO")]))
    assert all(trace["showlegend"] for trace in figure["data"]) and [trace["legend"] for trace in figure["data"]] == ["legend", "legend", "legend2"]
    assert [trace["hovertemplate"].split(" %")[0] for trace in figure["data"]] == ["SFT: loss", "SFT: loss", "DPO: loss"]


def test_smoothing_keeps_the_raw_line_faint():
    figure = drawn(Panel("Loss", "", [line(raw=(np.arange(100), np.ones(100)))]))
    assert [trace.get("opacity") for trace in figure["data"]] == [0.25, None]


def test_a_stage_of_three_steps_has_marks_room_around_them_and_whole_steps():
    flat = Line("SFT", STYLES["SFT"], np.array([1, 2, 3]), np.array([0.6931, 0.6930, 0.6929]))
    figure = drawn(Panel("Loss", "", [flat]))
    low, high = figure["layout"]["yaxis"]["range"]
    assert figure["data"][0]["mode"] == "lines+markers" and high - low >= 0.006, "a loss that did not move is flat"
    assert figure["layout"]["xaxis"]["range"][0] < 1 and figure["layout"]["xaxis"]["range"][1] > 3 and figure["layout"]["xaxis"]["dtick"] == 1
    assert drawn(Panel("Loss", "", [line()]))["data"][0]["mode"] == "lines"


def test_one_point_and_no_finite_point_are_drawn_without_an_error():
    for y in (0.7, np.nan, np.inf, 0.0):
        low, high = drawn(Panel("Loss", "", [Line("SFT", STYLES["SFT"], np.array([0]), np.array([y]))]))["layout"]["yaxis"]["range"]
        assert low < high


def test_large_type_makes_all_of_a_figure_larger():
    small, large = (drawn(Panel("Loss", "", [line()]), look=Look(scale=scale))["layout"] for scale in (1.0, 1.4))
    for read in (lambda layout: layout["font"]["size"], lambda layout: layout["height"], lambda layout: layout["yaxis"]["tickfont"]["size"],
                 lambda layout: layout["annotations"][0]["font"]["size"]):
        assert read(large) > read(small)


def test_twenty_curves_fit_into_sixty_kilobytes_and_keep_their_spikes():
    import gzip
    dice, styles = np.random.default_rng(0), style_of([f"SFT {number}" for number in range(20)])
    values = {name: dice.normal(0, 1, 2_000).cumsum() / 9 for name in styles}
    rows = []
    for name, y in values.items():
        y[1_234] = 99.0
        x, kept = (np.asarray(part, np.float32) for part in lines.compare.thin(np.arange(2_000), y, 200))
        rows.append(Line(name, styles[name], x, kept))
        assert kept.max() == 99.0
    assert len(gzip.compress(to_json(drawn(Panel("Loss", "", rows)), validate=False).encode())) < 60_000


def test_a_matrix_is_one_that_plotly_accepts():
    import pandas as pd
    row = {"system": "SFT", "need": "facts", "metric": "exact_match", "value": .5, "low": .4, "high": .6, "n": 50, "state": "finished"}
    frame = pd.DataFrame([row | {"dots": (.4, .6), "seeds": 2}, row | {"system": "base", "value": None, "low": None, "high": None, "dots": (), "seeds": 0},
                          row | {"need": "text", "metric": "text_loss", "value": 3.0, "low": None, "high": None, "dots": (), "seeds": 1}])
    figure = matrix_chart(frame, STYLES, Look())
    assert json.loads(to_json(go.Figure(figure.to_dict()))) == json.loads(to_json(figure.to_dict(), validate=False))


def test_a_line_is_worked_out_once_for_the_same_events_and_grows_with_them():
    found = workspaces.experiment()
    run = next(run for run in workspaces.runs_of(found) if run.system.name == "SFT")
    wish = lines.Wish("sft", "loss")
    assert lines.one(run, wish, "SFT", STYLES["SFT"]) is None
    workspaces.train(run, upto=5)
    first = lines.one(run, wish, "SFT", STYLES["SFT"])
    assert lines.one(run, wish, "SFT", STYLES["SFT"]).x is first.x and first.x.dtype == np.float32
    workspaces.train(run)
    assert len(lines.one(run, wish, "SFT", STYLES["SFT"]).x) > len(first.x)


def test_a_shared_stage_is_drawn_for_every_system_that_has_it():
    found = workspaces.experiment()
    runs = {run.system.name: run for run in workspaces.runs_of(found) if run.task == "t-facts"}
    workspaces.train(runs["SFT"])
    rows = lines.each({name: runs[name] for name in ("SFT", "SFT → DPO", "base")}, lines.Wish("sft", "loss", weight=0.6), STYLES)
    assert [row.name for row in rows] == ["SFT", "SFT → DPO"] and np.array_equal(rows[0].y, rows[1].y)
    assert curve_reads.trainer(runs["SFT → DPO"], "sft") == runs["SFT"].id and curve_reads.trainer(runs["base"], "sft") == ""


def test_the_table_beneath_holds_raw_and_smoothed_values():
    x = np.arange(4, dtype=np.float32)
    table = lines.table({"Loss": [Line("SFT", STYLES["SFT"], x, x + 1, (x, x + 2))], "Rate": [Line("SFT", STYLES["SFT"], x, x, None, (x, x - 1, x + 1))]})
    assert table[table["curve"] == "Loss"][["value", "smooth"]].values.tolist() == [[2, 1], [3, 2], [4, 3], [5, 4]]
    assert table[table["curve"] == "Rate"]["high"].tolist() == [1, 2, 3, 4] and len(table) == 8
