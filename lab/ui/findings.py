"""What the check of a Task's rows found, and what it offers to mend. A step of the Data page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st

from lab import store
from lab.core import Base, LabError, TaskData
from lab.corpus import mending
from lab.corpus.check_rows import fitting
from lab.corpus.checks import check
from lab.corpus.preview import row_tokens
from lab.corpus.values import Finding
from lab.ui import text

LEVELS = {"refuse": ("error", "red", "Must be mended"), "warn": ("warning", "orange", "Look at this"), "note": ("info", "blue", "Good to know")}
TOGGLES = {"garbled": "data_garbled", "mask": "data_masked", "leaks": "data_without_leaks", "overlap": "data_without_overlap",
           "duplicates": "data_without_duplicates", "long": "data_without_long"}  # in the order in which they are done; the widgets' keys
FEW = 20  # rows of a split, or pairs; fewer show and teach next to nothing
DONE = {"mask": "masked", "garbled": "mended"}


class Needs(NamedTuple):
    """What a test question takes of a base's context besides itself: tokens kept for a written answer (0: nothing is written), and whether a
    scorer reads the right answers behind it."""

    answer: int = 0
    reads: bool = False


NOTHING = Needs()


def findings_panel(data: TaskData, base: Base | None, before: Sequence[Finding] = (), needs: Needs = NOTHING,
                   files: str = "") -> tuple[TaskData, bool]:
    """What the check found; the rows after what is offered was done, and whether they may be saved. `base`: whose context they must fit;
    `before`: what was found while the files were read; `files`: the mark of the files, whose switches stay as they are left."""
    mark = base.fingerprint if base else ""
    total = st.empty()
    found = _findings(name_of(data), mark, needs, data, base)
    for name, key in TOGGLES.items():
        if not any(getattr(finding, "mend", "") == name for finding in found):
            continue
        label = mending.TOO_LONG if name == "long" else mending.MENDS[name].label
        if st.toggle(label, key=f"{key}_{files}" if files else key, persist_state="session"):
            mended = _fitting(name_of(data), mark, needs, data, base) if name == "long" else _mended(name_of(data), name, data)
            st.caption(_said(mending.effect(data, mended), name) + (_left(data, mended) if name == "long" else ""))
            data = mended
            found = _findings(name_of(data), mark, needs, data, base)
    list_findings((*found, *before), total)
    return data, not any(finding.level == "refuse" for finding in found)


def list_findings(found: Sequence[Finding], total: Any) -> None:
    """How many there are of each level (drawn into `total`), and each with its examples and the way out, the gravest first."""
    found = sorted(found, key=lambda finding: list(LEVELS).index(finding.level))
    total.caption(_total(found))
    for finding in found:
        _finding(finding)


def _finding(finding: Finding) -> None:
    icon, colour, title = LEVELS[finding.level]
    with st.expander(f":{colour}[:material/{icon}:] {title}: {text.label(finding.what)}" + (f" ({finding.count:,})" if finding.count else ""),
                     expanded=finding.level == "refuse"):
        for example in finding.examples:
            st.text(example)
        st.caption("What to do")
        st.text(finding.do)


def _total(found: Sequence[Finding]) -> str:
    """The line on top: how much there is of each level."""
    if not found:
        return ":material/check_circle: Nothing to complain about."
    words = {"refuse": "must be mended", "warn": "to look at", "note": "good to know"}
    levels = [finding.level for finding in found]
    return ", ".join(f"{levels.count(level)} {word}" for level, word in words.items() if level in levels)


def _said(done: mending.Effect, name: str) -> str:
    """What a switch did, in numbers."""
    nouns = {"examples": "row", "preferences": "pair", "documents": "document"}
    parts = [text.count(getattr(done, part), noun) for part, noun in nouns.items() if getattr(done, part)]
    return f"{', '.join(parts) or 'Nothing'} {DONE.get(name, 'taken out')}"


def _left(before: TaskData, after: TaskData) -> str:
    """What is left of each part that lost rows, and which of these are hardly enough for anything."""
    parts = {"training": "train", "validation": "validation", "test": "test"}
    counts = {name: (len(before.split(split)), len(after.split(split))) for name, split in parts.items()}
    counts["preference pairs"] = len(before.preferences), len(after.preferences)
    less = {name: now for name, (then, now) in counts.items() if now < then}
    tiny = [name for name, now in less.items() if now < FEW]
    said = f"; left: {', '.join(f'{name} {now:,}' for name, now in less.items())}" if less else ""
    return said + (f". :orange[Fewer than {FEW} are left ({', '.join(tiny)}): bring shorter rows or choose a base that reads more.]" if tiny else "")


def name_of(data: TaskData) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(data.task.fingerprints.items()))


@st.cache_resource(max_entries=8, show_spinner="Checking the rows …")
def _findings(rows: tuple, fingerprint: str, needs: Needs, _data: TaskData, _base: Base | None) -> tuple[Finding, ...]:
    """The check, done once for the same rows and base: counting tokens takes a while."""
    if _base is None or not _base.context:
        return check(_data)
    try:
        found = check(_data, row_tokens(store.bases.folder_of(_base)), _base.context, *needs)
        # A Task belongs to no base: what is too long for this one is said here and refused where the two meet, on Build.
        return tuple(f.model_copy(update={"level": "warn"}) if getattr(f, "mend", "") == "long" else f for f in found)
    except LabError:  # a base without a fast tokenizer: its tokens cannot be counted here, training counts them
        return check(_data)


@st.cache_resource(max_entries=8, show_spinner="Mending the rows …")
def _mended(rows: tuple, name: str, _data: TaskData) -> TaskData:
    """What `mending` makes of the same rows, done once."""
    return mending.MENDS[name].mended(_data)


@st.cache_resource(max_entries=8, show_spinner="Measuring the rows …")
def _fitting(rows: tuple, fingerprint: str, needs: Needs, _data: TaskData, _base: Base) -> TaskData:
    """The same without rows and pairs that the base cannot read whole, and without test questions that leave no room for the answer."""
    return fitting(_data, row_tokens(store.bases.folder_of(_base)), _base.context, *needs)
