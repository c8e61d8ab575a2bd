"""What stands between a board and belief: data that changed under it, test items that were given away, runs that are missing."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lab import compare, store
from lab.core import Evaluation, Experiment, Outcome, Task
from lab.corpus.check_leaks import flagged_items
from lab.ui import marked, reads, state, text
from lab.ui.panels.numbers import numbers

PLACES = {"train": "training rows", "pairs": "preference pairs", "documents": "documents"}
PARTS = {"train": "training rows", "validation": "validation rows", "test": "test rows", "preferences": "preference pairs", "documents": "documents",
         "scoring": "scorers or the longest answer"}


def changed_panel(experiment: Experiment, tasks: list[Task]) -> None:
    """Says which data are no longer those that the Experiment was launched on; nothing where all are the same."""
    for task in tasks:
        if parts := experiment.changed(task):
            st.warning(f"The data of {text.label(task.name)} changed after this experiment was launched: {', '.join(PARTS.get(part, part) for part in parts)}. "
                       "Scores from before are not mixed with others: Systems whose data changed stand as not measured. Launch the experiment "
                       "again to score them on the data as they are.", icon=":material/difference:")


def no_task(task_id: str) -> None:
    """Why a task's rows cannot be shown: it was deleted, or it cannot be read."""
    if store.removed.remains(task_id):
        st.info("The task was deleted, and with it its questions, documents and preference pairs. Scores that were measured on it stay.",
                icon=":material/delete:")
        return
    st.warning("This task cannot be read.", icon=":material/warning:")
    st.text(reads.task_problem(task_id))


def deciding_panel(metric: str, declared: bool, count: int) -> None:
    """Which metric decides, since when, and over which family the p-values are adjusted."""
    when = "declared before anything ran" if declared else "the task's first scorer, as nothing else was declared before the launch"
    st.caption(f"Deciding metric: **{text.metric(metric)}** ({when}). Verdicts are adjusted (Holm) over the family of {text.count(count, 'System')} "
               "compared with the reference on it.")


def missing_panel(outcomes: list[Outcome], seed: int | None) -> None:
    """Runs that failed, were stopped or whose scores no longer count, with why: they stay in sight."""
    names = reads.task_titles()
    rows = [(o.system, names.get(o.task, o.task), o.seed, text.status(o.status), o.reason or "–") for o in outcomes
            if seed in (None, o.seed) and (o.status in ("failed", "stopped", "lost") or o.status == "finished" and o.reason)]
    if rows:
        marked.grid(["System", "Task", "Seed", "State", "Why"], [[marked.plain(cell) for cell in row] for row in rows], key="compare_missing",
                    widths=(3, 3, 1, 2, 8))


def cut_panel(evaluations: dict[str, Evaluation]) -> None:
    """Systems whose prompts went out without some of what they are named for; nothing where all prompts were whole."""
    found = {name: finding for name, one in evaluations.items() for finding in compare.answers_health(one) if finding.rule == "prompts cut"}
    if not found:
        return
    with st.container(border=True, gap="xsmall"):
        st.markdown(":orange[:material/content_cut:] **Some prompts were cut**")
        for name, finding in found.items():
            st.text(f"{name}: {finding.what}.")
        st.caption("Their scores are those of a System with less in its prompt than its name says.")
        st.button("See Cost and health", icon=":material/health_and_safety:", key="compare_to_health", on_click=state.open_view, args=("Cost and health",))


def contamination_panel(frame: pd.DataFrame, metric: str, items: int, key: str) -> None:
    """Scores with and without the flagged items. `frame` as compare.with_and_without gives it; `items`: test items in all."""
    if frame.empty:
        st.caption(":material/check_circle: No System of this task saw one of its test questions in what it learned from or looks up.")
        return
    st.caption(f"Test questions that also stand in what a System learned from or looks up (word for word, or 13 words in a row), of {items} in all. "
               "Where the score falls without them, it was partly remembered.")
    rows = [[marked.plain(cell) for cell in (row["system"], ", ".join(PLACES[place] for place in row["places"].split(", ")), row["flagged"],
                                            _score(row, "", metric), _score(row, "without_", metric))] for row in frame.to_dict("records")]
    marked.grid(["System", "Seen in", "Flagged items", "Score on all", "Score without them"], rows, key=f"{key}_grid", widths=(3, 3, 2, 3, 3))
    numbers(frame, "contamination", key)


def _score(row: dict, prefix: str, metric: str) -> str:
    value = row["without" if prefix else "value"]
    if value is None or value != value:
        return "no item is left"
    return f"{text.number(value, metric)} ({text.interval(row[f'{prefix}low'], row[f'{prefix}high'], metric)}), n {row[f'{prefix}n']:.0f}"


def flagged(task_id: str) -> dict[str, frozenset[str]]:
    """The task's test items that stand in its own training rows, pairs or documents; looked for once."""
    data = reads.task(task_id)
    return _flagged(task_id, tuple(sorted(data.task.fingerprints.items()))) if data else {}


@st.cache_resource(max_entries=32, show_spinner="Looking for test questions in the training data")
def _flagged(task_id: str, rows: tuple) -> dict[str, frozenset[str]]:
    return flagged_items(reads.task(task_id))
