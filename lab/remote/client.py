"""Asking one model behind an endpoint: greedy chat completions, tried again with patience where that can help.

One Client serves several threads. Answers are bounded in size and time; redirects are never followed.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence

import httpx

from lab.core import ModelError
from lab.remote.address import checked, is_loopback, key_for
from lab.remote.errors import Refused, clean, not_the_protocol, of_status
from lab.remote.patience import Again, asked_wait, patiently

Messages = Sequence[dict[str, str]]
TRIES = 6  # about twenty seconds of patience where nobody asks for more
CONNECT, READ, WHOLE = 5.0, 120.0, 600.0  # seconds: to connect, between two pieces, for one answer
LARGEST = 8 << 20  # bytes of one answer
SEED = 0
AGAIN = (408, 409, 425, 429)  # and everything from 500 on
ENDED = {"stop": True, "length": False}

__all__ = ["Client", "Refused", "Reply"]


@dataclass(frozen=True)
class Reply:
    """One answer. Tokens are None where the endpoint does not count them; `ended` is None where it does not say why it stopped.
    `seconds`: of the request that was answered, waits before it left out."""

    text: str
    prompt_tokens: int | None
    answer_tokens: int | None
    ended: bool | None
    seconds: float


class Client:
    """Raises ModelError for an address that is none and AccessError where the key would travel unencrypted.

    should_stop is looked at while waiting; it ends a wait with Stopped. tries 1: no patience; wait: seconds to connect and to answer.
    """

    def __init__(self, address: str, model: str = "", should_stop: Callable[[], bool] = lambda: False, tries: int = TRIES,
                 wait: float | None = None):
        self.address, self.model, self.should_stop, self.tries = checked(address), model, should_stop, tries
        self.key = key_for(self.address)
        self._limit, self._seeded = "max_tokens", True  # how this endpoint wants it; learnt from its refusals
        self._whole = wait or WHOLE
        # Proxies of the environment are for addresses elsewhere: what goes to this machine must not travel.
        self._http = httpx.Client(timeout=httpx.Timeout(wait or READ, connect=wait or CONNECT), follow_redirects=False,
                                  trust_env=not is_loopback(self.address),
                                  headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self.key.value}"} if self.key else {}))

    def close(self) -> None:
        self._http.close()

    def _patiently(self, once: Callable[[], Any]) -> Any:
        return patiently(once, self.tries, self.should_stop)

    def get(self, path: str) -> dict[str, Any]:
        """A JSON object. Raises ModelError or AccessError."""
        return self._patiently(lambda: self._whole_answer("GET", path, None))

    def complete(self, messages: Messages, max_tokens: int) -> Reply:
        """The greedy answer. Raises Refused where the endpoint would not take these messages, ModelError and AccessError otherwise."""
        def once() -> Reply:
            begun = time.monotonic()
            return self._reply(self._whole_answer("POST", "/chat/completions", self._body(messages, max_tokens)), time.monotonic() - begun)
        return self._patiently(self._adapting(once))

    def stream(self, messages: Messages, max_tokens: int) -> Iterator[dict[str, Any]]:
        """The chunks of the greedy answer as they come. Raises as `complete`; a stream that has begun is not tried again."""
        def once() -> tuple[httpx.Response, Iterator[str]]:
            body = self._body(messages, max_tokens) | {"stream": True}
            response = self._sent("POST", "/chat/completions", body)
            return response, response.iter_lines()
        response, lines = self._patiently(self._adapting(once))
        read, deadline = 0, time.monotonic() + self._whole
        try:
            for line in lines:
                read += len(line)
                if read > LARGEST or time.monotonic() > deadline:
                    raise ModelError("The endpoint's answer does not end", self.address, "Ask for fewer tokens")
                if line.startswith("data:") and line[5:].strip() != "[DONE]":
                    yield self._object(line[5:])
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            response.close()

    def _body(self, messages: Messages, max_tokens: int) -> dict[str, Any]:
        body = {"model": self.model, "messages": list(messages), "temperature": 0, self._limit: max_tokens}
        return body | ({"seed": SEED} if self._seeded else {})

    def _adapting(self, once: Callable[[], Any]) -> Callable[[], Any]:
        """Once more where the endpoint only wants the limit under its newer name, or no seed."""
        def adapted() -> Any:
            for _ in range(2):
                before = (self._limit, self._seeded)
                try:
                    return once()
                except Refused as error:
                    said = error.failure.what
                    self._limit = "max_completion_tokens" if "max_completion_tokens" in said else self._limit
                    self._seeded = self._seeded and "seed" not in said.lower()
                    if before == (self._limit, self._seeded):
                        raise
            return once()
        return adapted

    def _reply(self, said: dict[str, Any], seconds: float) -> Reply:
        try:
            choice, usage = said["choices"][0], said.get("usage") or {}
            text = choice["message"].get("content") or ""
            if not isinstance(text, str):
                raise TypeError
            return Reply(clean(text), _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"), ENDED.get(choice.get("finish_reason")),
                         seconds)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise not_the_protocol(self.address) from error

    # one request ---------------------------------------------------------------------------------------------------------

    def _sent(self, verb: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        """A response whose status is good and whose body is still to be read. Raises Again where another try may help."""
        try:
            response = self._http.send(self._http.build_request(verb, self.address + path, json=body), stream=True)
            if response.status_code == 200:
                return response
            said, status = self._read(response), response.status_code
        except httpx.HTTPError as error:
            raise Again(self._unreachable(error)) from error
        error = of_status(status, said, self.address, self.model, self.key)
        raise Again(error, asked_wait(response.headers.get("retry-after", ""))) if status in AGAIN or status >= 500 else error

    def _whole_answer(self, verb: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        response = self._sent(verb, path, body)
        try:
            return self._object(self._read(response))
        except httpx.HTTPError as error:
            raise Again(self._unreachable(error)) from error

    def _read(self, response: httpx.Response) -> bytes:
        """The body, within the bounds."""
        read, deadline = bytearray(), time.monotonic() + self._whole
        try:
            for piece in response.iter_bytes():
                read += piece
                if len(read) > LARGEST or time.monotonic() > deadline:
                    raise ModelError("The endpoint's answer does not end", self.address, "Check what answers at this address")
        finally:
            response.close()
        return bytes(read)

    def _object(self, text: bytes | str) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise not_the_protocol(self.address) from error
        if not isinstance(found, dict):
            raise not_the_protocol(self.address)
        return found

    def _unreachable(self, error: httpx.HTTPError) -> ModelError:
        slow = isinstance(error, httpx.TimeoutException)
        return ModelError("The endpoint does not answer in time" if slow else f"The endpoint cannot be reached ({type(error).__name__})",
                          self.address, "See whether it runs and whether this machine may reach it")


def _count(usage: dict[str, Any], name: str) -> int | None:
    found = usage.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None
