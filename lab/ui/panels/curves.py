"""Curves of one run while it trains, and of several runs laid over each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from lab import compare
from lab.ui import charts, display, reads, state, text
from lab.ui.panels.numbers import numbers, table

POINTS = 400  # of one curve
MOST = 4_000  # points of all curves of a chart: twenty curves have 200 each, still two per ten pixels
STAGES = ("sft", "dpo")
# title, y axis, and the lines: metric -> the name it has in the legend
LOSS = ("Loss", "nats per token", {"loss": "training", "eval_loss": "validation"})
PREFERENCE_LOSS = ("Loss", "DPO loss", {"loss": "training", "eval_loss": "validation"})
DPO = (
    ("Log-probability of the answers", "sum over tokens", {"logps_chosen": "chosen", "logps_rejected": "rejected"}),
    ("Reward margin, chosen minus rejected", "margin", {"reward_margin": "training", "eval_reward_margin": "validation"}),
    ("Pairs ordered rightly", "share", {"reward_accuracy": "training", "eval_reward_accuracy": "validation"}),
)
LINES = {"training": charts.Style("", "solid", "circle"), "validation": charts.Style("", "dash", "diamond"),
         "chosen": charts.Style("", "solid", "circle"), "rejected": charts.Style("", "dash", "diamond")}
AXES = {"step": "step", "tokens": "tokens trained on", "seconds": "seconds at work", "epoch": "passes over the data"}
OVERLAYS = {  # "stage metric": what it is called
    "sft eval_loss": "SFT: validation loss", "sft loss": "SFT: training loss", "dpo eval_loss": "DPO: validation loss",
    "dpo loss": "DPO: training loss", "dpo eval_reward_accuracy": "DPO: pairs ordered rightly (validation)",
    "dpo reward_margin": "DPO: reward margin", "dpo logps_chosen": "DPO: log-probability of chosen answers",
    "dpo logps_rejected": "DPO: log-probability of rejected answers", "sft grad_norm": "SFT: gradient norm",
    "dpo grad_norm": "DPO: gradient norm", "sft learning_rate": "SFT: learning rate"}


def run_curves(view: Any) -> None:
    """Every training stage of one run: losses on one chart, DPO's own curves on others."""
    frame, lenders = reads.curves_of(view.run)
    stages = [stage for stage in STAGES if stage in set(frame["stage"])]
    if not stages:
        st.caption("This System trains nothing: it has no curves." if not view.run.system.training else
                   "Curves begin with the untrained model at step 0, as soon as training starts.")
        return
    for stage in stages:
        st.subheader(text.STAGES[stage])
        if stage in lenders:
            st.caption(f"Trained once by run {text.label(lenders[stage])} and shared: an equal stage is never trained twice.")
        plots = (LOSS,) if stage == "sft" else (PREFERENCE_LOSS, *DPO)
        columns = st.columns(2) if len(plots) > 1 else [st.container()]
        for place, plot in enumerate(plots):
            with columns[place % len(columns)]:
                _one(frame, stage, plot, f"runs_curve_{view.run.id}_{stage}_{place}")
    numbers(frame, f"curves-{view.run.id}", f"runs_curves_{view.run.id}")


def _one(frame: pd.DataFrame, stage: str, plot: tuple[str, str, dict[str, str]], key: str) -> None:
    title, unit, lines = plot
    look = state.look()
    palette = charts.palette(look)
    rows = [_line(frame, stage, metric, name, "step") for metric, name in lines.items()]
    data = pd.concat(rows)
    if data.empty:
        return
    styles = {name: LINES[name]._replace(colour=palette[place]) for place, name in enumerate(lines.values())}
    st.markdown(f"**{title}**")
    st.plotly_chart(charts.curve_chart(data, styles, look, "step", unit), key=key, config=display.figure("curves"),
                    alt=f"{title} over steps: {', '.join(lines.values())}; numbers below")


def _line(frame: pd.DataFrame, stage: str, metric: str, name: str, axis: str, points: int = POINTS) -> pd.DataFrame:
    x, y = compare.thin(*compare.curve(frame, stage, metric, axis), points)
    return pd.DataFrame({"series": name, "x": x, "value": y})


def overlay_panel(runs: dict[str, Any], names: dict[str, str]) -> None:
    """Curves of several runs on one chart, and the settings in which they differ. `runs`: label -> run; `names`: label -> System's name,
    for its colour, and for taking its seeds together."""
    left, middle, right = st.columns([2, 2, 2])
    curve = state.choose("Curve", OVERLAYS, "curve", where=left)
    axis = middle.segmented_control("Along", list(AXES), default="step", key="compare_axis", bind="query-params", required=True) or "step"
    weight = right.slider("Smoothing", 0.0, 0.99, 0.0, key="compare_smoothing", bind="query-params",
                          help="Time-weighted moving average; the raw line stays visible, faint.")
    with st.container(horizontal=True):
        log = tuple(st.toggle(label, key=key, bind="query-params") for label, key in (("Log x axis", "compare_log_x"), ("Log y axis", "compare_log_y")))
        several = len(set(names[label] for label in runs)) < len(runs)
        together = several and st.toggle("Seeds together", value=True, key="compare_together", bind="query-params",
                                         help="One line per System, the mean over its runs; the band reaches from the lowest to the highest.")
    data = _together(runs, names, *curve.split(), axis, weight) if together else _overlay(runs, *curve.split(), axis, weight)
    if data.empty:
        st.caption("None of the ticked runs has this curve: it begins with its training stage.")
    else:
        _draw(data, runs, names, curve, axis, log, together)
    _settings(runs)


def _draw(data: pd.DataFrame, runs: dict[str, Any], names: dict[str, str], curve: str, axis: str, log: tuple[bool, ...], together: bool) -> None:
    look = state.look()
    by_system = charts.style_of(names.values(), look)
    styles = by_system if together else _apart({label: by_system[names[label]] for label in runs})
    st.plotly_chart(charts.curve_chart(data, styles, look, AXES[axis], OVERLAYS[curve], log), key="compare_overlay", config=display.figure("curves"),
                    alt=f"{OVERLAYS[curve]} of {text.count(len(runs), 'run')}; numbers below")
    st.caption("A System keeps its colour and dash on every page. Smoothing changes the picture, never the numbers."
               + (" What stands at 0 has no place on a log axis." if any(log) else ""))
    numbers(data, "curves", "compare_curves")


def _settings(runs: dict[str, Any]) -> None:
    """In what the ticked runs differ."""
    labels = {run.id: label for label, run in runs.items()}
    frame = compare.differing_settings(list(runs.values()))
    if len(runs) > 1 and len(frame):
        with st.expander("Settings in which these runs differ", icon=":material/tune:"):
            table(frame.rename(columns=labels).reset_index(), {"setting": st.column_config.TextColumn(pinned=True)})


def _overlay(runs: dict[str, Any], stage: str, metric: str, axis: str, weight: float) -> pd.DataFrame:
    """One line per run, raw and smoothed; worked out once for the same events."""
    frames = {label: reads.curves_of(run)[0] for label, run in runs.items()}
    mark = tuple((label, runs[label].id, len(frame), frame["at"].max()) for label, frame in frames.items())
    return _overlaid(mark, stage, metric, axis, weight, frames)


@st.cache_resource(max_entries=64, show_spinner=False)
def _overlaid(mark: tuple, stage: str, metric: str, axis: str, weight: float, _frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    parts, points = [], min(POINTS, max(100, MOST // max(1, len(_frames))))
    for label, frame in _frames.items():
        line = _line(frame, stage, metric, label, axis, points)
        parts.append(line.assign(smooth=compare.smooth(line["x"], line["value"], weight) if len(line) else np.array([])))
    return pd.concat(parts) if parts else pd.DataFrame(columns=["series", "x", "value", "smooth"])


def _together(runs: dict[str, Any], names: dict[str, str], stage: str, metric: str, axis: str, weight: float) -> pd.DataFrame:
    """One line per System: the mean over its runs, with the band of all of them."""
    parts = []
    for name in dict.fromkeys(names[label] for label in runs):
        lines = [compare.curve(reads.curves_of(run)[0], stage, metric, axis) for label, run in runs.items() if names[label] == name]
        x, mean, low, high = compare.spread(lines, POINTS)
        parts.append(pd.DataFrame({"series": name, "x": x, "value": mean, "low": low, "high": high, "smooth": compare.smooth(x, mean, weight)}))
    return pd.concat(parts)


def _apart(styles: dict[str, charts.Style]) -> dict[str, charts.Style]:
    """The same System on several tasks or seeds keeps its colour; dash and symbol tell its runs apart."""
    seen: dict[str, int] = {}
    out = {}
    for label, style in styles.items():
        count = seen[style.colour + style.dash] = seen.get(style.colour + style.dash, -1) + 1
        start = charts.DASHES.index(style.dash)
        out[label] = style._replace(dash=charts.DASHES[(start + count) % len(charts.DASHES)],
                                    symbol=charts.SYMBOLS[(charts.SYMBOLS.index(style.symbol) + count) % len(charts.SYMBOLS)])
    return out
