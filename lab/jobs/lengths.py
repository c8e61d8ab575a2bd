"""Rows that a base could not read or a training stage would have to cut, counted in the base's own tokens. Reads only, no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from lab import store
from lab.core import DataError, LabError, Sft, System, TaskData, training_rows
from lab.corpus.check_rows import READS
from lab.corpus.mending import TOO_LONG
from lab.corpus.preview import tokenizer_of
from lab.corpus.template import ChatTemplate

OUT = f"bring the file again on the Data page with the switch '{TOO_LONG}'"
Row = tuple[str, str, str]  # id, prompt, answer (empty: the question as it is asked)


def too_long(system: System, data: TaskData) -> Iterator[LabError]:
    """One error per training stage, and those of the test split, that has rows beyond the limit. Bases without a tokenizer.json
    are checked by the worker alone."""
    folder = store.bases.folder_of(system.base)
    if not (folder / "tokenizer.json").is_file():
        return
    measure = _measure(folder, system)
    for stage in system.training:
        rows = _pairs(data) if stage.kind == "dpo" else _examples(stage, data)
        yield from _beyond(rows, measure(rows), stage.max_length, f"System {system.name}, task {data.task.name}, {stage.kind.upper()}",
                           lambda longest: _stage_advice(longest, system.base.context))
    if system.base.context:
        yield from _questions(system, data, measure)


def _stage_advice(longest: int, context: int) -> str:
    if context and longest > context:  # no setting of the stage reads what the base cannot
        return f"The base itself reads {context} tokens: shorten these rows, choose a base with a longer context, or {OUT}"
    return f"Raise the stage's maximum length, shorten these rows, or {OUT}"


def _questions(system: System, data: TaskData, measure: Callable[[Sequence[Row]], list[int]]) -> Iterator[LabError]:
    """Test questions that leave no room for what is written, and those that cannot be read with the answers that a scorer reads. What they
    need is the same for every System that says nothing of its own before them, and is then said once."""
    context, room, kinds = system.base.context, data.task.max_new_tokens, {scorer.kind for scorer in data.task.scorers}
    own = f" as System {system.name} asks them" if system.instruction or system.template else ""
    where, items = f"Task {data.task.name}, test questions{own}", data.test_suite().items
    if any(scorer.generates for scorer in data.task.scorers):
        rows = [(item.id, item.prompt, "") for item in items]
        yield from _beyond(rows, measure(rows), context - room, where, lambda _: (
            f"The base reads {context} tokens, {room} of them kept for the answer: shorten the questions, lower the longest answer, choose a "
            f"base with a longer context, or {OUT}"))
    if kinds.intersection(READS):
        rows = [(item.id, item.prompt, answer) for item in items for answer in item.choices or (item.answer,)]
        yield from _beyond(rows, measure(rows), context, f"{where}, with their right answers", lambda _: (
            f"The base reads {context} tokens, and the score reads the right answer behind its question: shorten these rows, choose a base "
            f"with a longer context, or {OUT}"))


def _examples(stage: Sft, data: TaskData) -> list[Row]:
    """The rows that the stage reads."""
    rows = [*training_rows(data.split("train"), stage.rows, stage.examples), *training_rows(data.split("validation"), stage.rows)]
    return [(row.id, row.prompt, row.answer) for row in rows]


def _pairs(data: TaskData) -> list[Row]:
    return [(pair.id, pair.prompt, max(pair.chosen, pair.rejected, key=len)) for pair in data.preferences]


def _measure(folder: Path, system: System) -> Callable[[Iterable[Row]], list[int]]:
    """Tokens of rows as this System's base reads them: prompt and answer are made tokens apart, as training and scoring do."""
    template, tokenizer = ChatTemplate.of(folder, system.template), tokenizer_of(folder)
    head = [{"role": "system", "content": system.instruction}] if system.instruction and template.takes_system else []

    def measure(rows: Iterable[Row]) -> list[int]:
        parts = [template.training_text([*head, {"role": "user", "content": prompt}], answer) if answer else
                 (template.render([*head, {"role": "user", "content": prompt}], True), "") for _, prompt, answer in rows]
        found = [len(each.ids) for each in tokenizer.encode_batch([part for pair in parts for part in pair], add_special_tokens=False)]
        return [sum(found[place:place + 2]) for place in range(0, len(found), 2)]

    return measure


def _beyond(rows: Sequence[Row], lengths: Sequence[int], limit: int, where: str, do: Callable[[int], str]) -> Iterator[LabError]:
    """`do`: the way out, for the longest row's tokens."""
    if long := {row[0]: length for row, length in zip(rows, lengths) if length > limit}:
        yield DataError(f"{len(long)} of {len({row[0] for row in rows})} rows have more than {limit} tokens; the longest has {max(lengths)}: "
                        + ", ".join([f"{name} ({length})" for name, length in long.items()][:3]), where, do(max(lengths)))
