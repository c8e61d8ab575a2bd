"""What answering and training cost, and what looks unhealthy."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab import compare
from lab.core import Evaluation
from lab.ui import marked, reads, text
from lab.ui.panels.numbers import numbers, table


def cost_panel(evaluations: dict[str, Evaluation], views: dict[str, Any]) -> None:
    """Per System: time and tokens per answer, time of the whole run. `views`: System name -> its RunView."""
    if not evaluations:
        st.caption("Costs appear with the first answers.")
        return
    frame = compare.usage_frame(evaluations)
    frame["run_seconds"] = [views[name].seconds if name in views else None for name in frame["system"]]
    seconds = st.column_config.NumberColumn(format="%.3f s")
    tokens = st.column_config.NumberColumn(format="%.0f")
    share = st.column_config.NumberColumn(format="%.0f %%")
    names = {"system": "System", "n": "Answers", "seconds_p50": "Time per answer, median", "seconds_p95": "95th percentile",
             "prompt_tokens": "Prompt tokens", "answer_tokens": "Answer tokens", "ended": "Came to an end", "hit": "Right document found",
             "run_seconds": "Whole run"}
    shown = frame.dropna(axis="columns", how="all").assign(**{name: frame[name] * 100 for name in ("ended", "hit") if frame[name].notna().any()})
    table(shown.rename(columns=names), {names["seconds_p50"]: seconds, names["seconds_p95"]: seconds, names["prompt_tokens"]: tokens,
                                        names["answer_tokens"]: tokens, names["ended"]: share, names["hit"]: share,
                                        names["run_seconds"]: st.column_config.NumberColumn(format="%.0f s")}, placeholder="–")
    st.caption("Time per answer: the first eight questions, asked one by one on the machine that ran it. Retrieval and shots make prompts longer; "
               "training costs once, prompts cost with every answer.")
    numbers(frame, "cost", "compare_cost")


def health_panel(runs: dict[str, Any], evaluations: dict[str, Evaluation], base: Evaluation | None,
                 drops: list[tuple[str, compare.Drop]]) -> None:
    """Warnings about curves, answers and what was forgotten. `runs`: System name -> run."""
    found = []
    for name, run in runs.items():
        found += [(name, finding) for finding in compare.curves_health(reads.curve_frame(run.id))]
        if name in evaluations:
            found += [(name, finding) for finding in compare.answers_health(evaluations[name], base if run.system.training else None)]
        lost = compare.damaged([drop for system, drop in drops if system == name])
        found += [(name, lost)] if lost else []
    if not found:
        st.caption(":material/check_circle: No rule about curves, answers or forgetting fired.")
        return
    marked.grid(["System", "Seen in", "What", "What to do"],
                [[marked.plain(cell) for cell in (name, text.STAGES.get(finding.stage, finding.stage), finding.what, finding.do)]
                 for name, finding in found], key="compare_health", widths=(2, 2, 5, 5))
