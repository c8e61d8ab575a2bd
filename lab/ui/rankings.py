"""What an index finds for one question: its rankings side by side, and the passages that would stand in a prompt."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from lab import store
from lab.compare import retrieval
from lab.core import Example, LabError, TaskData, index_key
from lab.jobs import searching
from lab.ui import panels, text
from lab.ui.workbench import Setting

NAMES = {"lexical": "Lexical", "dense": "Dense", "fusion": "Fused"}
SHOWN, OFFERED = 10, 200  # ranks in the table; questions in the list
SPLITS = {"validation": ("validation",), "train": ("train", "validation"), "test": ("test",)}


def known_questions(data: TaskData, split: str) -> list[Example]:
    """The questions of a split that say which documents hold their answer."""
    return [row for row in data.examples if row.split in SPLITS[split] and row.documents]


def ask_panel(ready: list[Setting], data: TaskData) -> None:
    """A question, its rankings in one index, and the passages that would stand in the prompt."""
    known = known_questions(data, "train")
    offered, asked = f"retrieval_known_{data.task.id}", f"retrieval_question_{data.task.id}"
    st.session_state.setdefault(asked, next((row.prompt for row in known), ""))
    st.selectbox("A question whose right document is known", list(dict.fromkeys(row.prompt for row in known[:OFFERED])), index=None, key=offered,
                 placeholder=f"{text.count(len(known), 'question')} of this task", on_change=_take, args=(offered, asked), disabled=not known)
    question = st.text_input("Question", max_chars=searching.LONGEST, key=asked).strip()
    letter = _letter(ready)
    one = next((one for one in ready if one.name[0] == letter), ready[0])
    if not question:
        return
    try:
        found = _found(str(store.home()), index_key(one.settings, data.task), one.settings.model_dump_json(), question, (one, data))
    except LabError as error:
        panels.problem("The index could not be asked", error.failure)
        return
    right = {name for row in data.examples if row.prompt == question for name in row.documents}
    _table(found, one, data, right)
    _passages(found, one, data, right)


def _letter(ready: list[Setting]) -> str:
    letters = [one.name[0] for one in ready]
    if len(letters) < 2:
        return letters[0]
    return st.segmented_control("Look into", letters, default=letters[0], key="retrieval_look", bind="query-params", required=True) or letters[0]


def _take(offered: str, asked: str) -> None:
    if chosen := st.session_state.get(offered):
        st.session_state[asked] = chosen


@st.cache_resource(ttl=600, max_entries=256, show_spinner="Searching …")
def _found(home: str, key: str, settings: str, question: str, _of: tuple[Setting, TaskData]) -> searching.Found:
    return searching.search(_of[0].settings, _of[1].task, question)


def _table(found: searching.Found, one: Setting, data: TaskData, right: set[str]) -> None:
    frame = ranks_frame(found, one.settings.retriever, {document.id: document.name for document in data.documents}, right)
    if frame.empty:
        st.caption("No passage shares a word with this question.")
        return
    st.subheader("Ranks")
    if len(found.rankings) == 1:
        st.caption("Lexical ranks only. Choose dense or fusion and an embedder under Change to see them side by side.")
    else:
        st.caption(f"The System would take the {NAMES[one.settings.retriever].lower()} ranks. "
                   f"A dash: not among the first {retrieval.DEPTH}.")
    config = {name: st.column_config.NumberColumn(width=84, format="%d" if name.endswith("rank") else "%.3f") for name in frame.columns[:-3]}
    panels.table(frame, config | {"Right": st.column_config.TextColumn(width=60), "Source": st.column_config.TextColumn(width=230)}, placeholder="–")


def ranks_frame(found: searching.Found, own: str, names: dict[str, str], right: set[str]) -> pd.DataFrame:
    """Passages by the rank in the settings' own ranking, then in the others: rank and score in each, whether the document is right, where
    it is from and how it begins."""
    order = list(dict.fromkeys(place for ranking in (found.rankings[own], *found.rankings.values()) for place, _ in ranking[:SHOWN]))
    places = {name: {place: (rank, score) for rank, (place, score) in enumerate(ranking, start=1)} for name, ranking in found.rankings.items()}
    rows = []
    for place in order:
        passage = found.passages[place]
        row = {}
        for name, known in places.items():
            row[f"{NAMES[name]} rank"], row[f"{NAMES[name]} score"] = known.get(place, (None, None))
        rows.append(row | {"Right": "✓" if passage.document in right else "", "Source": passage.citation(names.get(passage.document, passage.document)),
                           "Passage": text.short(passage.text, 160)})
    return pd.DataFrame(rows)


def _passages(found: searching.Found, one: Setting, data: TaskData, right: set[str]) -> None:
    st.subheader("What would stand in the prompt")
    names = {document.id: document.name for document in data.documents}
    for rank, (place, score) in enumerate(found.rankings[one.settings.retriever][:one.settings.top_k], start=1):
        passage = found.passages[place]
        mark = ":green[:material/check_circle:] right document, " if passage.document in right else ""
        st.caption(f"{rank}. {mark}{text.label(passage.citation(names.get(passage.document, passage.document)))}, score {score:.3f}")
        st.code(passage.text, language=None, wrap_lines=True)
