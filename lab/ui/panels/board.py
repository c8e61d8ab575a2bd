"""The board as one table: every System's scores with intervals, its distance from the base and what it cost. System stays in sight."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lab import compare
from lab.ui import text
from lab.ui.panels.numbers import numbers, table

COLUMNS = {"kl_task": ("KL to base, task", "%.3f"), "kl_text": ("KL to base, text", "%.3f"), "seconds_p50": ("Time per answer, p50", "%.3f s"),
           "seconds_p95": ("p95", "%.3f s"), "prompt_tokens": ("Prompt tokens", "%.0f"), "answer_tokens": ("Answer tokens", "%.0f"),
           "training_seconds": ("Training time", "%.0f s"), "adapter_mb": ("Adapter", "%.1f MB")}


def overview_panel(frame: pd.DataFrame, task: str, metrics: dict[str, str], titles: dict[str, str], key: str) -> None:
    """`frame` as compare.overview gives it. `task`: the task's name; `metrics`: "task" and each suite -> its metric; `titles`: suite -> title."""
    if frame.empty:
        st.caption("The table fills as Systems answer.")
        return
    shown, config = readable(frame, task, metrics, titles)
    table(shown, {"System": st.column_config.TextColumn(pinned=True), **config}, placeholder="–")
    st.caption("Scores with their 95 % interval and the number of items n. KL (nats per token) says how far training moved the answers from the "
               "base's. Time per answer: the first eight questions, one by one. Training time and size are those of everything that was trained "
               "for the System, whoever trained it first.")
    numbers(frame, "overview", key, "The same as numbers")


def readable(frame: pd.DataFrame, task: str, metrics: dict[str, str], titles: dict[str, str]) -> tuple[pd.DataFrame, dict]:
    """(what people read, the columns' formats)."""
    groups = {"task": f"{task} ({text.metric(metrics['task'])})"} | {name: title for name, title in titles.items()}
    columns = {"System": frame["system"]}
    if (frame["state"] != "finished").any():
        columns["State"] = frame["state"].map(text.status)
    for group, heading in groups.items():
        if f"{group} value" in frame:
            columns[heading] = [_score(row, group, metrics.get(group, "")) for row in frame.to_dict("records")]
    frame = frame.assign(adapter_mb=frame["adapter_bytes"] / 1e6) if "adapter_bytes" in frame else frame
    known = {name: about for name, about in COLUMNS.items() if name in frame}
    columns |= {heading: frame[name] for name, (heading, _) in known.items()}
    if "energy_wh" in frame:
        columns["Training energy"] = [_energy(row) for row in frame.to_dict("records")]
    return pd.DataFrame(columns), {heading: st.column_config.NumberColumn(format=form) for heading, form in known.values()}


def _score(row: dict, group: str, metric: str) -> str | None:
    value = row.get(f"{group} value")
    if value is None or value != value:
        return None
    span = text.interval(row.get(f"{group} low"), row.get(f"{group} high"), metric)
    return f"{text.number(value, metric)}{f' ({span})' if span else ''}, n {row[f'{group} n']:.0f}"


def _energy(row: dict) -> str | None:
    value = row["energy_wh"]
    return None if value != value else f"{value:.3g} Wh{' (estimate)' if row.get('energy_estimated') else ''}"


def watts_input(key: str) -> float:
    """Watts of a busy core: what an estimated energy is counted with. In the URL."""
    return float(st.number_input("Watts of one busy CPU core, for the energy estimate", 1.0, 500.0, compare.CPU_WATTS, 1.0, key=key, bind="query-params",
                                 width=320, help="Where the device has no energy meter (only NVIDIA GPUs have one here), energy = CPU seconds x this."))
