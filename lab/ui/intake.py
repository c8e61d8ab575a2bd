"""From uploaded files to a Task: mapping, splits, findings, saving. The steps of the Data page, one function each."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Sequence

import streamlit as st

from lab import store
from lab.core import Document, Example, LabError, Preference, Task, TaskData, failure_of
from lab.corpus.check_rows import unreadable_findings
from lab.corpus.mapping import Mapping, stored
from lab.corpus.rows import documents_of, to_examples, to_preferences
from lab.corpus.scorers import suggest_scorer
from lab.corpus.splits import prompt_key
from lab.corpus.values import Finding
from lab.ui import hub_data, kept, panels, text, uploads
from lab.ui.shares import shares, some_rows

SHOWN = 6  # problems of a file that are listed at once


class Uploaded(NamedTuple):
    """The readable files of one upload."""

    examples: Any = None
    preferences: Any = None
    documents: tuple[Document, ...] = ()


def choose_files() -> Uploaded:
    """The three uploaders with what could not be read. A file that is refused leaves nothing behind."""
    columns = st.columns(3)
    with columns[0]:
        examples = _table("Examples", "Prompts with their right answers: CSV, TSV, JSON, JSON Lines or Parquet, also in .gz or .zip. "
                          "Several files become one table; names such as train.csv and test.csv, also in a zip, say their split.", "data_examples")
    with columns[1]:
        documents = _documents()
    with columns[2]:
        preferences = _table("Preferences", "Pairs of a preferred and a rejected answer, for DPO. Optional.", "data_preferences")
    brought = {} if examples and preferences else hub_data.choose()
    for table in brought.values():
        _told(table)
    examples, preferences = examples or brought.get("examples"), preferences or brought.get("preferences")
    return Uploaded(examples or _of_pairs(preferences), preferences, documents)


def _of_pairs(pairs: Any) -> Any:
    """A table of preference pairs as the table of examples too, where that is wanted."""
    wanted = pairs is not None and st.toggle("Use the preference pairs as examples too", key=f"data_pairs_both_{uploads.mark(pairs)}",
                                             persist_state="session", help="Each prompt becomes an example whose right answer is the preferred one. "
                                             "Pairs whose prompt is asked in the test split are then left out of the pairs.")
    return pairs if wanted else None


def missing_told(found: Uploaded) -> None:
    """Why nothing can be done yet where other files came without a table of examples, and the way out."""
    if found.preferences is not None:
        st.info("Preference pairs alone cannot be scored: use them as examples too (the switch above), or choose a table of examples.",
                icon=":material/info:")
    elif found.documents:
        st.info("Documents alone cannot be scored: put a table of examples above, questions with their right answers.", icon=":material/info:")


def _table(label: str, about: str, key: str) -> Any:
    chosen = st.file_uploader(label, type=uploads.TABLES, accept_multiple_files=True, key=kept.uploader(key), help=about, on_change=_let_go,
                              args=(key,)) or kept.again(key)
    if not chosen:
        return None
    table = uploads.read_or_none(lambda: uploads.tables(chosen), lambda error: panels.problem("This file was not taken", error.failure))
    if table:
        kept.keep(key, chosen)
        _told(table)
    return table


def _let_go(key: str) -> None:
    """A file that was taken out of its uploader is not offered again."""
    if not st.session_state.get(kept.uploader(key)):
        kept.forget(key)


def _told(table: Any) -> None:
    """How much was read of a table, and what was not."""
    st.caption(f":material/check: {text.count(len(table.rows), 'row')}, {text.count(len(table.columns), 'column')}, {text.label(table.encoding)}")
    problems([problem.sentence() for problem in table.problems])


def _documents(label: str = "Documents", key: str = "data_documents",
               about: str = "What retrieval searches in: text, Markdown, HTML, PDF, Word, or a zip of these. Optional.") -> tuple[Document, ...]:
    chosen = st.file_uploader(label, type=uploads.DOCUMENTS, accept_multiple_files=True, key=kept.uploader(key), help=about)
    if not chosen:
        return ()
    found = uploads.read_or_none(lambda: uploads.documents(chosen), lambda error: panels.problem("No document was taken", error.failure))
    if found is None:
        return ()
    st.caption(f":material/check: {text.count(len(found[0]), 'document')}, {sum(len(document.text.split()) for document in found[0]):,} words")
    problems([problem.sentence() for problem in found[1]])
    return found[0]


def text_form() -> None:
    """Files whose text is kept for replay and EWC, and the texts that are kept already. Each paragraph becomes a text of its own."""
    documents = _documents("Text", "data_rehearsal", "General text that the base should not forget: text, Markdown, HTML, PDF or Word.")
    name = st.text_input("Name of the text", value=documents[0].name if documents else "", max_chars=80, key="data_rehearsal_name")
    paragraphs = [part.strip() for document in documents for part in re.split(r"\n\s*\n", document.text) if part.strip()]
    if documents:
        st.caption(f"{text.count(len(paragraphs), 'paragraph')}; the longest has {max(map(len, paragraphs), default=0):,} characters")
    if st.button("Keep this text", type="primary", icon=":material/save:", key="data_rehearsal_save", disabled=not (paragraphs and name.strip())):
        try:
            store.texts.save(name.strip(), paragraphs)
        except (LabError, OSError) as error:
            panels.problem("It was not kept", failure_of(error, "Data"))
        else:
            st.success("Kept. Build offers it in the Expert settings of SFT.", icon=":material/check_circle:")
    if kept := store.texts.names():
        st.caption("Kept texts: " + ", ".join(text.label(name) for name in kept.values()))


def problems(sentences: Sequence[str]) -> None:
    """Rows or files that stayed out, the first few at once."""
    if not sentences:
        return
    with st.expander(f"{text.count(len(sentences), 'problem')}: the rest is usable", icon=":material/warning:"):
        for sentence in sentences[:SHOWN]:
            st.text(sentence)
        if len(sentences) > SHOWN:
            st.caption(f"and {len(sentences) - SHOWN:,} more of this kind")


def _untested(pairs: Sequence[Preference], examples: Sequence[Example]) -> Sequence[Preference]:
    """The pairs of a file whose rows are the examples too, without those that the test split asks."""
    tested = {prompt_key(row.prompt) for row in examples if row.split == "test"}
    left = tuple(pair for pair in pairs if prompt_key(pair.prompt) not in tested)
    if len(left) < len(pairs):
        st.caption(f":material/filter_list: {text.count(len(pairs) - len(left), 'pair')} of the same file stand in the test split and are not trained on.")
    return left


def assemble(found: Uploaded, mapping: Mapping, pairs: Mapping | None) -> tuple[TaskData, Sequence[str], Sequence[Finding]] | None:
    """Rows of a Task from the files, the sentences about rows that the mapping left out, and a finding about all that stayed out. None where
    a mapping does not work (the page says why)."""
    try:
        table, fractions = some_rows(found.examples, mapping), shares(found.examples)
        documents = found.documents or documents_of(table, mapping)
        examples, left_out = to_examples(table, mapping, fractions=fractions, documents=documents)
        preferences, lost = to_preferences(found.preferences, pairs) if pairs else ((), ())
        usable = len(preferences)
        if pairs and uploads.mark(found.preferences) == uploads.mark(found.examples):
            preferences = _untested(preferences, examples)
    except LabError as error:
        panels.problem("These columns do not work", error.failure)
        return None
    draft = Task(id="draft", name="draft", scorers=(suggest_scorer(examples),),
                 mapping=stored(mapping, found.examples.columns, pairs, found.preferences.columns if pairs else ()))
    data = TaskData(task=draft, examples=examples, preferences=preferences, documents=documents).sealed()
    tables = (table, found.preferences) if pairs else (table,)
    rows, refused = sum(len(each.rows) for each in tables), sum(each.refused for each in tables)
    unreadable = tuple(unreadable_findings([problem for each in tables for problem in each.problems] + [*left_out, *lost],
                                           refused + rows - len(examples) - usable))
    return data, [problem.sentence() for problem in (*left_out, *lost)], unreadable
