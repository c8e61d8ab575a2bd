"""Asking several Systems at once: an ordinary client of the answerer's OpenAI protocol. Threads fill, the page reads.

Knows HTTP and nothing of models. An Asking lives in the process under an id; the session keeps only that id.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Iterator

import httpx

from lab.core import Base, LabError, Passage
from lab.jobs import answerer

WAIT = httpx.Timeout(10.0, read=120.0)  # the first question of a System loads its adapter
KEPT = 32  # askings held in memory; the oldest go


@dataclass
class Reply:
    """One System's answer as it grows."""

    system: str
    model: str
    text: str = ""
    done: bool = False
    problem: str = ""
    cut: bool = False  # it ran into the length limit
    first: float | None = None
    seconds: float | None = None
    prompt: str = ""
    passages: tuple[Passage, ...] = ()
    started: float = field(default_factory=time.monotonic)


@dataclass
class Asking:
    """One question to several Systems."""

    question: str
    base: Base
    replies: list[Reply]
    files: dict[str, str] = field(default_factory=dict)  # a document's id -> its name
    state: str = "starting"  # starting: the answerer loads its base; answering; done; failed
    problem: LabError | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def active(self) -> bool:
        return self.state in ("starting", "answering")


_askings: dict[str, Asking] = {}
_guard = threading.Lock()


def ask(question: str, base: Base, models: dict[str, str], files: dict[str, str] | None = None) -> str:
    """Begin asking (System's name -> model name) and return at once with the asking's id. `files` names the documents."""
    asking = Asking(question, base, [Reply(system, model) for system, model in models.items()], files or {})
    name = uuid.uuid4().hex
    with _guard:
        _askings[name] = asking
        for old in list(_askings)[:-KEPT]:
            _askings.pop(old).stopped.set()
    threading.Thread(target=_run, args=(asking,), daemon=True).start()
    return name


def find(name: str | None) -> Asking | None:
    return _askings.get(name or "")


def stop(asking: Asking) -> None:
    """Closing the stream tells the answerer to stop writing."""
    asking.stopped.set()


def _run(asking: Asking) -> None:
    try:
        place = answerer.ensure(asking.base)
    except LabError as error:
        asking.problem, asking.state = error, "failed"
        return
    asking.state = "answering"
    threads = [threading.Thread(target=_stream, args=(asking, reply, place), daemon=True) for reply in asking.replies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asking.state = "done"


def _stream(asking: Asking, reply: Reply, place: Any) -> None:
    body = {"model": reply.model, "stream": True, "messages": [{"role": "user", "content": asking.question}]}
    reply.started = time.monotonic()
    try:
        with httpx.Client(base_url=place.address, timeout=WAIT, headers={"Authorization": f"Bearer {place.token}"}) as client, \
                client.stream("POST", "/v1/chat/completions", json=body) as response:
            if response.status_code != 200:
                response.read()
                reply.problem = _message(response)
                return
            for piece in _events(response):
                _take(reply, piece)
                if asking.stopped.is_set():
                    return
    except httpx.HTTPError as error:
        reply.problem = f"The answerer cannot be reached ({type(error).__name__}). Training may have taken the device; ask again."
    finally:
        reply.seconds = reply.seconds or time.monotonic() - reply.started
        reply.done = True


def _events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The JSON of each server-sent event."""
    for line in response.iter_lines():
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[len("data: "):])


def _take(reply: Reply, piece: dict[str, Any]) -> None:
    if "error" in piece:
        reply.problem = str(piece["error"].get("message", piece["error"]))
        return
    for choice in piece.get("choices", []):
        if words := choice.get("delta", {}).get("content"):
            reply.first = reply.first or time.monotonic() - reply.started
            reply.text += words
        reply.cut = reply.cut or choice.get("finish_reason") == "length"
    if about := piece.get("lever_lab"):
        reply.prompt = about.get("prompt", "")
        reply.passages = tuple(Passage(**passage) for passage in about.get("passages") or ())
        reply.seconds, reply.first = about.get("seconds"), about.get("first_token_seconds") or reply.first


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The answerer said {response.status_code}"
