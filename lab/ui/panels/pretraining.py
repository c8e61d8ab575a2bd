"""One pretraining as it goes: its ladder of abilities, its losses, what it can do at the end; and two of them beside each other."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab.ui import charts, display, pretraining, router, state, text
from lab.ui.panels.controls import controls, failure_panel, log_panel
from lab.ui.panels.numbers import numbers, table
from lab.ui.panels.runs import waiting_panel

LOSSES = {"training": (charts.Style("", "solid", "circle"), 0), pretraining.HELD_OUT: (charts.Style("", "dash", "diamond"), 1)}


def pretraining_panel(source: str, labels: dict[str, str], beside: str | None) -> None:
    """`source`: a run's id, or a shipped base. `labels`: id -> name. `beside`: a second one whose curves are laid next to these."""
    view = pretraining.run_of(source)
    if view:
        waiting_panel([view])
        _status(view)
        failure_panel(view)
        controls(view)
    names = {one: labels[one] for one in (source, beside) if one}
    _ladder(names)
    _loss(names)
    _probes(names)
    if view:
        log_panel(view)


def _status(view: Any) -> None:
    words = ", ".join(part for part in (text.status(view.status), text.seconds(view.seconds, ""), text.label(view.doing)) if part)
    if view.status == "running" and view.progress is not None:
        st.progress(min(1.0, view.progress), text=words)
    else:
        st.caption(words)


def _ladder(names: dict[str, str]) -> None:
    st.subheader("The ladder of abilities")
    frames = {label: pretraining.ladder(source) for source, label in names.items()}
    whole = pd.concat([frame.assign(run=label) for label, frame in frames.items()], ignore_index=True)
    if whole.empty:
        st.caption("The first probes are asked at the first checkpoint. Until then only the loss moves.")
        return
    abilities = _common(frames)
    chosen = state.choose_systems("Abilities", abilities, "pretrain_abilities", default=pretraining.first(abilities), pick="multiselect")
    shown = whole[whole["ability"].isin(chosen)].sort_values("ability", key=lambda column: column.map(chosen.index), kind="stable")
    look = state.look()
    if len(names) == 1:
        figure = charts.ladder_chart(shown, charts.ability_styles(abilities, look), look, pretraining.steps_in_all(*names))
    else:
        figure = charts.beside_chart(shown, _styles(names, look), look)
    st.plotly_chart(figure, key=f"pretrain_ladder_{len(names)}", config=display.figure("pretraining"),
                    alt=f"Share of right answers over steps: {', '.join(chosen)}; numbers below")
    st.caption("Each point: the share that was exactly right at a checkpoint. Look for the plateau, and then the jump: an ability is "
               "long at nothing while the loss already falls, and comes within a few hundred steps." if len(names) == 1 else
               "The same questions for both. What only one of them was asked is left out here; the numbers have it.")
    numbers(whole, "ladder", f"pretrain_ladder_{'_'.join(names)}")


def _common(frames: dict[str, pd.DataFrame]) -> list[str]:
    """Abilities that every run with a checkpoint has."""
    each = [pretraining.abilities(frame) for frame in frames.values() if len(frame)]
    return [name for name in each[0] if all(name in others for others in each)] or each[0]


def _loss(names: dict[str, str]) -> None:
    st.subheader("Loss")
    look = state.look()
    if len(names) == 1:
        data = pretraining.losses(*names)
        styles = {name: style._replace(colour=charts.palette(look)[place]) for name, (style, place) in LOSSES.items()}
    else:
        data, styles = pretraining.held_out(names), _styles(names, look)
    if data.empty:
        st.caption("The curve begins with the first steps.")
        return
    panel = charts.Panel("", "nats per token", charts.lines_of(data, styles))
    st.plotly_chart(charts.curves_chart([panel], look, "step"), key=f"pretrain_loss_{len(names)}", config=display.figure("pretraining"),
                    alt=f"Loss over steps: {', '.join(dict.fromkeys(data['series']))}; numbers below")
    if len(names) > 1:
        st.caption("Held-out text. Losses of different objectives measure different things: compare their shapes, not their heights.")
    numbers(data, "loss", f"pretrain_loss_{'_'.join(names)}")


def _styles(names: dict[str, str], look: charts.Look) -> dict[str, charts.Style]:
    colours = charts.palette(look)
    return {label: charts.Style(colours[place], charts.DASHES[place], charts.SYMBOLS[place]) for place, label in enumerate(names.values())}


def _probes(names: dict[str, str]) -> None:
    kept = {label: about for source, label in names.items() if (about := pretraining.last_of(source))}
    if not kept:
        return
    st.subheader("What it can do" if len(names) == 1 else "What they can do")
    places = [f"{text.label(label)}: step {about['step']:,} of {about['total']:,}" + ("" if about.get("final") else ", the newest checkpoint")
              for label, about in kept.items()]
    st.caption("; ".join(places) + ". Wilson's 95 % intervals.")
    table(pretraining.probe_table(kept), {"n": st.column_config.NumberColumn(width=70)})
    st.page_link(router.BUILD, label="Build an experiment on one of the bases", icon=":material/construction:")
