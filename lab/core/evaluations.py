"""Score and Evaluation: answers and what they are worth."""

from __future__ import annotations

from pydantic import Field

from lab.core.base import Value
from lab.core.tasks import Scorer


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


class Evaluation(Value):
    """One System x one Suite. `system_key` names the System (or, for raw-text suites, its weights)."""

    system_key: str
    suite: str
    suite_fingerprint: str
    role: str
    scorers: tuple[Scorer, ...]
    decoding: str
    chance: float = 0.0
    scores: tuple[Score, ...]
    seconds: float = 0.0
    run: str = ""

    @property
    def primary(self) -> str:
        return self.scorers[0].kind

    def column(self, metric: str | None = None) -> list[float | None]:
        """The values of one metric, item by item in the suite's order."""
        return [score.values.get(metric or self.primary) for score in self.scores]
