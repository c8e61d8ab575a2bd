"""Task and Suite: what is asked, what is right, and how an answer is scored."""

from __future__ import annotations

from typing import Any, Literal, Sequence

from pydantic import Field

from lab.core.base import Value, content_key

Split = Literal["train", "validation", "test"]
ScorerKind = Literal["exact_match", "normalised_match", "contains_answer", "json_match", "json_valid", "json_fields", "rule",
                     "multiple_choice", "answer_loss", "text_loss", "all_of"]
LOSSES = ("answer_loss", "text_loss")


class Scorer(Value):
    """How one answer becomes one number. Higher is better, but for the losses (nats per token). `all_of` is 1 where every other scorer
    of the suite that reads the written answer is fully satisfied."""

    kind: ScorerKind
    phrases: tuple[str, ...] = Field((), description="rule: the answer must hold one of these phrases (letter case does not count)")

    @property
    def higher_is_better(self) -> bool:
        return self.kind not in LOSSES

    @property
    def generates(self) -> bool:
        """Whether the model has to write an answer; the others read log-probabilities."""
        return self.kind not in (*LOSSES, "multiple_choice")


class Item(Value):
    """One question. `entity` is the cluster for statistics: items about one entity rise and fall together."""

    id: str
    prompt: str
    answer: str
    choices: tuple[str, ...] | None = None
    entity: str = ""
    documents: tuple[str, ...] = ()
    slices: dict[str, str] = {}


class Suite(Value):
    """Items to ask and how to score them; the first scorer is the primary one."""

    name: str
    title: str
    role: Literal["task", "retention"]
    scorers: tuple[Scorer, ...] = Field(min_length=1)
    items: tuple[Item, ...]
    max_new_tokens: int = Field(64, ge=1, le=8_192)
    chance: float = 0.0
    description: str = ""

    @property
    def primary(self) -> Scorer:
        return self.scorers[0]

    @property
    def fingerprint(self) -> str:
        """Names what is asked and how it is scored; titles and descriptions do not count."""
        return content_key([item.model_dump(mode="json") for item in self.items],
                           [scorer.model_dump(mode="json") for scorer in self.scorers], self.max_new_tokens)


class Example(Value):
    """A prompt and its right answer. `documents` names the documents that hold the answer, where that is known."""

    id: str
    prompt: str
    answer: str
    split: Split
    entity: str = ""
    documents: tuple[str, ...] = ()
    slices: dict[str, str] = {}


class Preference(Value):
    """Two answers to one prompt, of which people prefer the first."""

    id: str
    prompt: str
    chosen: str
    rejected: str
    split: Literal["train", "validation"] = "train"


class Section(Value):
    """Where a page or a heading of a document begins; it lasts until the next one. `start` is a place in the document's text,
    `heading` the path of headings down to this one."""

    start: int = Field(ge=0)
    page: int | None = Field(None, ge=1)
    heading: tuple[str, ...] = ()


class Document(Value):
    """A text to search in. `name` is a label for people, never a path. `sections` are in the text's order; empty where neither pages
    nor headings are known."""

    id: str
    name: str
    text: str
    sections: tuple[Section, ...] = ()


class Task(Value):
    """What the user wants done. Its rows stand beside it on disk; the fingerprints name them."""

    id: str
    name: str
    need: str = ""
    description: str = ""
    scorers: tuple[Scorer, ...] = Field(min_length=1)
    max_new_tokens: int = Field(64, ge=1, le=8_192)
    licence: str = ""
    source: str = ""
    mapping: dict[str, Any] = {}
    counts: dict[str, int] = {}
    fingerprints: dict[str, str] = {}


class TaskData(Value):
    """A Task with its rows."""

    task: Task
    examples: tuple[Example, ...] = ()
    preferences: tuple[Preference, ...] = ()
    documents: tuple[Document, ...] = ()

    def split(self, name: Split) -> tuple[Example, ...]:
        return tuple(example for example in self.examples if example.split == name)

    def test_suite(self) -> Suite:
        """The test split as a Suite."""
        items = tuple(Item(id=e.id, prompt=e.prompt, answer=e.answer, entity=e.entity, documents=e.documents, slices=e.slices)
                      for e in self.split("test"))
        return Suite(name=self.task.id, title=self.task.name, role="task", scorers=self.task.scorers, items=items,
                     max_new_tokens=self.task.max_new_tokens, description=self.task.description)

    def sealed(self) -> "TaskData":
        """The same with counts and fingerprints written into the task."""
        parts = {name: self.split(name) for name in ("train", "validation", "test")}
        parts |= {"preferences": self.preferences, "documents": self.documents}
        counts = {name: len(rows) for name, rows in parts.items()}
        prints = {name: content_key([_content(row) for row in rows]) for name, rows in parts.items()}
        return self.model_copy(update={"task": self.task.model_copy(update={"counts": counts, "fingerprints": prints})})


def _content(row: Value) -> dict[str, Any]:
    """A row as it counts in fingerprints: sections came later, and count only where there are some."""
    found = row.model_dump(mode="json")
    if not found.get("sections", True):
        del found["sections"]
    return found


def training_rows(rows: Sequence[Example], wanted: str = "", most: int = 0) -> tuple[Example, ...]:
    """The rows that a stage trains on: those of the wanted slices ('name=value|other'), at most the first `most` of them (0: all)."""
    name, _, values = wanted.partition("=")
    found = [row for row in rows if not wanted or row.slices.get(name.strip(), "") in [value.strip() for value in values.split("|")]]
    return tuple(found[:most] if most else found)
