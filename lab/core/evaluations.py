"""Score and Evaluation: answers and what they are worth; Numbers: what of it is no text."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ConfigDict, Field

from lab.core.base import Value
from lab.core.tasks import Scorer

MEASURES = ("seconds", "prompt_tokens", "answer_tokens", "ended", "hit", "kl")


class Passage(Value):
    """A piece of a document as it was put into a prompt. `heading` is its path of headings in one line."""

    document: str
    text: str
    score: float = 0.0
    page: int | None = None
    heading: str = ""

    def citation(self, name: str) -> str:
        """Where it stands, for people: the document's name with the page or the heading, where they are known."""
        return f"{name}{f', page {self.page}' if self.page else ''}{f' > {self.heading}' if self.heading else ''}"


class Score(Value):
    """One item's answer. `values` holds one number per scorer kind; None means not measured, never zero."""

    item: str
    entity: str = ""
    answer: str = ""
    values: dict[str, float | None]
    reason: str = ""
    prompt: str = ""
    passages: tuple[Passage, ...] = ()
    hit: float | None = None
    seconds: float | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    ended: bool | None = None
    kl: float | None = Field(None, description="forward KL(base || tuned weights) in nats per token, on this item; None: not measured")


@dataclass(frozen=True, eq=False)
class Columns:
    """The numbers of an Evaluation, item by item in the suite's order: one float per item, NaN where it was not measured. `clusters` are
    the items' entities (an item without one is its own); `values` go by scorer kind, `measures` by the names in MEASURES."""

    items: tuple[str, ...]
    clusters: tuple[str, ...]
    values: Mapping[str, Sequence[float]]
    measures: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Columns:
        """The columns of these scores."""
        kinds = dict.fromkeys(kind for score in scores for kind in score.values)
        return cls(tuple(score.item for score in scores), tuple(score.entity or score.item for score in scores),
                   {kind: _floats(score.values.get(kind) for score in scores) for kind in kinds},
                   {name: _floats(getattr(score, name) for score in scores) for name in MEASURES})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self._plain() == other._plain()

    def _plain(self) -> tuple:
        both = [{name: [_known(number) for number in column] for name, column in part.items()} for part in (self.values, self.measures)]
        return self.items, self.clusters, *both


def _floats(values: Iterable[float | None]) -> array[float]:
    return array("d", [math.nan if value is None else value for value in values])


def _known(number: float) -> float | None:
    return None if number != number else float(number)


class Measured(Value):
    """What was asked of one System, and how its answers were scored. `system_key` names the System (or, for raw-text suites, its weights)."""

    system_key: str
    suite: str
    suite_fingerprint: str
    role: str
    scorers: tuple[Scorer, ...]
    decoding: str
    chance: float = 0.0
    seconds: float = 0.0
    run: str = ""

    @property
    def primary(self) -> str:
        return self.scorers[0].kind

    @property
    def columns(self) -> Columns:
        """The numbers, item by item."""
        raise NotImplementedError

    def column(self, metric: str | None = None) -> list[float | None]:
        """The values of one metric, item by item in the suite's order."""
        found = self.columns
        return [_known(number) for number in found.values.get(metric or self.primary, [math.nan] * len(found.items))]


class Numbers(Measured):
    """An Evaluation without its texts: all that boards and statistics need, and a tenth of the reading."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    table: Columns

    @property
    def columns(self) -> Columns:
        return self.table


class Evaluation(Measured):
    """One System x one Suite, with every answer."""

    scores: tuple[Score, ...]

    @property
    def columns(self) -> Columns:
        return Columns.of(self.scores)
