"""Task and Suite: what is asked, what is right, and how an answer is scored."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Callable, Collection, Literal, Sequence

from pydantic import Field, InstanceOf, model_validator

from lab.core.base import Value, content_key
from lab.core.rows import Rows

Split = Literal["train", "validation", "test"]
ScorerKind = Literal["exact_match", "normalised_match", "contains_answer", "json_match", "json_valid", "json_fields", "rule",
                     "multiple_choice", "answer_loss", "text_loss", "all_of", "judge"]
LOSSES = ("answer_loss", "text_loss")
RUBRIC = ("10: everything the reference answer says, and nothing that is wrong. 5: half of it, or right with a clear flaw. "
          "0: wrong, empty, or about something else. Length and style do not count.")


class Judge(Value):
    """A model that grades answers, behind an OpenAI-compatible endpoint. Its key comes from the environment and stands nowhere."""

    address: str = Field(min_length=1, max_length=500, description="where it answers, as http://127.0.0.1:8000/v1")
    model: str = Field(min_length=1, max_length=300, description="the model's name there")
    rubric: str = Field(RUBRIC, min_length=1, max_length=8_000, description="what each grade from 0 to 10 means")
    pairwise: bool = Field(False, description="instead of grades: is the answer better than the reference answer? Asked in both orders; "
                                              "1 or 0 where both agree, 0.5 where they do not")


class Scorer(Value):
    """How one answer becomes one number. Higher is better, but for the losses (nats per token). `all_of` is 1 where every other scorer
    of the suite that reads the written answer by rule is fully satisfied."""

    kind: ScorerKind
    phrases: tuple[str, ...] = Field((), description="rule: the answer must hold one of these phrases (letter case does not count)")
    judge: Judge | None = Field(None, description="judge: the model that grades")

    @model_validator(mode="after")
    def _judges_are_judged_by_someone(self) -> "Scorer":
        if (self.kind == "judge") != (self.judge is not None):
            raise ValueError("a scorer of the kind judge names its model, and no other kind does")
        return self

    @property
    def higher_is_better(self) -> bool:
        return self.kind not in LOSSES

    @property
    def generates(self) -> bool:
        """Whether the model has to write an answer; the others read log-probabilities."""
        return self.kind not in (*LOSSES, "multiple_choice")


def _checked(scorers: Sequence[Scorer]) -> None:
    """Raises ValueError where a judge would decide alone."""
    if scorers[0].kind == "judge":
        raise ValueError("a judge model is never the only or the first scorer, as nobody can check it by rule: put another scorer before it")
    if sum(scorer.kind == "judge" for scorer in scorers) > 1:
        raise ValueError("one judge model scores a task: two would stand under one name")


def _counted(scorer: Scorer) -> dict[str, Any]:
    """A scorer as it counts in fingerprints: judges came later, and count only where there is one."""
    return scorer.model_dump(mode="json", exclude={"judge"} if scorer.judge is None else set())


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

    @model_validator(mode="after")
    def _no_judge_alone(self) -> "Suite":
        _checked(self.scorers)
        return self

    @property
    def primary(self) -> Scorer:
        return self.scorers[0]

    @property
    def raw_text(self) -> bool:
        """Without prompts it is scored on the weights alone: no lever that works through the prompt can touch it."""
        return all(not item.prompt for item in self.items)

    @property
    def fingerprint(self) -> str:
        """Names what is asked and how it is scored; titles and descriptions do not count."""
        return content_key([item.model_dump(mode="json") for item in self.items], [_counted(scorer) for scorer in self.scorers],
                           self.max_new_tokens)


class SuiteMark(Value):
    """What of a Suite names its Evaluations, where its items are no longer there."""

    name: str
    fingerprint: str
    raw_text: bool

    @classmethod
    def of(cls, suite: Suite) -> "SuiteMark":
        return cls(name=suite.name, fingerprint=suite.fingerprint, raw_text=suite.raw_text)


class Example(Value):
    """A prompt and its right answer. `documents` names the documents that hold the answer, where that is known; `choices` are the answers
    among which a System may choose, the right one with them."""

    id: str
    prompt: str
    answer: str
    split: Split
    entity: str = ""
    documents: tuple[str, ...] = ()
    slices: dict[str, str] = {}
    choices: tuple[str, ...] | None = None

    def with_texts(self, change: Callable[[str], str]) -> "Example":
        """The same with all its texts changed alike, so that the right answer stays among the choices; itself where nothing changes."""
        new = {"prompt": change(self.prompt), "answer": change(self.answer), "choices": self.choices and tuple(map(change, self.choices))}
        return self.model_copy(update=new) if any(getattr(self, name) != value for name, value in new.items()) else self


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

    @model_validator(mode="after")
    def _no_judge_alone(self) -> "Task":
        _checked(self.scorers)
        return self


class TaskData(Value):
    """A Task with its rows: in memory, or of a large one read when they are asked for."""

    task: Task
    examples: InstanceOf[Rows] | tuple[Example, ...] = ()
    preferences: InstanceOf[Rows] | tuple[Preference, ...] = ()
    documents: tuple[Document, ...] = ()

    def split(self, name: Split) -> Sequence[Example]:
        """The examples of a split."""
        return _of(self.examples, name)

    def pairs(self, name: Split) -> Sequence[Preference]:
        """The preference pairs of a split."""
        return _of(self.preferences, name)

    def test_suite(self) -> Suite:
        """The test split as a Suite."""
        items = tuple(Item(id=e.id, prompt=e.prompt, answer=e.answer, choices=e.choices, entity=e.entity, documents=e.documents, slices=e.slices)
                      for e in self.split("test"))
        counts = {len(item.choices or ()) for item in items}
        chance = 1 / max(counts) if self.task.scorers[0].kind == "multiple_choice" and len(counts) == 1 and max(counts) else 0.0
        return Suite(name=self.task.id, title=self.task.name, role="task", scorers=self.task.scorers, items=items,
                     max_new_tokens=self.task.max_new_tokens, description=self.task.description, chance=chance)

    def sealed(self, known: Collection[str] = ()) -> "TaskData":
        """The same with counts and fingerprints written into the task. Those of the parts in `known` stand as the task has them."""
        parts: dict[str, Sequence[Any]] = {name: self.split(name) for name in ("train", "validation", "test")}
        parts |= {"preferences": self.preferences, "documents": self.documents}
        counts = {name: self.task.counts[name] if name in known else len(rows) for name, rows in parts.items()}
        prints = {name: self.task.fingerprints[name] if name in known else _key_of(rows) for name, rows in parts.items()}
        return self.model_copy(update={"task": self.task.model_copy(update={"counts": counts, "fingerprints": prints})})


def _of(rows: Sequence[Any], split: str) -> Sequence[Any]:
    return rows.of(split) if isinstance(rows, Rows) else tuple(row for row in rows if row.split == split)


class RowsKey:
    """The fingerprint of many rows without holding them: equal to `content_key` of their list. `add` takes rows as plain values."""

    def __init__(self) -> None:
        self._digest, self.count = hashlib.sha256(b"[["), 0

    def add(self, row: dict[str, Any]) -> None:
        text = json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        self._digest.update((("," if self.count else "") + text).encode("utf-8", "surrogatepass"))
        self.count += 1

    def key(self) -> str:
        whole = self._digest.copy()
        whole.update(b"]]")
        return whole.hexdigest()[:16]


def _key_of(rows: Sequence[Value]) -> str:
    key = RowsKey()
    for row in rows:
        key.add(row_content(row))
    return key.key()


def row_content(row: Value) -> dict[str, Any]:
    """A row as it counts in fingerprints: sections and choices came later, and count only where there are some."""
    found = row.model_dump(mode="json")
    for later in ("sections", "choices"):
        if not found.get(later, True):
            del found[later]
    return found


def training_rows(rows: Sequence[Example], wanted: str = "", most: int = 0) -> Sequence[Example]:
    """The rows that a stage trains on: those of the wanted slices ('name=value|other'), at most the first `most` of them (0: all)."""
    if wanted:
        name, _, values = wanted.partition("=")
        known = [value.strip() for value in values.split("|")]
        places = [place for place, row in enumerate(rows) if row.slices.get(name.strip(), "") in known]
        rows = rows.at(places) if isinstance(rows, Rows) else tuple(rows[place] for place in places)
    return rows[:most] if most else rows
