"""Learned against kept in one experiment: one mark per System with both intervals, and the path that its training took from the base over
its checkpoints."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lab.ui import text
from lab.ui.charts.style import Look, Style, finish

HEIGHT = 470
MARK, RING = 13, 7  # pixels: a mark, and what a covered one is larger by for each mark upon it
NEAR = (0.016, 0.036)  # shares along x and y that a mark is wide: nearer ones cover each other


def paths_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look) -> Any:
    """`frame` as compare.paths gives it. Every mark carries the names of its System and, where it is one, its checkpoint as custom data, for
    clicks, and after them the Systems whose marks it shares its place with."""
    figure, rows = go.Figure(), {row["system"]: row for row in frame.to_dict("records")}
    for row in rows.values():
        if before := rows.get(row["before"]):
            style = styles[row["of"] or row["system"]]
            figure.add_scatter(x=[before["value"], row["value"]], y=[before["kept"], row["kept"]], mode="lines", hoverinfo="skip", showlegend=False,
                               line={"color": style.colour, "dash": style.dash, "width": look.px(2)}, opacity=0.6)
    for row in (row for row in rows.values() if row["of"]):  # beneath the whole Systems' marks
        _checkpoint(figure, row, styles[row["of"]], look)
    whole = {name: row for name, row in rows.items() if not row["of"]}
    for number, (name, row) in enumerate(whole.items()):
        style, there = styles[name], _there(row, whole)
        above = sum(list(whole).index(other) > number for other in there)
        words = "<br><br>".join([_words(row), *(_words(whole[other]) for other in there)])
        figure.add_scatter(x=[row["value"]], y=[row["kept"]], mode="markers", name=text.plot(text.short(name, 30)), cliponaxis=False,
                           error_x=_bars(row, "value", "low", "high", style, look), error_y=_bars(row, "kept", "kept_low", "kept_high", style, look),
                           marker={"color": style.colour, "symbol": style.symbol, "size": look.px(MARK + RING * above),
                                   "line": {"color": look.paper, "width": 1}},
                           customdata=[[words, name, "", *there]], hovertemplate="%{customdata[0]}<extra></extra>")
    figure.add_hline(y=1.0, line={"color": look.quiet, "width": 1, "dash": "dot"})
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "font": {"size": look.px(14)}}
    finish(figure, look, HEIGHT, showlegend=True, legend=legend, margin={"t": look.px(64), "b": look.px(56)})
    losses = set(frame["metric"]) & set(text.LOSSES)
    title = "task: loss (lower is better)" if losses else "learned: score on the task →"
    figure.update_xaxes(showgrid=True, title_text=title, **({} if losses else {"range": [-0.04, 1.06], "tickformat": ".0%"}))
    low = min([0.0, *(value for value in frame["kept_low"].dropna())])
    high = max([1.1, *(value + 0.04 for value in frame["kept_high"].dropna())])
    return figure.update_yaxes(title_text="kept (100 %: all that the base knew) →", tickformat=".0%", range=[max(low, -0.5) - 0.04, min(high, 1.6)],
                               tickfont={"size": look.px(13), "color": look.quiet})


def _there(row: dict[str, Any], rows: dict[str, dict[str, Any]]) -> list[str]:
    """The other Systems whose marks lie on this one's."""
    values = [other["value"] for other in rows.values()]
    wide = NEAR[0] * (max(values) - min(values) if row["metric"] in text.LOSSES else 1.0)
    return [name for name, other in rows.items() if name != row["system"] and abs(other["value"] - row["value"]) <= wide
            and abs(other["kept"] - row["kept"]) <= NEAR[1]]


def _checkpoint(figure: Any, row: dict[str, Any], style: Style, look: Look) -> None:
    """A small open mark without bars: its interval stands in what is shown on hover."""
    figure.add_scatter(x=[row["value"]], y=[row["kept"]], mode="markers", showlegend=False, cliponaxis=False,
                       marker={"color": look.paper, "symbol": style.symbol, "size": look.px(9), "line": {"color": style.colour, "width": look.px(2)}},
                       customdata=[[_words(row), row["of"], row["system"]]], hovertemplate="%{customdata[0]}<extra></extra>")


def _bars(row: dict[str, Any], value: str, low: str, high: str, style: Style, look: Look) -> dict[str, Any] | None:
    if row[low] is None or row[low] != row[low]:
        return None
    return {"type": "data", "symmetric": False, "array": [row[high] - row[value]], "arrayminus": [row[value] - row[low]], "color": style.colour,
            "thickness": look.px(1.5), "width": 0}


def _words(row: dict[str, Any]) -> str:
    seeds = f", {row['seeds']} seeds" if row["seeds"] > 1 else ""
    lines = [text.plot(row["of"] or row["system"]), *([text.plot(row["place"])] if row["place"] else []),
             f"task {text.number(row['value'], row['metric'])}, 95 % interval "
             f"{text.interval(row['low'], row['high'], row['metric'])}, n = {row['n']}{seeds}"]
    if row["before"]:
        span = text.interval(row["kept_low"], row["kept_high"])
        lines += [f"kept {text.number(row['kept'])}" + (f", 95 % interval {span}" if span else "") + f", {text.count(row['suites'], 'suite')}",
                  *([] if row["place"] else [f"trained on from {text.plot(row['before'])}" if row["stages"] else "no weight was trained"])]
    return "<br>".join(lines)
