"""Curves over steps, tokens or seconds: one line per series, raw line faint under the smoothed one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lab.ui import text
from lab.ui.charts.style import Look, Style, finish

HEIGHT = 330


def curve_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look, x_title: str, y_title: str) -> Any:
    """`frame` has series, x, value and may have smooth. Series with fewer than 30 points show each point."""
    figure = go.Figure()
    for name in dict.fromkeys(frame["series"]):
        rows, style = frame[frame["series"] == name], styles[name]
        smoothed = "smooth" in rows and not rows["smooth"].equals(rows["value"])
        if smoothed:
            figure.add_scatter(x=rows["x"], y=rows["value"], mode="lines", line={"color": style.colour, "width": 1}, opacity=0.25,
                               hoverinfo="skip", showlegend=False)
        figure.add_scatter(x=rows["x"], y=rows["smooth"] if smoothed else rows["value"], name=text.plot(name),
                           mode="lines+markers" if len(rows) < 30 else "lines",
                           line={"color": style.colour, "dash": style.dash, "width": look.px(2.4)},
                           marker={"symbol": style.symbol, "size": look.px(7)}, hovertemplate="%{y:.4g}", cliponaxis=False)
    figure.update_xaxes(title_text=x_title, rangemode="tozero")
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "font": {"size": look.px(14)}}
    finish(figure, look, HEIGHT, hovermode="x unified", legend=legend, showlegend=True, margin={"t": look.px(30), "b": look.px(48)})
    figure.update_yaxes(title_text=y_title, tickfont={"size": look.px(13), "color": look.quiet})
    return figure
