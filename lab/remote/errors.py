"""What an endpoint's refusals mean, in the lab's words. No body that is not the protocol's own is ever shown."""

from __future__ import annotations

import json

from lab.core import AccessError, LabError, ModelError
from lab.remote.address import OWN_ADDRESS, OWN_KEY, Key

SHOWN = 300  # characters of an endpoint's own words
ITEM = (400, 413, 422)  # about this one request: the next may do


class Refused(ModelError):
    """The endpoint would not answer this one request."""


class Unknown(ModelError):
    """Nothing of this name stands at the address."""


class Failing(ModelError):
    """The endpoint itself went wrong."""


def message_of(body: bytes, key: Key | None) -> str:
    """The endpoint's own words where it speaks the protocol, in one line and without the key; else nothing."""
    try:
        said = json.loads(body)
        found = said.get("error", said.get("detail", said.get("message", ""))) if isinstance(said, dict) else ""
        found = found.get("message", "") if isinstance(found, dict) else found
    except (ValueError, RecursionError):
        return ""
    words = " ".join((found if isinstance(found, str) else json.dumps(found)).split())
    return clean(words.replace(key.value, "…") if key else words)[:SHOWN]


def clean(text: str) -> str:
    """Without halves of surrogate pairs, which JSON may hold and no file can."""
    return text.encode("utf-8", "replace").decode("utf-8")


def of_status(status: int, body: bytes, address: str, model: str, key: Key | None) -> LabError:
    """The error for an answer that is no success."""
    said = message_of(body, key)
    words = f": {said}" if said else ""
    if status in (401, 403):
        how = f"it was sent the key in {key.name}" if key else "no key was sent"
        return AccessError(f"The endpoint refuses access ({status}); {how}", address,
                           f"Set {OWN_KEY} (and {OWN_ADDRESS} for an address elsewhere) in the environment that starts the lab. Runs read "
                           "it from the supervisor, which ends by itself when idle and starts anew with the next launch")
    if 300 <= status < 400:
        return ModelError(f"The endpoint sends its callers elsewhere ({status}), where nothing is sent from here", address,
                          "Give the final address")
    if status in ITEM:
        return Refused(f"The endpoint refuses the request ({status}){words}", f"{address}, model {model}" if model else address,
                       "If the prompt is too long: fewer shots or passages. If it takes no system message: leave the instruction empty. If "
                       "its temperature cannot be 0: choose another model, as only greedy answers are compared")
    if status == 429:
        return ModelError(f"The endpoint asks for fewer questions again and again (429){words}", address, "Resume the run later")
    if status >= 500:
        return Failing(f"The endpoint fails again and again ({status}){words}", address, "See its own log, then resume the run")
    do = "Check the address and the model's name" if address.endswith("/v1") else "The address of most endpoints ends in /v1"
    return Unknown(f"The endpoint does not know what it is asked for ({status}){words}", f"{address}, model {model}" if model else address, do)


def not_the_protocol(address: str) -> ModelError:
    return ModelError("What answers here does not speak the OpenAI protocol", address,
                      "Give the address under which /models and /chat/completions stand; most end in /v1")
