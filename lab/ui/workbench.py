"""The retrieval workbench's settings and their indexes: which are there, which are being built. One index serves this page and every run."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from lab.core import LabError, Retrieval, Task, TaskData, failure_of
from lab.jobs import indexing
from lab.ui import forms, panels, reads, state, text

LETTERS = "ABCD"
PARTS = {"documents": "cutting documents", "passages": "indexing passages"}


class Setting(NamedTuple):
    """One column of the workbench: its letter with a summary, and the settings themselves."""

    name: str
    settings: Retrieval


def task_with_documents() -> TaskData | None:
    """The task that is looked at, at first the own one that was saved last; None where no task has documents."""
    name = state.choose("Task", with_documents(), "task")
    return reads.task(name) if name else None


def with_documents() -> dict[str, str]:
    """id -> name of the tasks that have documents: own ones first, the newest before the others. Own rows are not read for that."""
    titles, own = reads.task_names(), reads.own_tasks()
    shipped = [name for name in titles if name not in {task.id for task in own}]
    found = [task.id for task in own if task.counts.get("documents")] + [name for name in shipped if (data := reads.task(name)) and data.documents]
    return {name: titles[name] for name in found if name in titles}


def settings_row(data: TaskData) -> list[Setting]:
    """One to four settings side by side; those that contradict themselves are left out (the page says what)."""
    count = st.segmented_control("Settings side by side", [1, 2, 3, 4], default=2, key="retrieval_count", bind="query-params", required=True)
    found = [_column(letter, data, place) for letter, place in zip(LETTERS, st.columns(count))]
    return [setting for setting in found if setting]


def _column(letter: str, data: TaskData, place) -> Setting | None:
    with place.container(border=True, gap="xsmall", height="stretch"):
        head, more = st.columns([1, 2], vertical_alignment="center")
        head.markdown(f"**{letter}**")
        with more.popover("Change", width="stretch"):
            settings = forms.lever_form(_start(letter, data), f"retrieval_{letter}", True, without=("passage_format",))
        if settings is None:
            return None
        words = summary(settings)
        st.caption(text.label(words))
        return Setting(f"{letter}: {words}", settings)


def _start(letter: str, data: TaskData) -> Retrieval:
    """The defaults, and beside them other ways to cut."""
    headings = any(section.heading for document in data.documents for section in document.sections)
    ways = ("words", "headings" if headings else "sentences", "sentences" if headings else "headings", "words")
    return Retrieval(chunking=ways[LETTERS.index(letter)], chunk_words=60 if letter == "D" else 120)


def summary(settings: Retrieval) -> str:
    """The settings in a line."""
    dense = f", {_last(settings.embedder) or 'no embedder'}" if settings.retriever != "lexical" else ""
    cut = f"{settings.chunking}, {settings.chunk_words}/{settings.overlap_words} words"
    if settings.chunking == "tokens":
        cut = f"{settings.chunk_words}/{settings.overlap_words} tokens" + (f" of {_last(settings.tokenizer)}" if settings.tokenizer else "")
    return f"{settings.retriever}{dense}, {cut}, top {settings.top_k}"


def _last(folder: str) -> str:
    return text.short(folder.rstrip("/").split("/")[-1], 24)


def indexes_panel(chosen: list[Setting], task: Task) -> list[Setting]:
    """How far each index is, with a button that builds those that are missing. Returns the settings whose index is there."""
    state.live(lambda: _indexes(chosen, task), lambda: any(indexing.look(one.settings, task).active for one in chosen), every=0.7)
    return [one for one in chosen if indexing.look(one.settings, task).state == "ready"]


def _indexes(chosen: list[Setting], task: Task) -> None:
    found = [(one, indexing.look(one.settings, task)) for one in chosen]
    _letters("green[:material/check_circle:]", "index ready", [one for one, index in found if index.state == "ready"])
    _letters("gray[:material/radio_button_unchecked:]", "not indexed yet", [one for one, index in found if index.state == "missing"])
    for one, index in found:
        if index.failure:
            panels.problem(f"{one.name[0]}: the index was not built", index.failure)
        elif index.active:
            _building(one, index, task)
    wanted = [one for one, index in found if index.state in ("missing", "failed")]
    without = [one for one in wanted if one.settings.retriever != "lexical" and not one.settings.embedder.strip()]
    if without:
        st.info(f"{', '.join(one.name[0] for one in without)}: dense search needs an embedder. Give a local folder or a hub id under Change.",
                icon=":material/info:")
    buildable = [one for one in wanted if one not in without]
    if buildable and st.button("Build the index" if len(buildable) == 1 else "Build the indexes", type="primary", icon=":material/construction:",
                               key="retrieval_build", help="In the background; one at a time. Runs with the same settings use the same index."):
        _act(lambda: [indexing.build(one.settings, task) for one in buildable], "The index could not be built")


def _letters(mark: str, words: str, ones: list[Setting]) -> None:
    if ones:
        st.caption(f":{mark} {', '.join(one.name[0] for one in ones)}: {words}")


def _building(one: Setting, index: indexing.Index, task: Task) -> None:
    letter = one.name[0]
    bar, button = st.columns([6, 1], vertical_alignment="center")
    words = f"{letter}: {PARTS.get(index.part, 'starting, or waiting for another index')}"
    bar.progress(index.done / index.total if index.total else 0.0, text=words + (f", {index.done:,} of {index.total:,}" if index.total else ""))
    if button.button("Cancel", icon=":material/close:", key=f"retrieval_cancel_{letter}", width="stretch"):
        _act(lambda: indexing.cancel(one.settings, task), "It could not be cancelled")


def _act(act, title: str) -> None:
    try:
        act()
    except (LabError, OSError) as error:
        panels.problem(title, failure_of(error, "search index"))
    else:
        st.rerun()
