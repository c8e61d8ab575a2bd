"""Answers side by side: items x Systems, word differences to the reference marked, prompt and passages one click away."""

from __future__ import annotations

import streamlit as st

from lab import compare
from lab.core import Evaluation, Suite
from lab.ui import marked, text
from lab.ui.panels.filters import filtered, slices_panel
from lab.ui.panels.numbers import numbers

PAGE = 8
SIGN = {"same": "", "added": "on"}


def outputs_panel(evaluations: dict[str, Evaluation], suite: Suite, reference: str, shown: list[str], files: dict[str, str]) -> None:
    """`shown`: the Systems in columns; the reference stands first. `files`: a document's id -> its name."""
    names = [name for name in [reference, *[name for name in shown if name != reference]] if name in evaluations]
    if not names:
        st.caption("No System has answered this task yet.")
        return
    frame = compare.side_by_side({name: evaluations[name] for name in names}, suite)
    rows = filtered(frame, reference, names, suite)
    pages = max(1, -(-len(rows) // PAGE))
    page = min(st.pagination(pages, key="compare_page"), pages) if pages > 1 else 1
    st.caption(f"{len(rows)} of {text.count(len(frame), 'item')}. Underlined words differ from {text.label(reference)}; "
               "✓ and ✕ are the item's score.")
    slices_panel({name: evaluations[name] for name in names}, suite)
    if rows.empty:
        return
    part = rows.iloc[(page - 1) * PAGE: page * PAGE]
    marked.grid(["Question", "Right answer", *names], [_row(row, names, reference) for row in part.to_dict("records")], key="compare_grid",
                widths=(3, 2, *(2.5 for _ in names)))
    _details(part["id"].tolist(), {row["id"]: text.short(row["prompt"], 80) for row in part.to_dict("records")}, evaluations, names, files)
    numbers(rows, "answers", "compare_answers", "These answers as a table")


def _row(row: dict, names: list[str], reference: str) -> list[list[marked.Part]]:
    before = row[compare.answer_column(reference)] or ""
    cells = [marked.plain(text.short(row["prompt"], 400)), marked.plain(row["gold"])]
    for name in names:
        answer = row[compare.answer_column(name)]
        sign = _sign(row[compare.value_column(name)])
        if answer is None or answer != answer:
            cells.append(marked.plain("–"))
        elif name == reference:
            cells.append(marked.plain(f"{sign} {answer}"))
        else:
            words = [(words, SIGN[tag]) for words, tag in compare.word_differences(before, answer) if tag in SIGN]
            cells.append([(f"{sign} ", ""), *words])
    return cells


def _sign(value: float) -> str:
    if value is None or value != value:
        return "–"
    return "✓" if value == 1 else "✕" if value == 0 else f"{value:.2f}"


def _details(ids: list[str], labels: dict[str, str], evaluations: dict[str, Evaluation], names: list[str],
             files: dict[str, str]) -> None:
    """What one System was really sent for one item."""
    with st.expander("Prompt and passages", icon=":material/manage_search:"):
        left, right = st.columns([3, 2])
        item = left.selectbox("Item", ids, format_func=lambda value: labels.get(value, value), key="compare_item")
        name = right.selectbox("System", names, key="compare_item_system")
        score = next((score for score in evaluations[name].scores if score.item == item), None)
        if score is None:
            st.caption("This System was not asked this item.")
            return
        if score.reason:
            st.caption("Why it was scored so")
            st.text(score.reason)
        for place, passage in enumerate(score.passages, start=1):
            st.caption(f"Passage {place}, from {text.label(passage.citation(files.get(passage.document, passage.document)))}, search score {passage.score:.2f}")
            st.code(passage.text, language=None, wrap_lines=True)
        st.caption("Prompt as it was sent")
        st.code(score.prompt or "Not recorded.", language=None, wrap_lines=True)
