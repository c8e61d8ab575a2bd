"""The evidence's charts: what was learned against what was kept, distance from the base against what was lost, score over labels.

One mark per run, so that every seed is seen; a family of runs has one colour, symbol and dash.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lab.ui import text
from lab.ui.charts.style import BLACK, BLUE, DASHES, GREEN, PURPLE, VERMILLION, VIOLET, Look, Style, finish, palette

HEIGHT = 460
# colour, dash, symbol: families that share a colour differ in the other two
FAMILY = {"base": (BLACK, 0, "star"), "prompt": (BLACK, 2, "cross"), "LoRA": (BLUE, 0, "circle"), "full": (VERMILLION, 1, "diamond"),
          "replay": (GREEN, 2, "square"), "EWC": (PURPLE, 3, "triangle-up"), "DPO": (VIOLET, 1, "hexagram"), "compound": (BLUE, 1, "pentagon")}
TITLES = {"base": "bare base", "prompt": "prompting or retrieval", "LoRA": "LoRA", "full": "full tuning", "replay": "full tuning + replay",
          "EWC": "full tuning + EWC", "DPO": "DPO", "compound": "compound"}


def family_styles(look: Look) -> dict[str, Style]:
    """How each family of runs looks."""
    colours = palette(look)
    return {name: Style(colours[colour], DASHES[dash], symbol) for name, (colour, dash, symbol) in FAMILY.items()}


def plane_chart(frame: pd.DataFrame, look: Look) -> Any:
    """Task score (x) against the mean score on general abilities (y). `frame` has family, system, seed, rate, score, score_low, score_high,
    kept, lost, lost_low, lost_high. A line joins the means of a family's Systems by rising rate or score."""
    figure = go.Figure()
    _marks(figure, frame, "score", "kept", look, _plane_words)
    for family, rows in frame.groupby("family", sort=False):
        means = rows.groupby("system", sort=False)[["score", "kept", "rate"]].mean()
        if len(means) > 1 and family != "prompt":
            means = means.sort_values(["rate", "score"])
            style = family_styles(look)[family]
            figure.add_scatter(x=means["score"], y=means["kept"], mode="lines", hoverinfo="skip", showlegend=False, legendgroup=family,
                               line={"color": style.colour, "dash": style.dash, "width": look.px(2.4)})
    bare = frame[frame["family"] == "base"]["kept"]
    if len(bare):
        figure.add_hline(y=float(bare.mean()), line={"color": look.quiet, "width": 1, "dash": "dot"}, annotation_text="what the base knew",
                         annotation_position="bottom left", annotation_font={"color": look.quiet, "size": look.px(13)})
    _share(figure.update_xaxes, "learned: score on the task →")
    _share(figure.update_yaxes, "kept: mean over general abilities →")
    return _finished(figure, look)


def distance_chart(frame: pd.DataFrame, look: Look, x: str, x_title: str) -> Any:
    """Distance from the base (`x`, a column of `frame`, on a log scale) against the mean drop. `frame` also has family, system, seed, task, drop."""
    figure = go.Figure()
    _marks(figure, frame, x, "drop", look, lambda row: _distance_words(row, x))
    ticks = [tick for power in range(-4, 3) for tick in (10**power, 2 * 10**power, 5 * 10**power) if frame[x].min() / 2 < tick < frame[x].max() * 2]
    figure.update_xaxes(type="log", title_text=x_title, tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    figure.update_yaxes(tickformat=".0%", title_text="forgotten: mean drop →")
    return _finished(figure, look)


def labels_chart(frame: pd.DataFrame, look: Look) -> Any:
    """Score over the number of labels. `frame` has examples, seed, score, score_low, score_high, system; a row with examples 0 is the bare base."""
    figure, style = go.Figure(), family_styles(look)["LoRA"]
    rows, bare = frame[frame["examples"] > 0], frame[frame["examples"] == 0]["score"]
    means = rows.groupby("examples")["score"].mean()
    figure.add_scatter(x=means.index, y=means, mode="lines", hoverinfo="skip", line={"color": style.colour, "width": look.px(2.4)})
    figure.add_scatter(x=rows["examples"], y=rows["score"], mode="markers", customdata=[[_label_words(row)] for row in rows.to_dict("records")],
                       marker={"color": style.colour, "symbol": style.symbol, "size": look.px(11), "line": {"color": look.paper, "width": 1}},
                       hovertemplate="%{customdata[0]}<extra></extra>")
    if len(bare):
        figure.add_hline(y=float(bare.mean()), line={"color": look.quiet, "width": 1, "dash": "dot"}, annotation_text="bare base",
                         annotation_position="bottom left", annotation_font={"color": look.quiet, "size": look.px(13)})
    ticks = sorted(set(rows["examples"]))
    figure.update_xaxes(type="log", title_text="labels trained on", tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks])
    _share(figure.update_yaxes, "accuracy on test items")
    _finished(figure, look)
    return figure.update_layout(showlegend=False, margin={"t": look.px(16)})


def _marks(figure: Any, frame: pd.DataFrame, x: str, y: str, look: Look, words: Any) -> None:
    styles = family_styles(look)
    for family in (name for name in FAMILY if name in set(frame["family"])):
        rows, style = frame[frame["family"] == family], styles[family]
        figure.add_scatter(x=rows[x], y=rows[y], mode="markers", name=TITLES[family], legendgroup=family, cliponaxis=False,
                           marker={"color": style.colour, "symbol": style.symbol, "size": look.px(12), "line": {"color": look.paper, "width": 1}},
                           customdata=[[words(row)] for row in rows.to_dict("records")], hovertemplate="%{customdata[0]}<extra></extra>")


def _plane_words(row: dict[str, Any]) -> str:
    lines = [f"{text.plot(row['system'])}, seed {row['seed']}", f"task {text.number(row['score'])}, 95 % interval "
             f"{text.interval(row['score_low'], row['score_high'])}", f"abilities kept {text.number(row['kept'])}"]
    if row["lost_low"] == row["lost_low"] and row["lost_low"] is not None:
        lines.append(f"forgotten {_points(row['lost'])} points (95 % interval {_points(row['lost_low'])} to {_points(row['lost_high'])})")
    return "<br>".join(lines)


def _distance_words(row: dict[str, Any], x: str) -> str:
    return (f"{text.plot(row['system'])} on {text.plot(row['task'])}, seed {row['seed']}<br>{row[x]:.3f} nats per token"
            f"<br>forgotten {_points(row['drop'])} points")


def _label_words(row: dict[str, Any]) -> str:
    return (f"{text.plot(row['system'])}, seed {row['seed']}<br>{text.number(row['score'])}, 95 % interval "
            f"{text.interval(row['score_low'], row['score_high'])}")


def _points(value: float) -> str:
    return f"{value * 100:.0f}".replace("-0", "0") if round(value * 100) == 0 else f"{value * 100:.0f}"


def _share(update: Any, title: str) -> None:
    update(range=[-0.04, 1.06], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%", title_text=title)


def _finished(figure: Any, look: Look) -> Any:
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": look.px(14)}}
    finish(figure, look, HEIGHT, showlegend=True, legend=legend, margin={"t": look.px(64), "b": look.px(56)})
    figure.update_xaxes(showgrid=True)
    return figure.update_yaxes(tickfont={"size": look.px(13), "color": look.quiet})
