"""Curves over steps, tokens or seconds: one line per series, raw line faint under the smoothed one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from lab.ui import text
from lab.ui.charts.style import Look, Style, finish

HEIGHT = 330


def curve_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look, x_title: str, y_title: str, log: tuple[bool, bool] = (False, False)) -> Any:
    """`frame` has series, x, value and may have smooth, and low and high (a band around the line). Series with fewer than 30 points show
    each point. `log`: whether the x and the y axis are logarithmic."""
    lines = [line for name, rows in frame.groupby("series", sort=False) for line in _lines(name, rows, styles[name], look)]
    figure = go.Figure(lines)  # all at once: adding lines one by one costs more than drawing them
    figure.update_xaxes(title_text=x_title, **({"type": "log"} if log[0] else {"rangemode": "tozero"}))
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "font": {"size": look.px(14)}}
    finish(figure, look, HEIGHT, hovermode="x unified", legend=legend, showlegend=True, margin={"t": look.px(30), "b": look.px(48)})
    figure.update_yaxes(title_text=y_title, tickfont={"size": look.px(13), "color": look.quiet}, type="log" if log[1] else "linear")
    return figure


def _lines(name: str, rows: pd.DataFrame, style: Style, look: Look) -> list[dict[str, Any]]:
    """A series: its band and its raw line where it has them, then the line itself."""
    found, x = [], _sent(rows["x"])
    quiet = {"type": "scatter", "mode": "lines", "x": x, "hoverinfo": "skip", "showlegend": False}
    if "low" in rows and rows["low"].notna().any():
        red, green, blue = (int(style.colour[at:at + 2], 16) for at in (1, 3, 5))
        found += [quiet | {"y": _sent(rows["low"]), "line": {"width": 0}},
                  quiet | {"y": _sent(rows["high"]), "line": {"width": 0}, "fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.16)"}]
    smoothed = "smooth" in rows and not np.array_equal(rows["smooth"], rows["value"], equal_nan=True)
    if smoothed:
        found.append(quiet | {"y": _sent(rows["value"]), "line": {"color": style.colour, "width": 1}, "opacity": 0.25})
    return [*found, {"type": "scatter", "x": x, "y": _sent(rows["smooth"] if smoothed else rows["value"]), "name": text.plot(name),
                     "mode": "lines+markers" if len(rows) < 30 else "lines", "line": {"color": style.colour, "dash": style.dash, "width": look.px(2.4)},
                     "marker": {"symbol": style.symbol, "size": look.px(7)}, "hovertemplate": "%{y:.4g}", "cliponaxis": False}]


def _sent(values: pd.Series) -> np.ndarray:
    """Half the bytes on their way to the browser; far more digits than a screen has pixels."""
    return values.to_numpy(np.float32)
