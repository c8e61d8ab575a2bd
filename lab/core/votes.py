"""Blind votes: what is asked, what stood on which side, and what people chose. A name is hidden until the host reveals it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lab.core.base import Value

Choice = Literal["left", "right", "tie"]


class VotePair(Value):
    """One item with the answers of two Systems. The pair belongs to the vote: it stays as it is whatever becomes of the runs."""

    number: int = Field(ge=0)
    item: str
    prompt: str
    one: str = Field(description="name of a System")
    other: str
    answers: tuple[str, str] = Field(description="of `one` and of `other`")
    entity: str = ""

    def answer_of(self, system: str) -> str:
        return self.answers[0] if system == self.one else self.answers[1]


class Alike(Value):
    """On how many of the items two Systems gave the same answer. Such pairs are never asked: there is nothing to choose."""

    one: str
    other: str
    alike: int
    of: int


class VoteSession(Value):
    """One vote of many people. `dice` decides orders and sides, `code` is its short link, `per_voter` how many items each person judges."""

    id: str
    code: str
    experiment: str
    task: str
    seed: int
    dice: int
    systems: tuple[str, ...] = Field(min_length=2)
    pairs: tuple[VotePair, ...] = Field(min_length=1)
    alike: tuple[Alike, ...] = ()
    per_voter: int = Field(ge=1)
    question: str = ""
    created: float
    closed: float | None = None
    revealed: float | None = None

    @property
    def open(self) -> bool:
        return self.closed is None

    @property
    def items(self) -> tuple[str, ...]:
        """The items that are asked about, each once, in the order of the pairs."""
        return tuple(dict.fromkeys(pair.item for pair in self.pairs))

    @model_validator(mode="after")
    def _pairs_are_numbered(self) -> "VoteSession":
        if [pair.number for pair in self.pairs] != list(range(len(self.pairs))):
            raise ValueError("the pairs of a vote are numbered 0, 1, 2, ... in their order")
        return self


class Ballot(Value):
    """A pair as one voter sees it: `left` is the System whose answer stands first."""

    pair: VotePair
    left: str

    @property
    def right(self) -> str:
        return self.pair.other if self.left == self.pair.one else self.pair.one

    @property
    def answers(self) -> tuple[str, str]:
        """Left, right."""
        return self.pair.answer_of(self.left), self.pair.answer_of(self.right)


class Vote(Value):
    """What one voter chose on one pair; `left` is the System whose answer stood first."""

    voter: int
    pair: int
    left: str
    choice: Choice
    at: float = 0.0

    def winner(self, pair: VotePair) -> str | None:
        """The System that was preferred; None for a tie."""
        right = pair.other if self.left == pair.one else pair.one
        return {"left": self.left, "right": right}.get(self.choice)


class Turnout(Value):
    """How far a vote has come: people who joined, people who judged all of their items, votes."""

    joined: int = 0
    finished: int = 0
    votes: int = 0
