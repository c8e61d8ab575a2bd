"""A System whose base is in memory: its prompt for a question (passages, shots, template, within the model's context) and its answers."""

from __future__ import annotations

import time
from typing import Sequence

from lab.core import DataError, Example, Passage, System
from lab.corpus.template import Message
from lab.engine.generate import batches, generate
from lab.engine.load import Loaded
from lab.methods.asked import Asked, Written, with_history
from lab.methods.prompting import Messages, Prompter
from lab.methods.retrieval import Searcher


class Asker:
    """Puts one System's questions to a base in memory. `train`: the rows that shots are taken from; `adapter` names what was trained for it
    in the loaded base's bank (an adapter or a set of weights), or is None."""

    unread = ""

    def __init__(self, system: System, loaded: Loaded, train: Sequence[Example], searcher: Searcher | None, adapter: str | None = None):
        self.system, self.loaded, self.searcher, self.adapter = system, loaded, searcher, adapter
        self.prompter = Prompter(system, loaded.template, train)

    def training_messages(self, with_passages: bool) -> Messages:
        """How a training question is put: with the instruction, without shots, with its passages where they are wanted."""
        searcher = self.searcher if with_passages else None
        return lambda question: self.prompter.messages(question, searcher.search(question) if searcher else ())

    def ask(self, question: str, room: int, history: Sequence[Message] = ()) -> Asked:
        """The prompt for a question, leaving `room` tokens for the answer. Shots are left out first, then passages.

        `history`: earlier turns of the same conversation. Raises DataError where even the bare question does not fit.
        """
        passages = list(self.searcher.search(question)) if self.searcher else []
        shots = list(self.prompter.shots(question))
        wanted = (len(shots), len(passages))
        while True:
            asked = self._rendered(question, passages, shots, history)
            if not self.loaded.context or len(asked.ids) + room <= self.loaded.context:
                break
            if not shots and not passages:
                raise DataError(f"The prompt has {len(asked.ids)} tokens and the answer may take {room}; the base reads "
                                f"{self.loaded.context}", question[:80], "Shorten the question or the longest answer, or choose a base "
                                "with a longer context")
            (shots or passages).pop(0 if shots else -1)
        left_out = [f"{len(kept)} of {count} {name} fitted" for kept, count, name in
                    ((shots, wanted[0], "shots"), (passages, wanted[1], "passages")) if len(kept) < count]
        return Asked(asked.ids, asked.text, asked.messages, asked.passages, "; ".join(left_out))

    def _rendered(self, question: str, passages: list[Passage], shots: list, history: Sequence[Message]) -> Asked:
        messages = with_history(self.prompter.messages(question, passages, shots), history)
        text = self.loaded.template.render(messages, True)
        return Asked(self.loaded.encode(text), text, messages, tuple(passages))

    def groups(self, asked: Sequence[Asked]) -> list[list[int]]:
        return batches([len(one.ids) for one in asked])

    def write(self, asked: Sequence[Asked], most: int) -> list[Written]:
        """Greedy answers in one batch, from what is chosen in the bank. An answer that was written alone says how long it took."""
        begun = time.perf_counter()
        answers = generate(self.loaded, [one.ids for one in asked], most)
        seconds = time.perf_counter() - begun if len(asked) == 1 else None
        return [Written(self.loaded.decode(answer.ids).strip(), len(one.ids), len(answer.ids), answer.ended, seconds)
                for one, answer in zip(asked, answers)]
