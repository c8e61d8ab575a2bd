"""Prompting: instruction, shots and passages become messages. No weight is touched.

Shots come from the training split alone, so a test item never stands in its own prompt.
"""

from __future__ import annotations

import random
from typing import Callable, Sequence

from lab.core import PASSAGE_FORMAT, Example, Passage, Prompting, System
from lab.corpus.template import ChatTemplate, Message
from lab.methods.lexical import Lexical

Messages = Callable[[str], list[Message]]  # a question as it will be asked


class Prompter:
    """Makes the messages of one System's prompts."""

    def __init__(self, system: System, template: ChatTemplate, train: Sequence[Example]):
        self.prompting = system.prompting or Prompting()
        self.passage_format = system.retrieval.passage_format if system.retrieval else PASSAGE_FORMAT
        self.template = template
        self.train = train  # perhaps many more than fit into memory: only those that are shown are held
        self._fixed = self._random_shots() if self.prompting.choice == "random" or not self.prompting.shots else None
        self._search = Lexical([example.prompt for example in self.train]) if self._fixed is None and self.train else None

    def _random_shots(self) -> list[Example]:
        if not self.prompting.shots:
            return []  # and the rows are not even counted
        return random.Random(self.prompting.seed).sample(self.train, min(self.prompting.shots, len(self.train)))

    def shots(self, question: str) -> list[Example]:
        """The worked examples for a question; the most similar one stands last, next to the question."""
        if self._fixed is not None:
            return self._fixed
        found = self._search.search(question, self.prompting.shots) if self._search else []
        return [self.train[place] for place, _ in reversed(found)]

    def messages(self, question: str, passages: Sequence[Passage] = (), shots: Sequence[Example] = ()) -> list[Message]:
        """System message, shots as finished turns, then the passages and the question."""
        turns: list[Message] = []
        for shot in shots:
            turns += [{"role": "user", "content": shot.prompt}, {"role": "assistant", "content": shot.answer}]
        lines = [self.passage_format.replace("{passage}", passage.text) for passage in passages]
        turns.append({"role": "user", "content": "\n".join([*lines, question])})
        return self._instructed(turns)

    def _instructed(self, turns: list[Message]) -> list[Message]:
        instruction = self.prompting.instruction
        if not instruction:
            return turns
        if self.template.takes_system:
            return [{"role": "system", "content": instruction}, *turns]
        first = {**turns[0], "content": f"{instruction}\n\n{turns[0]['content']}"}
        return [first, *turns[1:]]
