"""Curves over steps, tokens or seconds: panels beneath each other on one x axis, so that the same place is read off in all of them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lab.ui import text
from lab.ui.charts.style import Look, Style, drawn

ALONE, STACKED = 250, 130  # pixels at 16 px base font: a panel's height, alone and among others
ABOVE, LEGEND, BENEATH, GAP = 34, 30, 48, 46  # over the first panel, its legend above that, under the last panel, a heading between two
FEW = 30  # points: fewer are marked one by one, with room around them
ROOM = 0.12  # of a range left free on either side of few points
CROWD = 24  # lines: a box that names all of them would hide the chart, so one line speaks and a rule shows the place in all panels
SPIKE = {"showspikes": True, "spikemode": "across", "spikesnap": "cursor", "spikethickness": 1, "spikedash": "dot"}
LEAST = 0.01  # of its own size that a range of few points covers at least: a loss that hardly moves is a flat line and no mountain


class Line(NamedTuple):
    """What is drawn strongly, over its raw points where it was smoothed (`raw`: x, y), within its band (`band`: x, low, high)."""

    name: str
    style: Style
    x: np.ndarray
    y: np.ndarray
    raw: tuple[np.ndarray, np.ndarray] | None = None
    band: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None


class Panel(NamedTuple):
    """Lines on one y axis."""

    title: str
    unit: str
    lines: Sequence[Line]

    @property
    def few(self) -> bool:
        return max(len(line.x) for line in self.lines) < FEW


def lines_of(frame: pd.DataFrame, styles: dict[str, Style]) -> list[Line]:
    """A long frame (series, x, value) as lines."""
    return [Line(name, styles[name], rows["x"].to_numpy(), rows["value"].to_numpy()) for name, rows in frame.groupby("series", sort=False)]


class Speech(NamedTuple):
    """What the box at the pointer says. `few`: every line has few points; `crowded`: only the line that is pointed at speaks; `panels`: the
    panels' names, where a line's own name does not say which curve it is."""

    x_title: str
    few: bool
    crowded: bool
    panels: Sequence[str]

    @classmethod
    def of(cls, panels: Sequence[Panel], x_title: str) -> Speech:
        names = Counter(line.name for panel in panels for line in panel.lines)
        titles = [panel.title for panel in panels]
        short = [title.rpartition(": ")[2] for title in titles]  # the stage is said only where it is needed
        said = [""] * len(panels) if max(names.values()) == 1 else short if len(set(short)) == len(short) else titles
        return cls(x_title, all(panel.few for panel in panels), names.total() > CROWD, said)

    def template(self, line: Line, place: int) -> str:
        value = f"{text.plot(self.panels[place])} %{{y:.4g}}".strip()
        if self.crowded:
            return f"{text.plot(line.name)}<br>{value}, {self.x_title} %{{x}}<extra></extra>"
        return value if self.few or len(line.x) >= FEW else f"{value} (at %{{x}})"  # its nearest point is not at the step that the box names

    @property
    def axis(self) -> dict[str, Any]:
        return {"unifiedhovertitle": {"text": f"{self.x_title}: %{{x}}"}} | (SPIKE if self.crowded else {})


def curves_chart(panels: Sequence[Panel], look: Look, x_title: str, log: tuple[bool, bool] = (False, False)) -> Any:
    """`panels` stand beneath each other in their order; `x_title`: what their shared x axis counts ("step"). `log`: whether the x axis and
    the y axes are logarithmic. The same names in every panel have one legend above all; otherwise each panel has its own."""
    each = STACKED if len(panels) > 1 else ALONE
    inner = len(panels) * each + (len(panels) - 1) * GAP
    one_legend = len({tuple(line.name for line in panel.lines) for panel in panels}) == 1
    above = ABOVE + (LEGEND if one_legend and len(panels[0].lines) > 1 else 0)
    speech, traces, layout = Speech.of(panels, x_title), [], {"annotations": []}
    for place, panel in enumerate(panels):
        top, number = 1 - place * (each + GAP) / inner, "" if place == 0 else str(place + 1)
        own = {"yaxis": f"y{number}", "legend": "legend" if one_legend else f"legend{number}"}
        listed = {"showlegend": place == 0 if one_legend else len(panel.lines) > 1 or bool(speech.panels[place])}
        for line in panel.lines:
            *behind, front = _traces(line, look, speech.template(line, place))
            traces += [*(trace | own for trace in behind), front | own | listed]
        layout[f"yaxis{number}"] = look.y_axis | {"tickfont": look.x_axis["tickfont"], "exponentformat": "none"} | _y_axis(panel, log[1])
        layout[f"yaxis{number}"]["domain"] = [max(0.0, top - each / inner), top]
        layout[f"legend{number}"] = {"orientation": "h", "yanchor": "bottom", "font": {"size": look.px(14)}} | (
            {"x": 0, "xanchor": "left", "y": 1 + LEGEND / inner} if one_legend else {"x": 0.96, "xanchor": "right", "y": top})
        layout["annotations"].append(_heading(panel, top, look))
    layout["xaxis"] = look.x_axis | _x_axis(panels, speech.few, log[0]) | speech.axis
    layout["xaxis"] |= {"title": look.x_axis["title"] | {"text": x_title}, "anchor": traces[-1]["yaxis"]}
    return drawn(traces, look, above + inner + BENEATH, hovermode="closest" if speech.crowded else "x unified", hoversubplots="axis",
                 hoverdistance=20 if speech.crowded else -1, showlegend=True,
                 margin={"t": look.px(above), "b": look.px(BENEATH)}, **layout)


def _heading(panel: Panel, top: float, look: Look) -> dict[str, Any]:
    words = f"<b>{text.plot(panel.title)}</b>  <span style='color:{look.quiet};font-size:{look.px(13)}px'>{text.plot(panel.unit)}</span>"
    return {"text": words, "xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "y": top, "yanchor": "bottom", "showarrow": False,
            "font": {"size": look.px(15), "color": look.ink}}


def _x_axis(panels: Sequence[Panel], few: bool, log: bool) -> dict[str, Any]:
    if log:
        return {"type": "log"}
    if not few:
        return {"rangemode": "tozero"}
    low, high = _ends(line.x for panel in panels for line in panel.lines)
    low = min(0.0, low)
    room = (high - low or 1.0) * ROOM / 2
    whole = all(np.equal(np.mod(line.x, 1), 0).all() for panel in panels for line in panel.lines) and high - low <= FEW
    return {"range": [low - room, high + room]} | ({"dtick": 1 if high - low <= 10 else 5} if whole else {})


def _y_axis(panel: Panel, log: bool) -> dict[str, Any]:
    low, high = _ends(line.y for line in panel.lines)
    if log or not panel.few:
        flat = {"range": sorted((0.0, 2 * low))} if low == high != 0 and not log else {}  # a learning rate that never changes stays readable
        return {"type": "log" if log else "linear", "nticks": 5} | flat
    least = LEAST * max(abs(low), abs(high))
    room = max((high - low) * ROOM, (least - (high - low)) / 2, 1e-9)
    return {"nticks": 5, "range": [low - room, high + room]}


def _ends(columns: Iterable[np.ndarray]) -> tuple[float, float]:
    """The lowest and the highest finite number."""
    known = np.concatenate([column[np.isfinite(column)] for column in columns])
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)


def _traces(line: Line, look: Look, hover: str) -> list[dict[str, Any]]:
    """A line's band and raw points, where it has them, then the line itself."""
    style, found = line.style, []
    quiet = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    if line.band:
        x, low, high = (_sent(column) for column in line.band)
        red, green, blue = (int(style.colour[at:at + 2], 16) for at in (1, 3, 5))
        found += [quiet | {"x": x, "y": low, "line": {"width": 0}},
                  quiet | {"x": x, "y": high, "line": {"width": 0}, "fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.16)"}]
    if line.raw:
        found.append(quiet | {"x": _sent(line.raw[0]), "y": _sent(line.raw[1]), "line": {"color": style.colour, "width": 1}, "opacity": 0.25})
    name = text.plot(line.name)
    return [*found, {"type": "scatter", "x": _sent(line.x), "y": _sent(line.y), "name": name, "legendgroup": name, "hovertemplate": hover,
                     "mode": "lines+markers" if len(line.x) < FEW else "lines", "line": {"color": style.colour, "dash": style.dash, "width": look.px(2.4)},
                     "marker": {"symbol": style.symbol, "size": look.px(8)}, "cliponaxis": False}]


def _sent(values: np.ndarray) -> np.ndarray:
    """Half the bytes on their way to the browser; far more digits than a screen has pixels."""
    return np.asarray(values, np.float32)
