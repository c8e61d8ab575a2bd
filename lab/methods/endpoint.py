"""A System whose base is behind an endpoint: the same messages, sent over the OpenAI protocol. Rendering, tokens and weights are there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Sequence

from lab.core import Example, System
from lab.corpus.template import Message
from lab.methods.asked import Asked, Written, with_history
from lab.methods.prompting import Prompter
from lab.methods.retrieval import Searcher
from lab.remote import Client, Refused

AT_ONCE = 4  # questions under way: a server that batches gains by it, and none is flooded
GROUP = 16  # questions between two looks for a stop
HOPELESS = 3  # refusals before the first answer that end the run: then it is not about the items
UNREAD = "an endpoint shows no log-probabilities"


class ServersTemplate:
    """Stands for the template that the endpoint applies. The protocol has system messages; whether the model reads them nobody sees."""

    takes_system = True


class EndpointAsker:
    """Puts one System's questions to its endpoint. `train`: the rows that shots are taken from."""

    adapter = None
    unread = UNREAD

    def __init__(self, system: System, client: Client, train: Sequence[Example], searcher: Searcher | None):
        self.system, self.client, self.searcher = system, client, searcher
        self.prompter = Prompter(system, ServersTemplate(), train)
        self._answered, self._refusals = False, 0

    def ask(self, question: str, room: int, history: Sequence[Message] = ()) -> Asked:
        """The messages for a question. Nothing is left out: tokens are the endpoint's to count, and it refuses what is too long."""
        passages = self.searcher.search(question) if self.searcher else []
        messages = with_history(self.prompter.messages(question, passages, self.prompter.shots(question)), history)
        return Asked([], as_text(messages), messages, tuple(passages))

    def groups(self, asked: Sequence[Asked]) -> list[list[int]]:
        places = range(len(asked))
        return [list(places[start:start + GROUP]) for start in range(0, len(asked), GROUP)]

    def write(self, asked: Sequence[Asked], most: int) -> list[Written]:
        """Greedy answers, some at a time. A question that the endpoint refuses has the reason in place of an answer.

        Raises ModelError where it refuses the first ones all, cannot be reached or fails, AccessError where it wants a key, and Stopped.
        """
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda one: self._written(one, most), asked))

    def _written(self, one: Asked, most: int) -> Written:
        try:
            reply = self.client.complete(one.messages, most)
        except Refused as error:
            self._refusals += 1
            if self._refusals >= HOPELESS and not self._answered:
                raise
            return Written("", None, None, None, refused=error.failure.what)
        self._answered = True
        return Written(reply.text.strip(), reply.prompt_tokens, reply.answer_tokens, reply.ended, reply.seconds)


def as_text(messages: Sequence[Message]) -> str:
    """A conversation for people: who says what. The endpoint's own rendering is not known."""
    return "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in messages)
