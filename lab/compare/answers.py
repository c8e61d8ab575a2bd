"""Answers side by side: one row per item, what differs word by word, which items were lost or gained, and what answers cost.

Knows Evaluations and the Suite they answered; renders nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from lab.compare.scores import measured
from lab.core import DataError, Evaluation, Measured, Suite, Value

Segment = tuple[str, Literal["same", "added", "removed"]]
WORD = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
LONGEST = 1_000  # words; difflib's time grows with the square of repeated words, and answers that never end repeat


def side_by_side(evaluations: dict[str, Evaluation], items: Suite, metric: str | None = None) -> pd.DataFrame:
    """One row per item: id, prompt, gold, entity, and '<System> answer', '<System> value', '<System> seconds' per System.

    Raises DataError naming the Systems that answered another suite.
    """
    others = [name for name, evaluation in evaluations.items() if evaluation.suite_fingerprint != items.fingerprint]
    if others:
        raise DataError(f"{', '.join(others)} answered other items than {items.name} ({items.fingerprint})", "side by side",
                        "Score them again on this suite, or choose the suite they answered")
    columns: dict[str, list] = {"id": [item.id for item in items.items], "prompt": [item.prompt for item in items.items],
                                "gold": [item.answer for item in items.items], "entity": [item.entity for item in items.items]}
    for name, evaluation in evaluations.items():
        scores = {score.item: score for score in evaluation.scores}
        found = [scores.get(item.id) for item in items.items]
        values = [score.values.get(metric or evaluation.primary) if score else None for score in found]
        columns[answer_column(name)] = [score.answer if score else None for score in found]
        columns[value_column(name)] = [value if measured(value) else np.nan for value in values]
        columns[seconds_column(name)] = [score.seconds if score and score.seconds is not None else np.nan for score in found]
    return pd.DataFrame(columns)


def answer_column(system: str) -> str:
    return f"{system} answer"


def value_column(system: str) -> str:
    return f"{system} value"


def seconds_column(system: str) -> str:
    return f"{system} seconds"


def gained(frame: pd.DataFrame, reference: str, candidate: str, higher_is_better: bool = True) -> pd.DataFrame:
    """Items on which the candidate is better than the reference; items not measured under both are left out."""
    change = frame[value_column(candidate)] - frame[value_column(reference)]
    return frame[(change > 0) if higher_is_better else (change < 0)]


def lost(frame: pd.DataFrame, reference: str, candidate: str, higher_is_better: bool = True) -> pd.DataFrame:
    """Items on which the candidate is worse than the reference."""
    return gained(frame, candidate, reference, higher_is_better)


def disagree(frame: pd.DataFrame, systems: Sequence[str]) -> pd.DataFrame:
    """Items whose value is not the same under all of the Systems that were measured on them."""
    return frame[frame[[value_column(name) for name in systems]].nunique(axis=1) > 1]


def right(frame: pd.DataFrame, system: str) -> pd.DataFrame:
    """The items that the System had fully right."""
    return frame[frame[value_column(system)] == 1]


def wrong(frame: pd.DataFrame, system: str) -> pd.DataFrame:
    """The items that the System did not have fully right; items not measured are left out."""
    return frame[frame[value_column(system)] < 1]


def holding(frame: pd.DataFrame, words: str, systems: Sequence[str]) -> pd.DataFrame:
    """Items whose question, right answer or one of the Systems' answers holds the words; letter case does not count."""
    wanted = words.strip().casefold()
    columns = ["prompt", "gold", *(answer_column(name) for name in systems)]
    if not wanted or frame.empty:
        return frame
    return frame[frame[columns].map(lambda cell: isinstance(cell, str) and wanted in cell.casefold()).any(axis=1)]


def longest(frame: pd.DataFrame, system: str, top: int = 20) -> pd.DataFrame:
    """The items with the System's longest answers, longest first."""
    lengths = frame[answer_column(system)].str.len()
    return frame.loc[lengths.dropna().sort_values(ascending=False, kind="stable").index[:top]]


def slowest(frame: pd.DataFrame, system: str, top: int = 20) -> pd.DataFrame:
    """The items the System took longest over, slowest first; items without a time are left out."""
    return frame.loc[frame[seconds_column(system)].dropna().sort_values(ascending=False, kind="stable").index[:top]]


def word_differences(reference: str, answer: str) -> list[Segment]:
    """The answer against the reference as segments. 'same' and 'added' together give the answer back, letter by letter."""
    old, new = WORD.findall(reference), WORD.findall(answer)
    segments: list[Segment] = []
    for kind, i, j, k, m in _opcodes([word.rstrip() for word in old], [word.rstrip() for word in new]):
        if kind == "equal":
            segments.append(("".join(new[k:m]), "same"))
            continue
        segments += [(text, tag) for text, tag in (("".join(old[i:j]), "removed"), ("".join(new[k:m]), "added")) if text]
    return segments


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if max(len(old), len(new)) <= LONGEST:
        return difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    shorter = min(len(old), len(new))
    head = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    tail = next((place for place in range(shorter - head) if old[-1 - place] != new[-1 - place]), shorter - head)
    ends = len(old) - tail, len(new) - tail
    spans = [("equal", 0, head, 0, head), ("replace", head, ends[0], head, ends[1]), ("equal", ends[0], len(old), ends[1], len(new))]
    return [span for span in spans if span[1] < span[2] or span[3] < span[4]]


class Usage(Value):
    """What answering cost, per answer. None: not measured. `ended` is the share of answers that came to an end, `hit` hit@k."""

    n: int
    seconds_p50: float | None = None
    seconds_p95: float | None = None
    prompt_tokens: float | None = None
    answer_tokens: float | None = None
    ended: float | None = None
    hit: float | None = None


def known_of(evaluation: Measured, name: str) -> np.ndarray:
    """One of the MEASURES on the items where it was taken."""
    column = np.asarray(evaluation.columns.measures[name])
    return column[np.isfinite(column)]


def usage(evaluation: Measured) -> Usage:
    """Latency (median and 95th percentile), mean tokens, share of ended answers, hit@k."""
    seconds = known_of(evaluation, "seconds")
    p50, p95 = np.quantile(seconds, [0.5, 0.95]).tolist() if len(seconds) else (None, None)
    means = {name: float(known.mean()) if len(known := known_of(evaluation, name)) else None
             for name in ("prompt_tokens", "answer_tokens", "ended", "hit")}
    return Usage(n=len(evaluation.columns.items), seconds_p50=p50, seconds_p95=p95, **means)


def usage_frame(evaluations: dict[str, Measured]) -> pd.DataFrame:
    """One row per System; NaN where nothing was measured."""
    columns = ["system", *Usage.model_fields]
    frame = pd.DataFrame([{"system": name, **usage(found).model_dump()} for name, found in evaluations.items()], columns=columns)
    return frame.astype({name: float for name in columns[2:]})
