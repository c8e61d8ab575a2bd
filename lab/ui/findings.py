"""What the check of a Task's rows found, and what it offers to mend. A step of the Data page."""

from __future__ import annotations

import streamlit as st

from lab import store
from lab.core import Base, LabError, TaskData
from lab.corpus.checks import check, without_leaks
from lab.corpus.preview import count_tokens
from lab.corpus.values import Finding
from lab.ui import text

LEVELS = {"refuse": ("error", "red", "Must be mended"), "warn": ("warning", "orange", "Look at this"), "note": ("info", "blue", "Good to know")}


def findings_panel(data: TaskData, base: Base | None) -> tuple[TaskData, bool]:
    """What the check found; the rows after the offered removal, and whether they may be saved. `base`: whose context they must fit."""
    mark = base.fingerprint if base else ""
    found = _findings(name_of(data), mark, data, base)
    for key, label, offered, mended in (
            ("data_without_leaks", "Take out rows that would leak the test into training", "(offered here)", without_leaks),
            ("data_without_long", "Leave out rows that are too long for this base", "Set the maximum length",
             lambda rows: _fitting(name_of(rows), mark, rows, base))):
        if any(offered in finding.do for finding in found) and st.toggle(label, key=key):
            data = mended(data)
            found = _findings(name_of(data), mark, data, base)
    for finding in found:
        icon, colour, title = LEVELS[finding.level]
        with st.expander(f":{colour}[:material/{icon}:] {title}: {text.label(finding.what)}" + (f" ({finding.count:,})" if finding.count else ""),
                         expanded=finding.level == "refuse"):
            for example in finding.examples:
                st.text(example)
            st.caption("What to do")
            st.text(finding.do)
    if not found:
        st.caption(":material/check_circle: Nothing to complain about.")
    return data, not any(finding.level == "refuse" for finding in found)


def name_of(data: TaskData) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(data.task.fingerprints.items()))


@st.cache_resource(max_entries=8, show_spinner="Checking the rows …")
def _findings(rows: tuple, fingerprint: str, _data: TaskData, _base: Base | None) -> tuple[Finding, ...]:
    """The check, done once for the same rows and base: counting tokens takes a while."""
    if _base is None or not _base.context:
        return check(_data)
    folder = store.bases.folder_of(_base)
    try:
        found = check(_data, lambda words: count_tokens(folder, words), _base.context)
        # A Task belongs to no base: what is too long for this one is said here and refused where the two meet, on Build.
        return tuple(f.model_copy(update={"level": "warn"}) if "their answers would be cut" in f.what else f for f in found)
    except LabError:  # a base without a fast tokenizer: its tokens cannot be counted here, training counts them
        return check(_data)


@st.cache_resource(max_entries=8, show_spinner="Measuring the rows …")
def _fitting(rows: tuple, fingerprint: str, _data: TaskData, _base: Base) -> TaskData:
    """The same without training rows and pairs that are longer than the base's context; the test split stays as it is."""
    folder = store.bases.folder_of(_base)

    def fits(*texts: str) -> bool:
        return sum(count_tokens(folder, words) for words in texts) <= _base.context

    examples = tuple(row for row in _data.examples if row.split == "test" or fits(row.prompt, row.answer))
    pairs = tuple(pair for pair in _data.preferences if fits(pair.prompt, pair.chosen) and fits(pair.prompt, pair.rejected))
    return _data.model_copy(update={"examples": examples, "preferences": pairs}).sealed()
