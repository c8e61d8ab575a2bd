"""Asking the searcher: one child of this process (`python -m lab search`) that keeps indexes and the embedding model warm.

Knows pipes and values, no models. The child ends with us, or when nobody has asked for a while; the next question starts another one.
Questions of all sessions take turns, so a long list of them goes in small parts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from lab import store
from lab.core import DataError, Failure, LabError, Passage, Retrieval, Task, Value, index_key
from lab.jobs import processes

ANSWERS_WITHIN = 180.0  # seconds; the first dense question loads the embedding model
TOGETHER = 16  # questions asked in one turn
LONGEST = 8_000  # letters of a question


class Found(Value):
    """What an index holds for one question. `rankings`: retriever -> (place, score) pairs, best first; `passages` by place."""

    rankings: dict[str, tuple[tuple[int, float], ...]]
    passages: dict[int, Passage]


def search(settings: Retrieval, task: Task, question: str) -> Found:
    """Every ranking of one question. Raises LabError where the index is not there or the embedder cannot be loaded."""
    return Found(**_ask(_request(settings, task, [question], whole=True))[0])


def found_documents(settings: Retrieval, task: Task, questions: Sequence[str]) -> Iterator[list[list[str]]]:
    """The documents of the settings' own ranking for each question, best first, in parts as they come. Raises LabError."""
    for start in range(0, len(questions), TOGETHER):
        yield [each[settings.retriever] for each in _ask(_request(settings, task, questions[start:start + TOGETHER]))]


def _request(settings: Retrieval, task: Task, questions: Sequence[str], whole: bool = False) -> dict[str, Any]:
    return {"key": index_key(settings, task), "settings": settings.model_dump(mode="json"), "whole": whole,
            "questions": [question[:LONGEST] for question in questions]}


class _Child:
    """The searcher's process with its two pipes. One request at a time."""

    def __init__(self) -> None:
        log = store.place("search", "searcher.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self.process = subprocess.Popen([sys.executable, "-m", "lab", "search"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            cwd=processes.ROOT, env=processes.environment(**processes.ONE_THREAD), encoding="utf-8")

    def ask(self, request: dict[str, Any]) -> str:
        """The answer's line; empty where the child has ended. One that does not answer in time is ended."""
        end = threading.Timer(ANSWERS_WITHIN, self.process.kill)
        end.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except OSError:
            return ""
        finally:
            end.cancel()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:  # what could not be sent to a process that is gone
                continue


_children: dict[str, _Child] = {}  # by workspace
_turn = threading.Lock()


def _ask(request: dict[str, Any]) -> list[Any]:
    home = str(store.home())
    with _turn:
        child = _children.get(home)
        if child is None or child.process.poll() is not None:  # none yet, or it has left, being idle
            child = _started(home)
        line = child.ask(request)
        if not line:
            _forget(home)
    return _read(line)


def _started(home: str) -> _Child:
    _forget(home)
    _children[home] = _Child()
    return _children[home]


def _forget(home: str) -> None:
    if old := _children.pop(home, None):
        old.end()


def _read(line: str) -> list[Any]:
    if not line:
        raise DataError("The searcher did not answer", processes.tail(store.place("search", "searcher.log"), 600) or "its log is empty", "Ask again")
    found = json.loads(line)
    if "failure" in found:
        raise _Refused(Failure(**found["failure"]))
    return found["answers"]


class _Refused(LabError):
    """A failure that came over the pipe, as it was."""

    def __init__(self, failure: Failure):
        super().__init__(failure.what, failure.where, failure.do)
        self.failure = failure


def end() -> None:
    """End this workspace's searcher, if there is one."""
    with _turn:
        _forget(str(store.home()))
