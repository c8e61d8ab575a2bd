"""How often each System is preferred: a dot with two bars, thick over voters, thin over voters and items."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lab.ui import text
from lab.ui.charts.style import Look, Style, finish

ROW, FRAME = 56, 96
NAME = 26


def votes_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look) -> Any:
    """`frame` has system, share, low, high, wide_low, wide_high, wins, ties, losses; the first row stands on top."""
    figure = go.Figure()
    figure.add_vline(x=0.5, line={"color": look.quiet, "width": look.px(1), "dash": "dot"})
    for place, row in enumerate(frame.to_dict("records")):
        style = styles[row["system"]]
        for low, high, width in (("wide_low", "wide_high", 2), ("low", "high", 7)):
            if row[low] == row[low] and row[low] is not None:
                figure.add_scatter(x=[row[low], row[high]], y=[place, place], mode="lines", hoverinfo="skip",
                                   line={"color": style.colour, "width": look.px(width)}, opacity=0.55 if width > 2 else 1)
        side = "right" if row["share"] >= 0.5 else "left"  # away from the dotted line
        figure.add_scatter(x=[row["share"]], y=[place], mode="markers+text", text=[text.number(row["share"])], textposition=f"top {side}",
                           textfont={"size": look.px(15), "color": look.ink},
                           marker={"symbol": style.symbol, "size": look.px(13), "color": style.colour}, customdata=[_words(row)],
                           hovertemplate="%{customdata}<extra></extra>")
    finish(figure, look, ROW * len(frame) + FRAME, showlegend=False, margin={"t": look.px(16), "b": look.px(52)})
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", title="Share of wins against an average other System")
    figure.update_yaxes(range=[len(frame) - 0.5, -0.7], tickvals=list(range(len(frame))), showgrid=False, ticklabelstandoff=10,
                        ticktext=[text.plot(text.short(name, NAME)) for name in frame["system"]])
    return figure


def _words(row: dict[str, Any]) -> str:
    about = text.interval(row["low"], row["high"])
    wide = text.interval(row["wide_low"], row["wide_high"])
    return (f"{text.plot(row['system'])}: {text.number(row['share'])}" + (f"<br>over voters: {about}" if about else "")
            + (f"<br>over voters and items: {wide}" if wide else "") + f"<br>{row['wins']} won, {row['ties']} tied, {row['losses']} lost")
