"""hit@k and MRR of settings side by side, over the questions of a task that say which documents hold their answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import streamlit as st

from lab import store
from lab.compare import retrieval
from lab.core import Example, LabError, TaskData, index_key
from lab.jobs import searching
from lab.ui import panels, text
from lab.ui.rankings import SPLITS, known_questions
from lab.ui.workbench import Setting

SPLIT_WORDS = {"validation": "Validation", "train": "Training and validation", "test": "Test (the report)"}
KEPT = 64  # measures held in memory, for all sessions


def measure_panel(ready: list[Setting], data: TaskData) -> None:
    """hit@k and MRR of every setting on the same questions, and each against the first one."""
    counts = {split: len(known_questions(data, split)) for split in SPLITS}
    splits = [split for split, count in counts.items() if count and (split != "train" or count > counts["validation"])]
    if not splits:
        st.info("No question of this task says which document holds its answer. On the Data page, choose the column with the document's name or text "
                "as the document column.", icon=":material/info:")
        return
    split = st.segmented_control("Questions", splits, default=splits[0], key="retrieval_split", required=True,
                                 format_func=lambda name: f"{SPLIT_WORDS[name]}, {counts[name]:,}") or splits[0]
    if split == "test":
        st.warning("The test split is for the report. Settings that were chosen by it look better than they are: choose on the validation "
                   "questions, then look here once.", icon=":material/warning:")
    rows = known_questions(data, split)
    questions = tuple(data.task.fingerprints[part] for part in SPLITS[split])
    keys = {one.name: (index_key(one.settings, data.task), one.settings.retriever, *questions) for one in ready}
    if st.button("Measure", type="primary", icon=":material/straighten:", key="retrieval_measure"):
        _measure(ready, data, rows, keys)
    measured = {name: found for name, key in keys.items() if (found := _kept(key))}
    if measured:
        _scores(measured, [one.settings.top_k for one in ready if one.name in measured])
        _against_first(measured, ready[0].settings.top_k)


_measures: OrderedDict[tuple[str, ...], tuple[retrieval.Asked, ...]] = OrderedDict()
_guard = Lock()


def _kept(key: tuple[str, ...]) -> tuple[retrieval.Asked, ...]:
    return _measures.get((str(store.home()), *key), ())


def _measure(ready: list[Setting], data: TaskData, rows: Sequence[Example], keys: dict[str, tuple[str, ...]]) -> None:
    """Ask every index that was not asked these questions yet; the bar moves with every part."""
    open_ones = [one for one in ready if not _kept(keys[one.name])]
    bar, done = st.progress(0.0, text="Asking …"), 0
    for one in open_ones:
        asked: list[retrieval.Asked] = []
        try:
            for part in searching.found_documents(one.settings, data.task, [row.prompt for row in rows]):
                asked += [retrieval.Asked(item=row.id, cluster=row.entity or row.id, rank=retrieval.rank_of(documents, row.documents))
                          for row, documents in zip(rows[len(asked):], part)]
                done += len(part)
                bar.progress(done / (len(rows) * len(open_ones)), text=f"{one.name[0]}: {len(asked):,} of {text.count(len(rows), 'question')}")
        except LabError as error:
            panels.problem(f"{one.name[0]} could not be measured", error.failure)
            continue
        with _guard:
            _measures[(str(store.home()), *keys[one.name])] = tuple(asked)
            while len(_measures) > KEPT:
                _measures.popitem(last=False)
    bar.empty()


def _scores(measured: dict[str, Sequence[retrieval.Asked]], ks: list[int]) -> None:
    frame = retrieval.frame(measured, ks)
    wide = frame.assign(shown=[_shown(row) for row in frame.itertuples()]).pivot(index="settings", columns="measure", values="shown")
    wide = wide.reindex(index=list(measured), columns=retrieval.measures(*ks)).reset_index().rename(columns={"settings": "Settings"})
    wide.insert(1, "n", [len(rows) for rows in measured.values()])
    panels.table(wide, {"n": st.column_config.NumberColumn(width=70)})
    st.caption("Share of questions with a right document among the first k passages; MRR: mean of one over its rank "
               f"(0 below rank {retrieval.DEPTH}). In brackets the 95 % interval.")
    panels.numbers(frame, "retrieval", "retrieval_numbers")


def _shown(row) -> str:
    if row.value is None or row.value != row.value:
        return "–"
    if row.measure == retrieval.MRR:
        return f"{row.value:.2f}" + (f" ({row.low:.2f} to {row.high:.2f})" if row.low is not None and row.low == row.low else "")
    spread = text.interval(row.low, row.high)
    return text.number(row.value) + (f" ({spread})" if spread else "")


def _against_first(measured: dict[str, Sequence[retrieval.Asked]], k: int) -> None:
    if len(measured) < 2:
        return
    st.subheader(f"Against {next(iter(measured))[0]}")
    names = retrieval.measures(k)
    measure = st.segmented_control("Compared on", names, default=retrieval.hit_name(k), key="retrieval_on", required=True) or names[0]
    for name, found in retrieval.differences({name[0]: rows for name, rows in measured.items()}, measure).items():
        st.text(f"{name}: {found.sentence}")
    st.caption("Paired over the same questions; p values adjusted by Holm for all settings shown"
               + (". Points of MRR are hundredths." if measure == retrieval.MRR else "."))
