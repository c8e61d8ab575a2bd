"""What passes between a System's questions and whoever answers them: the prompt that is sent and the answer that comes back.

A base in memory (asking.Asker) and a base behind an endpoint (endpoint.EndpointAsker) are asked through the same few methods, so that
scoring knows one of them like the other. Knows no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Sequence

from lab.core import Passage, System
from lab.corpus.template import Message
from lab.methods.retrieval import Searcher


@dataclass(frozen=True)
class Asked:
    """What is sent to the model. `note` says what had to be left out to fit the context; `ids` are empty where no tokens are made here."""

    ids: list[int]
    text: str
    messages: list[Message]
    passages: tuple[Passage, ...]
    note: str = ""


def with_history(messages: list[Message], history: Sequence[Message]) -> list[Message]:
    """The messages of a prompt with the earlier turns of the same conversation before the question."""
    return [*messages[:-1], *history, messages[-1]] if history else messages


@dataclass(frozen=True)
class Written:
    """An answer. What is None was not measured: tokens, whether an end token ended it, and the seconds it took by itself. `refused` says why
    there is no answer, where there is none."""

    text: str
    prompt_tokens: int | None
    answer_tokens: int | None
    ended: bool | None
    seconds: float | None = None
    refused: str = ""


class Asks(Protocol):
    """Turns questions into prompts for one System, and prompts into answers. `unread` says why log-probabilities cannot be read; empty where
    they can. `adapter` names what was trained for the System, where it was."""

    system: System
    searcher: Searcher | None
    adapter: str | None
    unread: str

    def ask(self, question: str, room: int, history: Sequence[Message] = ()) -> Asked:
        """The prompt for a question, with room for the answer's tokens."""

    def groups(self, asked: Sequence[Asked]) -> list[list[int]]:
        """Places of the prompts in the order and the company in which they are best sent."""

    def write(self, asked: Sequence[Asked], most: int) -> list[Written]:
        """Greedy answers of at most so many tokens, in order."""
