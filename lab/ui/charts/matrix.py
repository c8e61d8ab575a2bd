"""System x need: one row per System, one column per need, a dot with its interval, the value in figures beside it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from plotly.subplots import make_subplots

from lab.ui import text
from lab.ui.charts.style import Look, Style, finish

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
    figure = make_subplots(rows=lines, cols=columns, shared_yaxes=True, horizontal_spacing=0.035, vertical_spacing=0.3 / lines,
                           subplot_titles=[_heading(frame[frame["need"] == need], need, look) for need in needs])
    for place, need in enumerate(needs):
        spot = {"row": place // columns + 1, "col": place % columns + 1}
        rows = frame[frame["need"] == need]
        for row in rows.to_dict("records"):
            _place(figure, row, systems.index(row["system"]), styles[row["system"]], look, spot)
        _axis(figure, rows, spot)
    figure.update_yaxes(range=[len(systems) - 0.4, -0.7], tickvals=list(range(len(systems))), showgrid=True, ticklabelstandoff=10,
                        ticktext=[text.plot(text.short(name, NAME)) for name in systems])
    figure.update_annotations(selector={"yref": "paper"}, font={"size": look.px(15), "color": look.ink})
    return finish(figure, look, (ROW * len(systems) + FRAME) * lines, showlegend=False, margin={"t": look.px(56)})


def _heading(rows: pd.DataFrame, need: str, look: Look) -> str:
    metrics, sizes = rows["metric"].dropna(), rows["n"].dropna()
    about = [text.metric(metrics.iloc[0])] if len(metrics) else []
    about += [f"n = {int(sizes.max())}"] if len(sizes) and sizes.max() else []
    return f"<b>{text.plot(need)}</b><br><span style='font-size:{look.px(12)}px;color:{look.quiet}'>{', '.join(about)}</span>"


def _place(figure: Any, row: dict[str, Any], y: int, style: Style, look: Look, spot: dict[str, int]) -> None:
    name = text.plot(row["system"])
    if row["value"] is None or pd.isna(row["value"]):
        words = "not measured" if row["state"] == "finished" else text.STATUS.get(row["state"], "not measured")
        figure.add_annotation(x=0, y=y, text=words, showarrow=False, xanchor="left", bgcolor=look.paper, **spot,
                              font={"color": look.quiet, "size": look.px(13)})
        return
    known = not pd.isna(row["low"])
    error = {"type": "data", "symmetric": False, "array": [row["high"] - row["value"]], "thickness": look.px(3), "width": 0,
             "arrayminus": [row["value"] - row["low"]], "color": _faded(style.colour)} if known else None
    figure.add_scatter(
        x=[row["value"]], y=[y], mode="markers", error_x=error, **spot,
        marker={"color": style.colour, "symbol": style.symbol, "size": look.px(13)},
        customdata=[[name, text.number(row["value"], row["metric"]), text.interval(row["low"], row["high"], row["metric"]), row["n"],
                     f", {row['seeds']} seeds" if row.get("seeds", 1) > 1 else ""]],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}, 95 % interval %{customdata[2]}, n = %{customdata[3]}%{customdata[4]}<extra></extra>")
    _dots(figure, row, y, style, look, spot)
    figure.add_annotation(x=row["value"], y=y, text=text.number(row["value"], row["metric"]), showarrow=False, **spot,
                          yshift=look.px(16), font={"size": look.px(14), "color": look.ink})


def _dots(figure: Any, row: dict[str, Any], y: int, style: Style, look: Look, spot: dict[str, int]) -> None:
    """Every seed's own score, where there are several."""
    dots = [value for value in row.get("dots") or () if value is not None]
    if len(dots) > 1:
        said = [[text.plot(row["system"]), text.number(value, row["metric"])] for value in dots]
        figure.add_scatter(x=dots, y=[y + BENEATH] * len(dots), mode="markers", customdata=said, **spot,
                           marker={"color": style.colour, "symbol": f"{style.symbol}-open", "size": look.px(7), "line": {"width": look.px(1.5)}},
                           hovertemplate="%{customdata[0]}, one seed: %{customdata[1]}<extra></extra>")


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[at:at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.38)"


def _axis(figure: Any, rows: pd.DataFrame, spot: dict[str, int]) -> None:
    """Scores run from 0 to 100 %; a loss takes the range it has."""
    if rows["metric"].isin(text.LOSSES).any():
        top = rows["high"].fillna(rows["value"]).max()
        figure.update_xaxes(range=[0, float(top) * 1.1 if top == top else 1.0], **spot)
    else:
        figure.update_xaxes(range=[-0.06, 1.08], tickvals=[0, 0.5, 1], tickformat=".0%", **spot)
