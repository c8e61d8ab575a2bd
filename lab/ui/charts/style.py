"""How a System looks: colour, dash and symbol fixed by its name, in light and in dark. Knows nothing of what is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Iterable, NamedTuple

import plotly.graph_objects as go

# Okabe-Ito, the five that reach 3:1 on white, and their counterparts on dark (the order is the same). Violet is added: under each of the three
# kinds of colour blindness it stays further from the others than they do from each other.
LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#0d1014", "#6600CC")
DARK = ("#56B4E9", "#E69F00", "#2FBF97", "#E3A1C6", "#FFFFFF", "#8855FF")
BLUE, VERMILLION, GREEN, PURPLE, BLACK, VIOLET = range(6)
FREE = (BLUE, VERMILLION, GREEN, PURPLE, VIOLET)  # black is the base's alone
FONT = "Arial, Helvetica, sans-serif"  # on every machine: a saved figure has no web fonts, and would be set otherwise than it was measured
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
# The names that the lab itself proposes; every other name takes a free combination by its hash.
KNOWN = {"base": (BLACK, 0, 0), "3 shots": (GREEN, 0, 2), "RAG": (BLUE, 0, 0), "SFT": (VERMILLION, 0, 0), "SFT → DPO": (PURPLE, 0, 3), "DPO": (VIOLET, 0, 5),
         "RAG + SFT": (VERMILLION, 1, 1)}


class Style(NamedTuple):
    colour: str
    dash: str
    symbol: str


@dataclass(frozen=True)
class Look:
    """What the reader's browser shows: dark or light, and how large the base font is compared with 16 px."""

    dark: bool = False
    scale: float = 1.0

    @property
    def ink(self) -> str:
        return "#eef1f4" if self.dark else "#0d1014"

    @property
    def quiet(self) -> str:
        return "#b9c0c8" if self.dark else "#4a5058"

    @property
    def line(self) -> str:
        return "#2b323a" if self.dark else "#e6e9ed"

    @property
    def paper(self) -> str:
        return "#14171b" if self.dark else "#ffffff"

    @property
    def surface(self) -> str:
        return "#1e2329" if self.dark else "#f3f4f6"

    @property
    def veil(self) -> str:
        """Paper that lets through what it covers."""
        return "rgba(20,23,27,0.8)" if self.dark else "rgba(255,255,255,0.8)"

    def px(self, size: float) -> int:
        return round(size * self.scale)

    @property
    def x_axis(self) -> dict[str, Any]:
        return self._axis | {"tickfont": {"size": self.px(13), "color": self.quiet}}

    @property
    def y_axis(self) -> dict[str, Any]:
        return self._axis | {"tickfont": {"size": self.px(14), "color": self.ink}}

    @property
    def _axis(self) -> dict[str, Any]:
        return {"gridcolor": self.line, "zeroline": False, "linecolor": self.line, "title": {"font": {"size": self.px(14), "color": self.quiet}}}


def palette(look: Look) -> tuple[str, ...]:
    """The colours on this background."""
    return DARK if look.dark else LIGHT


def style_of(names: Iterable[str], look: Look = Look()) -> dict[str, Style]:
    """A Style per name. The same names give the same styles on every page; no two of up to twenty are equal."""
    colours, found, taken = palette(look), {}, set()
    wanted = sorted(set(names), key=lambda name: (name not in KNOWN, name))
    for name in wanted:
        colour, dash, symbol = KNOWN.get(name) or _free(name, taken)
        taken.add((colour, dash))
        found[name] = Style(colours[colour], DASHES[dash], SYMBOLS[symbol])
    return found


def _free(name: str, taken: set[tuple[int, int]]) -> tuple[int, int, int]:
    start = int.from_bytes(sha256(name.encode("utf-8", "replace")).digest()[:4], "big")
    total = len(FREE) * len(DASHES)
    spots = [divmod((start + step * 7) % total, len(DASHES)) for step in range(total)]  # 7 and 20 share no factor: every spot once
    spots = [(FREE[place], dash) for place, dash in spots]
    colour, dash = next((spot for spot in spots if spot not in taken), spots[0])
    return colour, dash, start % len(SYMBOLS)


def finish(figure: Any, look: Look, height: float, **layout: Any) -> Any:
    """What all figures share: quiet grid, readable type, no tool bar noise, zoom kept while data grows."""
    figure.update_layout(**_layout(look, height, layout))
    figure.update_xaxes(look.x_axis)
    figure.update_yaxes(look.y_axis)
    return figure


def drawn(traces: list[dict[str, Any]], look: Look, height: float, **layout: Any) -> Any:
    """A whole figure out of plain traces and a plain layout, axes included, in the look that `finish` gives. Not checked property by property:
    for what is drawn often that costs more than all else (a test checks these figures)."""
    return go.Figure(traces, _layout(look, height, layout), _validate=False)


def _layout(look: Look, height: float, layout: dict[str, Any]) -> dict[str, Any]:
    return {"height": look.px(height), "font": {"family": FONT, "size": look.px(15), "color": look.ink}, "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)", "uirevision": "keep",
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": look.quiet, "activecolor": look.ink},
            "hoverlabel": {"bgcolor": look.veil, "bordercolor": look.line, "font": {"size": look.px(14), "color": look.ink}}, **layout,
            "margin": {"l": 0, "r": look.px(12), "t": look.px(44), "b": look.px(36)} | layout.get("margin", {})}
