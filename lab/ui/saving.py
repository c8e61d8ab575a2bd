"""Name, scorer and the save button of a Task. The last step of the Data page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, get_args

import streamlit as st

from lab import store
from lab.core import Base, DataError, Scorer, Task, TaskData, failure_of
from lab.core.tasks import ScorerKind
from lab.corpus.check_rows import READS
from lab.jobs import importing
from lab.ui import kept, measured, panels, router, text
from lab.ui.findings import Needs, name_of
from lab.ui.judge import judge_form

LONGEST = Task.model_fields["max_new_tokens"].default
SCORERS = [kind for kind in get_args(ScorerKind) if kind not in ("text_loss", "judge")]
CHOICE = "multiple_choice"  # offered where examples have choices


MADE = "_data_made"  # session: id of a Task saved here -> the mark of its files


def save_form(data: TaskData, allowed: bool, mark: str, base: Base | None = None) -> None:
    """Name, scorer and the save button. A refusal keeps everything that was filled in. `mark` names the files: others begin afresh.
    `base`: whose tokens the right answers are measured in."""
    def keep(about: dict[str, Any]) -> None:
        store.tasks.save(data.model_copy(update={"task": data.task.model_copy(update=about)}))
        st.session_state[MADE] = {**st.session_state.get(MADE, {}), about["id"]: mark}
        told(about["name"])

    _form(data.task.scorers[0].kind, keep, allowed, mark, lambda length: beyond(measured.answers(name_of(data), data, base), length))


def needs(data: TaskData, mark: str) -> Needs:
    """What the scoring that is chosen below asks of a base's context."""
    proposed = data.task.scorers[0].kind
    kind = st.session_state.get(f"data_scorer_{proposed}_{mark}") or proposed
    return Needs((st.session_state.get(f"data_length_{mark}") or LONGEST) if _writes(kind, mark) else 0, kind in READS)


def _writes(kind: str, mark: str) -> bool:
    """Whether Systems write answers with this scoring; a loss reads the right ones, and nothing is written."""
    also = kind == CHOICE and st.session_state.get(f"data_written_{mark}", True)
    return bool(Scorer(kind=kind).generates or also or st.session_state.get(f"data_{mark}_judge"))


def beyond(lengths: Sequence[int], longest: int) -> str:
    """What cannot be reached because right answers are longer; empty where all fit."""
    long = sum(length > longest for length in lengths)
    return "" if not long else (f"{long:,} of {len(lengths):,} right answers have more tokens than this (the longest has {max(lengths):,}): "
                                "Systems are stopped before they could give them in full.")


def told(name: str) -> None:
    """A Task of this name was saved: the page says so, and is empty for the next one's files."""
    st.session_state["data_imported"] = name
    kept.start_afresh()


def saved_panel(more: bool) -> None:
    """Says which Task was saved last, until there is more to do."""
    if more:
        st.session_state.pop("data_imported", None)
    elif saved := st.session_state.get("data_imported"):
        st.success(f"Saved as the task {text.label(saved)}. It can be used on the Build page.", icon=":material/check_circle:")
        st.page_link(router.BUILD, label="Build an experiment with it", icon=":material/construction:")


def save_import(job: str, made: importing.Draft, then: Callable[[Task], None]) -> None:
    """The same for rows that a background import left on disk; `then` is told the Task."""
    _form(made.scorer.kind, lambda about: then(importing.save(job, about)), made.allowed, job, lambda length: beyond(made.answers, length))


def save_beside(job: str, made: importing.Draft, then: Callable[[Task], None]) -> None:
    """Name and save button of a Task that gets preference pairs or documents to what another one has; everything else is that one's."""
    before = store.tasks.glance(importing.plan_of(job).task).task
    parts = [part for part in made.counts if before.counts.get(part)]
    st.caption(f"With the examples and the scoring of {text.label(before.name)}, which stays as it is."
               + (f" They take the place of its {parts[0]} in the task that is made." if parts else ""))
    proposed = f"{before.name} with {', '.join('preference pairs' if part == 'preferences' else part for part in made.counts)}"
    name = st.text_input("Name of the task", value=proposed[:80], max_chars=80, key=f"data_name_{job}", persist_state="session")
    if not made.allowed:
        st.caption("Saving waits until nothing above must be mended.")
    if st.button("Save as a task", type="primary", icon=":material/save:", key="data_save", disabled=not made.allowed):
        if _kept(lambda about: then(importing.save(job, about)), {"name": name or ""}):
            st.rerun()


def _form(proposed: str, keep: Callable[[dict[str, Any]], Any], allowed: bool, mark: str, warn: Callable[[int], str] = lambda _: "") -> None:
    """`keep` saves the rows under the fields that were filled in; `warn` says what is wrong with a longest answer."""
    left, right = st.columns(2)
    name = left.text_input("Name of the task", max_chars=80, key=f"data_name_{mark}", persist_state="session", placeholder="Support answers")
    need = right.text_input("What it needs", max_chars=60, key=f"data_need_{mark}", persist_state="session", placeholder="facts, form, tone …")
    kinds = SCORERS if proposed == CHOICE else [kind for kind in SCORERS if kind != CHOICE]
    kind = left.selectbox("How an answer is scored", kinds, index=kinds.index(proposed), format_func=text.metric, key=f"data_scorer_{proposed}_{mark}",
                          persist_state="session",
                          help="Proposed from the answers at hand; every System of a comparison is scored the same way.")
    length = right.number_input("Longest answer (tokens)", 1, 8_192, LONGEST, key=f"data_length_{mark}", persist_state="session",
                                help=Task.model_fields["max_new_tokens"].description or "Generation stops here.")
    if (problem := warn(length)) and _writes(kind, mark):
        st.caption(f":orange[:material/warning: {problem}]")
    phrases = st.text_input("Phrases, one of which the answer must hold (separated by |)", key=f"data_phrases_{mark}",
                            persist_state="session") if kind == "rule" else ""
    written = kind == CHOICE and st.toggle("Let Systems write answers too", value=True, key=f"data_written_{mark}", persist_state="session",
                                           help="Scored is which answer is more probable, for which nothing is written. Written answers are for "
                                           "Outputs, votes and judges; whether they equal the right one is shown beside.")
    judge = judge_form(f"data_{mark}")
    about = st.text_area("Description", max_chars=1_000, height=80, key=f"data_about_{mark}", persist_state="session")
    if st.button("Save as a task", type="primary", icon=":material/save:", key="data_save", disabled=not allowed):
        scorer = Scorer(kind=kind, phrases=tuple(part.strip() for part in phrases.split("|") if part.strip()))
        scorers = (scorer, *([Scorer(kind="normalised_match")] if written else []), *([judge] if judge else []))
        if _save(keep, {"name": name or "", "need": need or "", "description": about or "", "max_new_tokens": length, "scorers": scorers}):
            st.rerun()
    if not allowed:
        st.caption("Saving waits until nothing above must be mended.")


def _save(keep: Callable[[dict[str, Any]], Any], about: dict[str, Any]) -> bool:
    """Whether it was saved; if not, the page says why. The Build page begins with it."""
    if about["scorers"][0].kind == "rule" and not about["scorers"][0].phrases:
        st.warning("Write at least one phrase that a right answer holds.", icon=":material/edit:")
        return False
    return _kept(keep, about)


def _kept(keep: Callable[[dict[str, Any]], Any], about: dict[str, Any]) -> bool:
    """Save under a new id; the page says where that fails."""
    if not about["name"].strip():
        st.warning("Give the task a name first.", icon=":material/edit:")
        return False
    name = store.new_id(_slug(about["name"]))
    try:
        keep({**about, "id": name})
    except (DataError, OSError) as error:
        panels.problem("The task could not be saved", failure_of(error, "Data"))
        return False
    st.session_state["build_tasks"] = [name]
    return True


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "task"
