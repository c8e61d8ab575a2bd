"""Which columns mean what. A Mapping is a value that people correct; `guess` makes the first one, and a Task keeps what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError

from lab.core import Task, Value

PART_NAMES = {"prompt": "prompt", "answer": "answer", "chosen": "chosen answer", "rejected": "rejected answer"}  # as sentences call them


class Mapping(Value):
    """Templates over columns (see `cells`), and the columns that split, group and point to documents."""

    prompt: str = Field("", description="What the model is asked, as a template over columns: {question}, or {instruction}\\n{input}.")
    answer: str = Field("", description="The right answer, as a template over columns.")
    chosen: str = Field("", description="Preference pairs: the answer that people prefer.")
    rejected: str = Field("", description="Preference pairs: the other answer.")
    other: str = Field("", description="Another answer that is not the right one, as a template over columns: with it, Systems can be asked which of "
                       "both is more probable to them (multiple choice).")
    split_column: str = Field("", description="Column that says train, validation or test. Empty: the lab splits.")
    entity_column: str = Field("", description="Rows with the same value here stay in one split and count as one cluster.")
    document_column: str = Field("", description="Column with the text, or the name, of the document that holds the answer.")
    labels: dict[str, str] = Field({}, description="Names of the labels: an answer in the file, and the word that is trained and scored for it.")
    reason: str = Field("", description="Why the guess is unclear; empty once somebody decided.")

    @property
    def kind(self) -> Literal["examples", "preferences", "unclear"]:
        if self.reason:
            return "unclear"
        if self.prompt and self.chosen and self.rejected:
            return "preferences"
        return "examples" if self.prompt and self.answer and not (self.chosen or self.rejected) else "unclear"


def stored(examples: Mapping, columns: Sequence[str], pairs: Mapping | None = None, pair_columns: Sequence[str] = ()) -> dict[str, Any]:
    """What a Task keeps of the mappings of its files, with the columns by which a new file of the same shape is known."""
    return _plain(examples, columns) | (stored_pairs(pairs, pair_columns) if pairs else {})


def stored_pairs(mapping: Mapping, columns: Sequence[str]) -> dict[str, Any]:
    """The same of a file of preference pairs alone."""
    return {"preferences": _plain(mapping, columns)}


def recalled(tasks: Iterable[Task], columns: Sequence[str], kind: Literal["examples", "preferences"]) -> tuple[Mapping, Task] | None:
    """The mapping of the first Task whose file had these very columns, in whatever order; None where there is none."""
    for task in tasks:
        kept = task.mapping if kind == "examples" else task.mapping.get("preferences")
        names = kept.get("columns") if isinstance(kept, dict) else None
        if not isinstance(names, (list, tuple)) or set(map(str, names)) != set(columns):
            continue
        try:
            mapping = Mapping(**{name: value for name, value in kept.items() if name in Mapping.model_fields})
        except ValidationError:  # the Task was written by hand, or by another version
            continue
        if mapping.kind == kind:
            return mapping, task
    return None


def _plain(mapping: Mapping, columns: Sequence[str]) -> dict[str, Any]:
    return mapping.model_dump(exclude={"reason"}) | {"columns": list(columns)}
