"""System x need: one row per System, one column per need, a dot with its interval, the value in figures beside it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from plotly.subplots import make_subplots

from lab.ui import text
from lab.ui.charts.style import Look, Style, drawn

ROW, FRAME = 46, 96  # pixels at 16 px base font: one System, and what stands around the rows
NAME = 26  # letters of a System's name beside its row; the hover text has all of it
BENEATH = 0.22  # rows: how far under a System's line the scores of its seeds stand
ABREAST = 3  # needs beside each other; more go into a second row


def matrix_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look) -> Any:
    """`frame` has system, need, metric, value, low, high, n, state and may have dots (the score of each seed, drawn small beneath); rows
    in the order in which they shall stand."""
    systems, needs = list(dict.fromkeys(frame["system"])), list(dict.fromkeys(frame["need"]))
    columns = min(ABREAST, len(needs))
    lines = -(-len(needs) // columns)
    layout = make_subplots(rows=lines, cols=columns, shared_yaxes=True, horizontal_spacing=0.035, vertical_spacing=0.3 / lines,
                           subplot_titles=[_heading(frame[frame["need"] == need], need, look) for need in needs]).to_dict()["layout"]
    notes = [note | {"font": {"size": look.px(15), "color": look.ink}} for note in layout.pop("annotations")]
    names = {"range": [len(systems) - 0.4, -0.7], "tickvals": list(range(len(systems))), "showgrid": True, "ticklabelstandoff": 10,
             "ticktext": [text.plot(text.short(name, NAME)) for name in systems]}
    axes = {name: (look.x_axis if name[0] == "x" else look.y_axis | names) | axis for name, axis in layout.items() if name[1:5] == "axis"}
    traces: list[dict[str, Any]] = []
    for place, need in enumerate(needs):
        rows, number = frame[frame["need"] == need], "" if place == 0 else str(place + 1)
        spot = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        for row in rows.to_dict("records"):
            marks, note = _place(row, systems.index(row["system"]), styles[row["system"]], look)
            traces += [mark | spot | {"type": "scatter", "mode": "markers"} for mark in marks]
            notes.append(note | {"xref": spot["xaxis"], "yref": spot["yaxis"], "showarrow": False})
        axes[f"xaxis{number}"] |= _range(rows)
    return drawn(traces, look, (ROW * len(systems) + FRAME) * lines, showlegend=False, annotations=notes, margin={"t": look.px(56)}, **axes)


def _heading(rows: pd.DataFrame, need: str, look: Look) -> str:
    metrics, sizes = rows["metric"].dropna(), rows["n"].dropna()
    about = [text.metric(metrics.iloc[0])] if len(metrics) else []
    about += [f"n = {int(sizes.max())}"] if len(sizes) and sizes.max() else []
    return f"<b>{text.plot(need)}</b><br><span style='font-size:{look.px(12)}px;color:{look.quiet}'>{', '.join(about)}</span>"


def _place(row: dict[str, Any], y: int, style: Style, look: Look) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A cell's marks (dot with interval, seeds beneath), and what stands beside them in figures or, where nothing was measured, in words."""
    name = text.plot(row["system"])
    if row["value"] is None or pd.isna(row["value"]):
        words = "not measured" if row["state"] == "finished" else text.STATUS.get(row["state"], "not measured")
        return [], {"x": 0, "y": y, "text": words, "xanchor": "left", "bgcolor": look.paper, "font": {"color": look.quiet, "size": look.px(13)}}
    known = not pd.isna(row["low"])
    error = {"type": "data", "symmetric": False, "array": [row["high"] - row["value"]], "thickness": look.px(3), "width": 0,
             "arrayminus": [row["value"] - row["low"]], "color": _faded(style.colour)} if known else {"visible": False}
    said = [name, text.number(row["value"], row["metric"]), text.interval(row["low"], row["high"], row["metric"]), row["n"],
            f", {row['seeds']} seeds" if row.get("seeds", 1) > 1 else ""]
    dot = {"x": [row["value"]], "y": [y], "error_x": error, "customdata": [said],
           "marker": {"color": style.colour, "symbol": style.symbol, "size": look.px(13)},
           "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}, 95 % interval %{customdata[2]}, n = %{customdata[3]}%{customdata[4]}<extra></extra>"}
    return [dot, *_dots(row, y, style, look)], {"x": row["value"], "y": y, "text": text.number(row["value"], row["metric"]), "yshift": look.px(16),
                                                "font": {"size": look.px(14), "color": look.ink}}


def _dots(row: dict[str, Any], y: int, style: Style, look: Look) -> list[dict[str, Any]]:
    """Every seed's own score, where there are several."""
    dots = [value for value in row.get("dots") or () if value is not None]
    if len(dots) < 2:
        return []
    said = [[text.plot(row["system"]), text.number(value, row["metric"])] for value in dots]
    return [{"x": dots, "y": [y + BENEATH] * len(dots), "customdata": said,
             "marker": {"color": style.colour, "symbol": f"{style.symbol}-open", "size": look.px(7), "line": {"width": look.px(1.5)}},
             "hovertemplate": "%{customdata[0]}, one seed: %{customdata[1]}<extra></extra>"}]


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[at:at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.38)"


def _range(rows: pd.DataFrame) -> dict[str, Any]:
    """Scores run from 0 to 100 %; a loss takes the range it has."""
    if rows["metric"].isin(text.LOSSES).any():
        top = rows["high"].fillna(rows["value"]).max()
        return {"range": [0, float(top) * 1.1 if top == top else 1.0]}
    return {"range": [-0.06, 1.08], "tickvals": [0, 0.5, 1], "tickformat": ".0%"}
