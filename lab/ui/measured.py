"""Lengths of a Task's right answers in a base's own tokens, counted once."""

from __future__ import annotations

import streamlit as st

from lab import store
from lab.core import Base, LabError, TaskData
from lab.corpus.preview import tokenizer_of


def answers(rows: tuple, data: TaskData, base: Base | None) -> tuple[int, ...]:
    """Tokens of each right answer of the test split; empty without a base or where its tokens cannot be counted here. `rows` names the data."""
    return _answers(rows, base.fingerprint, data, base) if base else ()


@st.cache_resource(max_entries=8, show_spinner=False)
def _answers(rows: tuple, fingerprint: str, _data: TaskData, _base: Base) -> tuple[int, ...]:
    try:
        tokenizer = tokenizer_of(store.bases.folder_of(_base))
    except LabError:  # no tokenizer.json: the worker alone can count
        return ()
    found = tokenizer.encode_batch([row.answer for row in _data.split("test")], add_special_tokens=False)
    return tuple(len(encoding.ids) for encoding in found)
