"""Rows as the model will see them: the rendered template with the trained tokens marked; a task's card."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lab import store
from lab.core import Base, Example, LabError, TaskData
from lab.corpus.preview import trained_tokens
from lab.corpus.template import ChatTemplate
from lab.ui import marked, text
from lab.ui.panels.controls import problem
from lab.ui.panels.numbers import table

ROWS = 3
TABLE_ROWS = 50


def model_view(examples: tuple[Example, ...], base: Base, key: str) -> None:
    """The first rows through the base's template; what SFT trains on is marked."""
    try:
        folder = store.bases.folder_of(base)
        template = ChatTemplate.of(folder)
        for number, example in enumerate(examples[:ROWS]):
            tokens = trained_tokens(folder, template, [{"role": "user", "content": example.prompt}], example.answer)
            marked.spans([(piece, "on" if trained else "") for piece, trained in tokens], key=f"{key}_{number}")
            st.caption(f"{len(tokens)} tokens, {sum(trained for _, trained in tokens)} of them trained (underlined)")
    except LabError as error:
        problem("The rows cannot be shown as this base sees them", error.failure)


def split_counts(data: TaskData) -> None:
    """How many rows there are of each kind."""
    counts = data.task.counts
    names = {"train": "Training", "validation": "Validation", "test": "Test", "documents": "Documents", "preferences": "Preference pairs"}
    for column, (name, label) in zip(st.columns(len(names)), names.items()):
        column.metric(label, f"{counts.get(name, 0):,}")


def rows_table(data: TaskData) -> None:
    """The first examples as they stand."""
    frame = pd.DataFrame([{"Split": example.split, "Prompt": example.prompt, "Answer": example.answer} for example in data.examples[:TABLE_ROWS]],
                         columns=["Split", "Prompt", "Answer"])
    table(frame, {"Split": st.column_config.TextColumn(width="small"), "Prompt": st.column_config.TextColumn(width="large"),
                  "Answer": st.column_config.TextColumn(width="large")}, height=320)


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
