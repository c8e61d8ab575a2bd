"""Rows as the model will see them: the rendered template with the trained tokens marked; a task's card."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from lab import store
from lab.core import Base, Example, LabError, Sft, TaskData
from lab.corpus.preview import seen
from lab.corpus.template import ChatTemplate
from lab.ui import marked, text
from lab.ui.panels.controls import problem
from lab.ui.panels.numbers import table

ROWS = 3
USUAL_TOKENS, MOST_TOKENS = Sft.model_fields["max_length"].default, 131_072
MARKS = {"prompt": "", "trained": "on", "cut": "off"}
TABLE_ROWS = 50


def model_view(examples: Sequence[Example], base: Base, key: str) -> None:
    """Rows through the base's template, three at a time: what SFT trains on is underlined, what does not fit is struck out."""
    try:
        folder = store.bases.folder_of(base)
        template = ChatTemplate.of(folder)
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        with left:
            page = st.pagination(-(-len(examples) // ROWS), key=f"{key}_page") if len(examples) > ROWS else 1
        most = base.context or MOST_TOKENS
        longest = right.number_input("Longest row (tokens)", min(16, most), most, min(most, USUAL_TOKENS), key=f"{key}_longest",
                                     help="What a training step reads of a row. SFT refuses rows that are longer than its own maximum length; this shows where "
                                     "they would be cut.")
        for number, example in enumerate(examples[(page - 1) * ROWS:page * ROWS]):
            found = seen(folder, template, [{"role": "user", "content": example.prompt}], example.answer, longest)
            marked.spans([(piece, MARKS[kind]) for piece, kind in found.parts], key=f"{key}_{number}")
            st.caption(f"{row_name(example.id)}, {example.split}: {text.count(found.tokens, 'token')}, {found.trained:,} of them trained (underlined)"
                       + (f"; :orange[{found.cut:,} beyond the longest row (struck out)]" if found.cut else ""))
    except LabError as error:
        problem("The rows cannot be shown as this base sees them", error.failure)


def row_name(name: str) -> str:
    """'readable row 12 of the file' for a row that came from a file, else its id."""
    return f"readable row {int(name[1:]):,} of the file" if re.fullmatch(r"e\d{5,}", name) else text.label(name)


def split_counts(data: TaskData) -> None:
    """How many rows there are of each kind."""
    counts = data.task.counts
    names = {"train": "Training", "validation": "Validation", "test": "Test", "documents": "Documents", "preferences": "Preference pairs"}
    for column, (name, label) in zip(st.columns(len(names)), names.items()):
        column.metric(label, f"{counts.get(name, 0):,}")


def rows_table(data: TaskData) -> None:
    """The first examples as they stand."""
    if sum(data.task.counts.get(name, 0) for name in ("train", "validation", "test")) > len(data.examples):
        st.caption(f"A large task: {len(data.examples):,} of its rows are read here, runs read all of them. The first {TABLE_ROWS} stand below.")
    frame = pd.DataFrame([{"Split": example.split, "Prompt": example.prompt, "Answer": example.answer} for example in data.examples[:TABLE_ROWS]],
                         columns=["Split", "Prompt", "Answer"])
    table(frame, {"Split": st.column_config.TextColumn(width="small"), "Prompt": st.column_config.TextColumn(width="large"),
                  "Answer": st.column_config.TextColumn(width="large")}, height=320)


def pairs_table(data: TaskData) -> None:
    """The first preference pairs as they stand; nothing where there are none."""
    if not data.preferences:
        return
    st.subheader("Preference pairs")
    columns = {"Split": "split", "Prompt": "prompt", "Chosen": "chosen", "Rejected": "rejected"}
    frame = pd.DataFrame([{title: getattr(pair, name) for title, name in columns.items()} for pair in data.preferences[:TABLE_ROWS]])
    table(frame, {title: st.column_config.TextColumn(width="small" if title == "Split" else "medium") for title in columns}, height=320)


def task_card(data: TaskData) -> None:
    """What a task is: description, needs, scoring, counts."""
    task = data.task
    if task.description:
        st.text(task.description)
    about = [f"need: {text.label(task.need)}"] if task.need else []
    about += [f"scored by {', '.join(text.metric(scorer.kind) for scorer in task.scorers)}", f"answers of up to {task.max_new_tokens} tokens"]
    about += [f"licence: {text.label(task.licence)}"] if task.licence else []
    st.caption("; ".join(about))
    split_counts(data)
