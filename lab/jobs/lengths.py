"""Rows that a base could not read or a training stage would have to cut, counted in the base's own tokens. Reads only, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lab import store
from lab.core import DataError, LabError, Sft, System, TaskData, training_rows
from lab.corpus.mending import TOO_LONG
from lab.corpus.preview import tokenizer_of
from lab.corpus.template import ChatTemplate

OUT = f"bring the file again on the Data page with the switch '{TOO_LONG}'"


def too_long(system: System, data: TaskData) -> Iterator[LabError]:
    """One error per training stage, and one for the test split, that has rows beyond the limit. Bases without a tokenizer.json
    are checked by the worker alone."""
    folder = store.bases.folder_of(system.base)
    if not (folder / "tokenizer.json").is_file():
        return
    template = ChatTemplate.of(folder, system.template)
    where = f"System {system.name}, task {data.task.name}"
    for stage in system.training:
        rows = _pairs(data) if stage.kind == "dpo" else _examples(stage, data)
        yield from _beyond(folder, template, system, rows, stage.max_length, f"{where}, {stage.kind.upper()}",
                           f"Raise the stage's maximum length, shorten these rows, or {OUT}")
    if system.base.context:
        rows = [(example.id, example.prompt, "") for example in data.split("test")]
        yield from _beyond(folder, template, system, rows, system.base.context - data.task.max_new_tokens, f"{where}, test questions",
                           f"The base reads {system.base.context} tokens, {data.task.max_new_tokens} of them kept for the answer: shorten "
                           f"the questions, lower the longest answer, choose a base with a longer context, or {OUT}")


def _examples(stage: Sft, data: TaskData) -> list[tuple[str, str, str]]:
    """The rows that the stage reads."""
    rows = [*training_rows(data.split("train"), stage.rows, stage.examples), *training_rows(data.split("validation"), stage.rows)]
    return [(row.id, row.prompt, row.answer) for row in rows]


def _pairs(data: TaskData) -> list[tuple[str, str, str]]:
    return [(pair.id, pair.prompt, max(pair.chosen, pair.rejected, key=len)) for pair in data.preferences]


def _beyond(folder: Path, template: ChatTemplate, system: System, rows: Iterable[tuple[str, str, str]], limit: int, where: str,
            do: str) -> Iterator[LabError]:
    rows = list(rows)
    head = [{"role": "system", "content": system.instruction}] if system.instruction and template.takes_system else []
    texts = ["".join(template.training_text([*head, {"role": "user", "content": prompt}], answer)) if answer else
             template.render([*head, {"role": "user", "content": prompt}], True) for _, prompt, answer in rows]
    lengths = [len(found.ids) for found in tokenizer_of(folder).encode_batch(texts, add_special_tokens=False)]
    long = [f"{row[0]} ({length})" for row, length in zip(rows, lengths) if length > limit]
    if long:
        yield DataError(f"{len(long)} of {len(rows)} rows have more than {limit} tokens; the longest has {max(lengths)}: "
                        + ", ".join(long[:3]), where, do)
