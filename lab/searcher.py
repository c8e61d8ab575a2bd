"""The searcher: builds search indexes, and answers questions to them over lines of JSON. Wires retrieval and the store.

A run, the Retrieval page and the shell all come here for an index, so that equal settings over equal documents are indexed once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import OrderedDict
from typing import Any, TextIO

from lab import store
from lab.core import DataError, Retrieval, TaskData, failure_of, index_key
from lab.jobs import indexing
from lab.methods.retrieval import Report, Searcher, build_index

IDLE_SECONDS = 600.0
WARM = 6  # indexes held in memory; the one that was not asked for longest goes
TELL_SECONDS = 0.3


def index_of(settings: Retrieval, data: TaskData, report: Report = lambda part, done, total: None) -> Searcher:
    """The searcher of a System's index, which is built where nobody has built an equal one. Raises DataError or ModelError."""
    key = index_key(settings, data.task)
    with store.artifacts.only_maker(key):
        if store.artifacts.find(key) is None:
            with store.artifacts.making(key, {"kind": "index", "settings": settings.model_dump(mode="json")}) as folder:
                tokenizer = store.bases.tokenizer_folder(settings.tokenizer) if settings.chunking == "tokens" else None
                build_index(settings, data.documents, folder, report, tokenizer)
    return Searcher(settings, store.artifacts.find(key))


# building, as a process ---------------------------------------------------------------------------------------------------------


def build(task: str, settings: Retrieval, say: Report = lambda part, done, total: None) -> int:
    """Build a task's index and announce the progress; returns the number of passages. SIGTERM ends it and leaves nothing."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    data = store.tasks.load(task)
    key = index_key(settings, data.task)
    try:
        indexing.announce(key)
        with indexing.turn():
            found = index_of(settings, data, _Teller(key, say))
    except Exception as error:
        indexing.announce(key, failure=failure_of(error, where=data.task.name).model_dump(mode="json"))
        raise
    except BaseException:  # cancelled
        indexing.withdraw(key)
        raise
    indexing.withdraw(key)
    return len(found.passages)


class _Teller:
    """Announces progress a few times a second, and always where a new part begins."""

    def __init__(self, key: str, say: Report):
        self.key, self.say, self.part, self.last = key, say, "", 0.0

    def __call__(self, part: str, done: int, total: int) -> None:
        if part != self.part or time.monotonic() - self.last > TELL_SECONDS:
            self.part, self.last = part, time.monotonic()
            indexing.announce(self.key, part=part, done=done, total=total)
            self.say(part, done, total)


# answering, as a process --------------------------------------------------------------------------------------------------------


def serve(idle_seconds: float = IDLE_SECONDS) -> None:
    """Answer lines of JSON from stdin on stdout until the input ends or nobody has asked for a while.

    A request names an index `key`, its `settings` and `questions`; with `whole` the passages come too, else their documents alone.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    desk = _Desk(idle_seconds)
    threading.Thread(target=desk.leave_when_idle, daemon=True).start()
    for line in sys.stdin:
        desk.answer(line, out)


class _Desk:
    """The warm indexes, and when they were asked last."""

    def __init__(self, idle_seconds: float):
        self.idle_seconds, self.last, self.busy = idle_seconds, time.monotonic(), False
        self.warm: OrderedDict[str, Searcher] = OrderedDict()

    def leave_when_idle(self) -> None:
        while self.busy or time.monotonic() - self.last < self.idle_seconds:
            time.sleep(min(5.0, self.idle_seconds / 4))
        os._exit(0)  # the main thread waits in a read that nothing interrupts

    def answer(self, line: str, out: TextIO) -> None:
        self.busy = True
        try:
            found: dict[str, Any] = {"answers": self._found(json.loads(line))}
        except Exception as error:  # the boundary: whoever asked gets the reason, the next one gets an answer
            found = {"failure": failure_of(error, where="search").model_dump(mode="json")}
        out.write(json.dumps(found) + "\n")
        out.flush()
        self.last, self.busy = time.monotonic(), False

    def _found(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        searcher = self._searcher(request["key"], Retrieval(**request["settings"]))
        return [(_whole if request.get("whole") else _documents)(searcher, question) for question in request["questions"]]

    def _searcher(self, key: str, settings: Retrieval) -> Searcher:
        if key not in self.warm:
            folder = store.artifacts.find(key)
            if folder is None:
                raise DataError("The index is missing or damaged", key, "Build it again")
            self.warm[key] = Searcher(settings, folder)
        self.warm.move_to_end(key)
        while len(self.warm) > WARM:
            self.warm.popitem(last=False)
        return self.warm[key]


def _whole(searcher: Searcher, question: str) -> dict[str, Any]:
    """Every ranking as (place, score) pairs, and the passages at these places."""
    rankings = searcher.rankings(question)
    places = sorted({place for ranking in rankings.values() for place, _ in ranking})
    return {"rankings": rankings, "passages": {place: searcher.passages[place].model_dump(mode="json") for place in places}}


def _documents(searcher: Searcher, question: str) -> dict[str, list[str]]:
    """The documents of each ranking's passages, best first."""
    return {name: [searcher.passages[place].document for place, _ in ranking] for name, ranking in searcher.rankings(question).items()}
