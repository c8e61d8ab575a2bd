"""What each System forgot: suites x Systems as a heat map. Colour only where the interval excludes no change."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from lab.ui import text
from lab.ui.charts.style import Look, finish

ROW, FRAME = 48, 84
NAME = 26  # letters of a name beside its row or column; the hover text has all of it
REACH = 0.5  # a drop of this much (half of the items, or half a nat per token) has the full colour
SIGNS = {"forgot": " ▼", "gained": " ▲", "kept": " ="}
ENDS = {False: ("#3E8FC4", "#E0803F"), True: ("#2B6F9E", "#A85B1C")}  # gained, forgotten; ink on them reaches 4.5:1


def forgetting_chart(frame: pd.DataFrame, look: Look) -> Any:
    """`frame` has system, suite, metric, base, value, drop, low, high, n and may have verdict, sentence
    and weak (the base knows nothing there). A positive drop means forgotten."""
    suites, systems = list(dict.fromkeys(frame["suite"])), list(dict.fromkeys(frame["system"]))
    cells = {(row["suite"], row["system"]): row for row in frame.to_dict("records")}
    grid = [[cells.get((suite, system)) for system in systems] for suite in suites]
    figure = go.Figure(go.Heatmap(
        z=[[_shade(cell) for cell in line] for line in grid], zmin=-REACH, zmax=REACH, showscale=False,
        colorscale=[ENDS[look.dark][0], look.surface, ENDS[look.dark][1]],
        text=[[_words(cell, look) for cell in line] for line in grid], texttemplate="%{text}", textfont={"size": look.px(14)},
        customdata=[[_hover(cell) for cell in line] for line in grid], xgap=3, ygap=3,
        hovertemplate="%{customdata}<extra></extra>"))
    figure.update_yaxes(autorange="reversed", showgrid=False, ticklabelstandoff=10, tickvals=list(range(len(suites))),
                        ticktext=[text.plot(text.short(name, NAME)) for name in suites])
    finish(figure, look, ROW * len(suites) + FRAME, margin={"t": look.px(40), "b": look.px(10)})
    figure.update_yaxes(showline=False, ticks="")
    figure.update_xaxes(side="top", showgrid=False, showline=False, ticks="", tickvals=list(range(len(systems))),
                        ticktext=[text.plot(text.short(name, NAME)) for name in systems], tickfont={"size": look.px(14), "color": look.ink})
    return figure


def is_clear(row: dict[str, Any]) -> bool:
    """Whether the interval of the drop leaves out zero."""
    known = all(row.get(name) is not None and row[name] == row[name] for name in ("low", "high"))
    return known and (row["low"] > 0 or row["high"] < 0)


def _shade(row: dict[str, Any] | None) -> float | None:
    if row is None or row["drop"] is None or row["drop"] != row["drop"]:
        return None
    if row.get("weak"):
        return 0.0
    return row["drop"] if is_clear(row) else 0.0


def _words(row: dict[str, Any] | None, look: Look) -> str:
    if row is None or row["value"] is None or row["value"] != row["value"] or row.get("weak"):
        return f"<span style='color:{look.quiet}'>–</span>"
    words = f"{text.number(row['base'], row['metric'])} → {text.number(row['value'], row['metric'])}{SIGNS.get(row.get('verdict'), '')}"
    return f"<span style='color:{look.ink}'>{words}</span>" if is_clear(row) else f"<span style='color:{look.quiet}'>{words}</span>"


def _hover(row: dict[str, Any] | None) -> str:
    if row is None or row["drop"] is None:
        return "not measured"
    if row.get("weak"):
        return f"{text.plot(row['suite'])}, {text.plot(row['system'])}<br>{text.plot(row['sentence']).replace(': what', ':<br>what')}"
    unit = "nats" if row["metric"] in text.LOSSES else "points"
    scale = 1 if unit == "nats" else 100
    return (f"{text.plot(row['suite'])}, {text.plot(row['system'])}<br>"
            f"forgotten: {row['drop'] * scale:.1f} {unit}, 95 % interval {row['low'] * scale:.1f} to {row['high'] * scale:.1f}, "
            f"n = {row['n']}" + ("" if is_clear(row) else "<br>no clear change")
            + (f"<br>{text.plot(row['sentence'].split(' (')[0])}" if row.get("sentence") else ""))
