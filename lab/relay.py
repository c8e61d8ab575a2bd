"""The answerer of a base behind an endpoint: makes each System's prompt here and passes the endpoint's answer on as it comes.

To the pages it looks like the answerer of a base in memory: each finished run is a model name, "base" is the bare base. Holds no model.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

from lab import store
from lab.core import AccessError, Base, ModelError, System, index_key
from lab.methods.endpoint import AT_ONCE, EndpointAsker
from lab.methods.retrieval import Searcher
from lab.questions import BARE_TOKENS, MOST_TOKENS, Question, known_run, listed, serves
from lab.remote import Client, clean

TRIES = 2  # somebody is waiting


class Relay:
    """The endpoint, the Systems that were asked for, and some threads that each wait for one answer."""

    def __init__(self, base: Base):
        self.base = base
        self.client = Client(base.address, base.ref, tries=TRIES)
        self.askers: dict[str, tuple[EndpointAsker, int]] = {}
        self.waiting: queue.Queue[Question] = queue.Queue()
        self.last_used = time.monotonic()
        for number in range(AT_ONCE):
            threading.Thread(target=self._serve, daemon=True, name=f"relay {number}").start()

    def models(self) -> list[dict[str, Any]]:
        return listed(self.base)

    def asker(self, model: str) -> tuple[EndpointAsker, int]:
        """The System's asker and its default answer length. Raises AccessError, DataError."""
        if model not in self.askers:
            self.askers[model] = (self._put(System(name="base", base=self.base)), BARE_TOKENS) if model == "base" else self._from_run(model)
        return self.askers[model]

    def _put(self, system: System, train=(), searcher: Searcher | None = None) -> EndpointAsker:
        return EndpointAsker(system, self.client, train, searcher)

    def _from_run(self, run_id: str) -> tuple[EndpointAsker, int]:
        run = known_run(run_id)
        if not serves(self.base, run):
            raise AccessError("This System cannot be asked here", run_id, "Ask a finished run of the base that is being served")
        data, wanted = store.tasks.load(run.task), run.system.retrieval
        searcher = Searcher(wanted, store.artifacts.find(index_key(wanted, data.task))) if wanted else None
        return self._put(run.system, data.split("train"), searcher), data.task.max_new_tokens

    def _serve(self) -> None:
        while True:
            question = self.waiting.get()
            self.last_used = time.monotonic()
            try:
                self._answer(question)
            except Exception as error:  # the boundary of one request
                question.fail(error)
            else:
                question.tell(None)
            self.last_used = time.monotonic()

    def _answer(self, question: Question) -> None:
        asker, default = self.asker(question.model)
        question.max_tokens = min(question.max_tokens or default, MOST_TOKENS)
        question.asked = asker.ask(question.prompt, question.max_tokens, question.history)
        raw = ""
        for chunk in self.client.stream(question.asked.messages, question.max_tokens):
            if question.cancelled:
                break
            raw += self._piece(question, chunk)
            text = raw.lstrip()
            if len(text) > len(question.shown):
                question.first = question.first or time.perf_counter() - question.started
                question.tell(text[len(question.shown):])
                question.shown = text
        question.seconds = time.perf_counter() - question.started

    def _piece(self, question: Question, chunk: dict[str, Any]) -> str:
        """The chunk's text; what else it says is noted."""
        if error := chunk.get("error"):
            said = error.get("message", error) if isinstance(error, dict) else error
            raise ModelError(f"The endpoint broke off: {str(said)[:300]}", self.base.address, "Ask again, or see its own log")
        if isinstance(usage := chunk.get("usage"), dict):
            question.counted = usage
        choice = next((one for one in chunk.get("choices") or () if isinstance(one, dict)), {})
        question.ended = question.ended or choice.get("finish_reason") == "stop"
        words = (choice.get("delta") or {}).get("content") or ""
        return clean(words) if isinstance(words, str) else ""
