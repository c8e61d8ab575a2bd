"""The ladder: how abilities come while a base is pretrained. One line per ability, named at its end; or two runs, ability by ability.

Knows shares over steps. Which abilities are drawn, and what they mean, is decided elsewhere.
"""

from __future__ import annotations

import math
import textwrap
from typing import Any, Iterable, NamedTuple

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lab.ui import text
from lab.ui.charts.style import BLACK, BLUE, DASHES, GREEN, PURPLE, SYMBOLS, VERMILLION, Look, Style, finish, palette

HEIGHT, MARGIN = 480, 240  # pixels at 16 px base font; the margin holds the names at the lines' ends
LETTERS, LINE = 28, 20  # letters of a name per line beside the chart, and a line's height
SIGNS = dict(zip(SYMBOLS, "●◆■▲✚★"))  # the same marks in type
ROW, ABREAST = 210, 3  # two runs: height of one ability's field, fields beside each other
# What a name begins with -> the colour of its kind; the dash tells the members of a kind apart.
KINDS = (("known people", BLUE), ("known fact", BLUE), ("capitals", GREEN), ("words", GREEN), ("sums", GREEN), ("reading", VERMILLION),
         ("unknown", PURPLE), ("gap", BLUE), ("linear head", GREEN), ("writes", VERMILLION))
RANGE = (-0.02, 1.04)  # of the axis of shares


class End(NamedTuple):
    """Where a line ends, what stands there, and at which step it first was halfway up (infinite: never)."""

    name: str
    x: float
    y: float
    style: Style
    half: float


def ability_styles(names: Iterable[str], look: Look) -> dict[str, Style]:
    """A Style per ability: a colour per kind, dashes within it, symbols in turn. Hand in all names, so that choosing few changes none."""
    colours, seen, found = palette(look), {}, {}
    for place, name in enumerate(names):
        kind = next((colour for start, colour in KINDS if name.startswith(start)), BLACK)
        dash = seen[kind] = seen.get(kind, -1) + 1
        found[name] = Style(colours[kind], DASHES[dash % len(DASHES)], SYMBOLS[place % len(SYMBOLS)])
    return found


def ladder_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look, total: int | None = None) -> Any:
    """`frame` has ability, step, value (share) and may have low, high, n. `total`: steps of the whole run, the end of the axis."""
    figure, ends = go.Figure(), []
    for name in dict.fromkeys(frame["ability"]):
        rows, style = frame[frame["ability"] == name], styles[name]
        figure.add_scatter(x=rows["step"], y=rows["value"], name=text.plot(name), mode="lines+markers", cliponaxis=False,
                           line={"color": style.colour, "dash": style.dash, "width": look.px(2.6)},
                           marker={"symbol": style.symbol, "size": look.px(8), "color": style.colour},
                           customdata=_words(rows), hovertemplate="%{customdata}")
        ends.append(End(name, float(rows["step"].iloc[-1]), float(rows["value"].iloc[-1]), style, float(rows.loc[rows["value"] >= 0.5, "step"].min())))
    _name_ends(figure, ends, look)
    finish(figure, look, HEIGHT, hovermode="x unified", showlegend=False, margin={"t": look.px(16), "b": look.px(48), "r": look.px(MARGIN)})
    last = max([*frame["step"], total or 0, 1])
    figure.update_xaxes(title_text="step", range=[0, last])
    _share_axis(figure)
    return figure


def beside_chart(frame: pd.DataFrame, styles: dict[str, Style], look: Look) -> Any:
    """Two or more runs, one field per ability. `frame` has ability, run, step, value; `styles`: run -> Style."""
    abilities = list(dict.fromkeys(frame["ability"]))
    columns, lines = min(ABREAST, len(abilities)), -(-len(abilities) // ABREAST)
    figure = make_subplots(rows=lines, cols=columns, shared_xaxes="all", shared_yaxes="all", horizontal_spacing=0.03,
                           vertical_spacing=0.28 / lines, subplot_titles=[text.plot(name) for name in abilities])
    for place, ability in enumerate(abilities):
        spot = {"row": place // columns + 1, "col": place % columns + 1}
        for name, rows in frame[frame["ability"] == ability].groupby("run", sort=False):
            style = styles[name]
            figure.add_scatter(x=rows["step"], y=rows["value"], name=text.plot(name), legendgroup=name, showlegend=place == 0,
                               mode="lines+markers", line={"color": style.colour, "dash": style.dash, "width": look.px(2.6)},
                               marker={"symbol": style.symbol, "size": look.px(7), "color": style.colour}, cliponaxis=False,
                               customdata=_words(rows), hovertemplate="%{customdata}", **spot)
    figure.update_annotations(font={"size": look.px(14), "color": look.ink})
    legend = {"orientation": "h", "yref": "container", "yanchor": "top", "y": 1.0, "x": 0, "font": {"size": look.px(14)}}
    finish(figure, look, ROW * lines + 80, hovermode="x unified", legend=legend, margin={"t": look.px(70), "b": look.px(40)})
    figure.update_xaxes(rangemode="tozero")
    _share_axis(figure)
    return figure


def spread(places: list[float], gap: float, top: float = 1.03) -> list[float]:
    """Heights for labels: as near to `places` as can be, at least `gap` apart, none above `top`. In the order given."""
    out = [0.0] * len(places)
    below = top + gap
    for index in sorted(range(len(places)), key=lambda number: -places[number]):
        below = out[index] = min(places[index], below - gap)
    floor = min(out, default=0.0)
    return out if floor >= 0 else _lifted(out, gap)


def _lifted(places: list[float], gap: float) -> list[float]:
    """The same from below, where labels would stand under the axis."""
    above, out = -gap, list(places)
    for index in sorted(range(len(places)), key=lambda number: places[number]):
        above = out[index] = max(places[index], above + gap)
    return out


def _name_ends(figure: Any, ends: list[End], look: Look) -> None:
    """The name of each line beside its last point. Where several end alike, what came first stands on top."""
    ends = sorted(ends, key=lambda end: (-end.y, end.half if end.half == end.half else math.inf))
    wrapped = [textwrap.wrap(end.name, LETTERS) or [""] for end in ends]
    tallest = max((len(lines) for lines in wrapped), default=1)
    gap = min((LINE * tallest + 4) / (HEIGHT - 64) * (RANGE[1] - RANGE[0]), 1 / max(1, len(ends) - 1))  # pixels of a label over the plot's
    for end, lines, height in zip(ends, wrapped, spread([end.y for end in ends], gap)):
        sign = f"<span style='color:{end.style.colour}'>{SIGNS[end.style.symbol]}</span> "
        figure.add_annotation(x=end.x, y=end.y, ax=look.px(26), ay=height, ayref="y", text=sign + "<br>".join(map(text.plot, lines)), align="left",
                              xanchor="left", yanchor="middle", arrowhead=0, arrowwidth=look.px(1.2), arrowcolor=end.style.colour,
                              standoff=look.px(5), font={"size": look.px(15), "color": look.ink})


def _share_axis(figure: Any) -> None:
    figure.update_yaxes(range=list(RANGE), tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%")


def _words(rows: pd.DataFrame) -> list[str]:
    """What the pointer shows: the share, and its interval where it is known."""
    found = []
    for row in rows.to_dict("records"):
        about = text.interval(row.get("low"), row.get("high"))
        found.append(text.number(row["value"]) + (f" ({about}, n = {row['n']:.0f})" if about else ""))
    return found
