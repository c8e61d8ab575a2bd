"""Looking at an endpoint before anything is queued: which models it lists, and whether it answers for one. Kept for some seconds."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from lab.core import LabError, ModelError
from lab.remote.address import checked, key_for
from lab.remote.client import Client
from lab.remote.errors import Failing, Unknown, clean

SECONDS = 5.0  # for each of the two questions
PROBE_SECONDS = 30.0  # an endpoint may load the model at the first question
KEPT_GOOD, KEPT_BAD = 60.0, 10.0  # seconds for which an answer stands: a page looks at every click
MOST = 2_000  # models of one list
LONGEST_NAME = 300  # characters
NAMED = 8  # models in one sentence
CONTEXT = ("max_model_len", "context_length", "context_window", "max_context_length")
PROBE = [{"role": "user", "content": "Hello"}]


@dataclass(frozen=True)
class Listed:
    """A model that an endpoint lists. `context` in tokens; 0: not said."""

    name: str
    context: int = 0


_kept: dict[tuple, tuple[float, Any]] = {}
_guard = threading.Lock()


def look(address: str) -> tuple[Listed, ...]:
    """The models that an endpoint lists, in its order; empty where it keeps no list. Raises ModelError and AccessError."""
    address = checked(address)
    return _remembered(("look", address), lambda: _listed(address))


def verify(address: str, model: str) -> Listed:
    """The model, sure to be there: it is listed, or it answers one short question. Raises ModelError with the list, or AccessError."""
    address = checked(address)
    return _remembered(("verify", address, model), lambda: _verified(address, model))


def forget(address: str) -> None:
    """The next look asks again."""
    with _guard:
        for name in [name for name in _kept if name[1] == address]:
            del _kept[name]


def _remembered(name: tuple, find: Any) -> Any:
    """The last answer while it is fresh, a failure too. Another key in the environment is another question."""
    name = (*name, key_for(name[1]))
    with _guard:
        at, found = _kept.get(name, (float("-inf"), None))
    if time.monotonic() - at > (KEPT_BAD if isinstance(found, LabError) else KEPT_GOOD):
        try:
            found = find()
        except LabError as error:
            found = error
        with _guard:
            _kept[name] = (time.monotonic(), found)
            for old in list(_kept)[:-64]:
                del _kept[old]
    if isinstance(found, LabError):
        raise found
    return found


def _listed(address: str) -> tuple[Listed, ...]:
    client = Client(address, tries=1, wait=SECONDS)
    try:
        said = client.get("/models").get("data")
    except (Unknown, Failing):
        return ()  # not every endpoint keeps a list, or a good one; whether there is an endpoint at all, the model's first answer says
    finally:
        client.close()
    entries = [entry for entry in said if isinstance(entry, dict)][:MOST] if isinstance(said, list) else []
    return tuple(Listed(clean(entry["id"])[:LONGEST_NAME], _context(entry)) for entry in entries if isinstance(entry.get("id"), str) and entry["id"])


def _context(entry: dict[str, Any]) -> int:
    return next((entry[name] for name in CONTEXT if isinstance(entry.get(name), int) and 0 < entry[name] < 1 << 40), 0)


def _verified(address: str, model: str) -> Listed:
    listed = look(address)
    if found := next((one for one in listed if one.name == model), None):
        return found
    client = Client(address, model, tries=1, wait=PROBE_SECONDS)
    try:
        client.complete(PROBE, 1)
    except ModelError as error:
        if not listed:
            raise
        names = ", ".join(one.name for one in listed[:NAMED]) + (f" and {len(listed) - NAMED} more" if len(listed) > NAMED else "")
        raise ModelError(f"The endpoint does not answer for this model: {error.failure.what}", f"{address}, model {model}",
                         f"It lists: {names}") from error
    finally:
        client.close()
    return Listed(model)
