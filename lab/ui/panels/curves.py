"""Curves of one run while it trains, and of several runs laid over each other: panels beneath each other that share one x axis."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab import compare
from lab.ui import charts, curve_reads, display, lines, state, text
from lab.ui.panels.numbers import numbers, table

STAGES = ("sft", "dpo")
# title, unit, and the lines: metric -> the name it has in the legend
PLOTS = {
    "sft": (("Loss", "nats per token", {"loss": "training loss", "eval_loss": "validation loss"}),),
    "dpo": (("Loss", "DPO loss", {"loss": "training loss", "eval_loss": "validation loss"}),
            ("Log-probability of the answers", "sum over tokens", {"logps_chosen": "chosen", "logps_rejected": "rejected"}),
            ("Reward margin", "chosen minus rejected", {"reward_margin": "training margin", "eval_reward_margin": "validation margin"}),
            ("Pairs ordered rightly", "share", {"reward_accuracy": "training share", "eval_reward_accuracy": "validation share"})),
}
BOTH = (("Distance from where the stage began", "KL, nats per token", {"eval_kl": "on validation answers"}),
        ("Against forgetting", "", {"replay_loss": "loss on replayed text", "ewc_penalty": "pull to the base's weights"}),
        ("Gradient norm", "before clipping", {"grad_norm": "gradient norm"}), ("Learning rate", "", {"learning_rate": "learning rate"}))
SECOND = ("rejected", "pull to the base's weights")  # these, and what was validated, are dashed
AXES = {"step": "step", "tokens": "tokens trained on", "seconds": "seconds at work", "epoch": "passes over the data"}
OVERLAYS = {  # "stage metric": what it is called
    "sft eval_loss": "SFT: validation loss", "sft loss": "SFT: training loss", "sft learning_rate": "SFT: learning rate",
    "sft grad_norm": "SFT: gradient norm", "dpo eval_loss": "DPO: validation loss", "dpo loss": "DPO: training loss",
    "dpo eval_reward_accuracy": "DPO: pairs ordered rightly (validation)", "dpo reward_margin": "DPO: reward margin",
    "sft eval_kl": "SFT: KL to where it began", "dpo eval_kl": "DPO: KL to where it began",
    "dpo logps_chosen": "DPO: log-probability of chosen answers", "dpo logps_rejected": "DPO: log-probability of rejected answers",
    "dpo learning_rate": "DPO: learning rate", "dpo grad_norm": "DPO: gradient norm"}
FIRST = 2  # curves that are shown before anybody chose


def run_curves(view: Any) -> None:
    """Every training stage of one run: losses, DPO's own curves, gradient norm and learning rate over the same steps."""
    frame, lenders = curve_reads.curves_of(view.run)
    stages = [stage for stage in STAGES if stage in set(frame["stage"])]
    if not stages:
        st.caption("This System trains nothing: it has no curves." if not view.run.system.training else
                   "Curves begin with the untrained model at step 0, as soon as training starts.")
        return
    for stage in stages:
        st.subheader(text.STAGES[stage])
        if stage in lenders:
            st.caption(f"Trained once by run {text.label(lenders[stage])} and shared: an equal stage is never trained twice.")
        _stage(view.run, stage)
    numbers(frame, f"curves-{view.run.id}", f"runs_curves_{view.run.id}")


def _stage(run: Any, stage: str) -> None:
    look = state.look()
    panels = []
    for title, unit, names in (*PLOTS[stage], *BOTH):
        found = [lines.one(run, lines.Wish(stage, metric), name, _style(metric, name, look)) for metric, name in names.items()]
        if any(found):
            panels.append(charts.Panel(title, unit, [line for line in found if line]))
    if panels:
        st.plotly_chart(charts.curves_chart(panels, look, "step"), key=f"runs_curve_{run.id}_{stage}", config=display.figure("curves"),
                        alt=f"{', '.join(panel.title for panel in panels)} over steps; numbers below")


def _style(metric: str, name: str, look: charts.Look) -> charts.Style:
    second = metric.startswith("eval_") or name in SECOND
    return charts.Style(charts.palette(look)[second], "dash" if second else "solid", "diamond" if second else "circle")


def overlay_panel(runs: dict[str, Any], names: dict[str, str]) -> None:
    """Curves of several runs over each other, and the settings in which they differ. `runs`: label -> run; `names`: label -> System's name,
    for its colour, and for taking its seeds together."""
    chosen = state.choose_systems("Curves", list(OVERLAYS), "curve", default=_there(runs), pick="multiselect", format_func=OVERLAYS.get)
    left, right = st.columns(2)
    axis = left.segmented_control("Along", list(AXES), default="step", key="compare_axis", bind="query-params", required=True) or "step"
    weight = right.slider("Smoothing", 0.0, 0.99, 0.0, key="compare_smoothing", bind="query-params",
                          help="Time-weighted moving average; the raw line stays visible, faint.")
    with st.container(horizontal=True):
        log = tuple(st.toggle(label, key=key, bind="query-params") for label, key in (("Log x axis", "compare_log_x"), ("Log y axis", "compare_log_y")))
        several = len(set(names[label] for label in runs)) < len(runs)
        joined = several and st.toggle("Seeds together", value=True, key="compare_together", bind="query-params",
                                       help="One line per System, the mean over its runs; the band reaches from the lowest to the highest.")
    look = state.look()
    wishes = {OVERLAYS[curve]: lines.Wish(*curve.split(), axis, weight) for curve in chosen}
    by_system = charts.style_of(names.values(), look)
    styles = by_system if joined else lines.apart({label: by_system[names[label]] for label in runs})
    found = {title: lines.together(runs, names, wish, styles) if joined else lines.each(runs, wish, styles) for title, wish in wishes.items()}
    _draw({title: rows for title, rows in found.items() if rows}, len(runs), look, axis, log)
    _settings(runs)


def _there(runs: dict[str, Any]) -> list[str]:
    """The first curves that one of the runs has."""
    found = [curve for curve in OVERLAYS if any(curve.startswith(stage.kind) for run in runs.values() for stage in run.system.training)]
    return (found or list(OVERLAYS))[:FIRST]


def _draw(found: dict[str, list[charts.Line]], runs: int, look: charts.Look, axis: str, log: tuple[bool, bool]) -> None:
    if not found:
        st.caption("None of the ticked runs has these curves: they begin with their training stage.")
        return
    panels = [charts.Panel(title, "", rows) for title, rows in found.items()]
    st.plotly_chart(charts.curves_chart(panels, look, AXES[axis], log), key="compare_overlay", config=display.figure("curves"),
                    alt=f"{', '.join(found)} of {text.count(runs, 'run')}; numbers below")
    st.caption("A System keeps its colour and dash on every page. Smoothing changes the picture, never the numbers."
               + (" What stands at 0 has no place on a log axis." if any(log) else ""))
    numbers(lines.table(found), "curves", "compare_curves")


def _settings(runs: dict[str, Any]) -> None:
    """In what the ticked runs differ."""
    labels = {run.id: label for label, run in runs.items()}
    frame = compare.differing_settings(list(runs.values()))
    if len(runs) > 1 and len(frame):
        with st.expander("Settings in which these runs differ", icon=":material/tune:"):
            table(frame.rename(columns=labels).reset_index(), {"setting": st.column_config.TextColumn(pinned=True)})
