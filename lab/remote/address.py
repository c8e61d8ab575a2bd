"""Addresses of endpoints, and the key that may be sent to one.

A key is read from the environment when it is needed and is bound to an origin (scheme, host, port): whoever may type an address into a
page must not be able to have the key sent there.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from lab.core import AccessError, ModelError

OWN_KEY, OWN_ADDRESS = "LAB_ENDPOINT_KEY", "LAB_ENDPOINT_ADDRESS"
JUDGE_KEY, JUDGE_ADDRESS = "LAB_JUDGE_KEY", "LAB_JUDGE_ADDRESS"
OPENAI_KEY, OPENAI_ADDRESS = "OPENAI_API_KEY", "OPENAI_BASE_URL"
OPENAI = "https://api.openai.com/v1"
EXAMPLE = "Write it like http://127.0.0.1:8000/v1 or https://host.example/v1"
PORTS = {"http": 80, "https": 443}
VERB = "/chat/completions"


@dataclass(frozen=True)
class Key:
    """A bearer token and the variable that it came from. The value never shows in a representation."""

    name: str
    value: str = field(repr=False)


def checked(address: str) -> str:
    """The address in its one spelling: lower-case host, no usual port, no slash at the end. Raises ModelError where it is none."""
    text = address.strip()
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ModelError("This is no address of an endpoint", _shown(text), EXAMPLE) from error
    if parts.scheme not in PORTS or not host or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise ModelError("This is no address of an endpoint", _shown(text), EXAMPLE)
    if "@" in parts.netloc:
        raise ModelError("The address holds a name or a password", host, f"Leave them out; a key comes from the environment ({OWN_KEY})")
    if parts.query or parts.fragment:
        raise ModelError("The address has a part behind ? or #, which no endpoint needs", host, EXAMPLE)
    if _is_link_local(host):
        raise ModelError("Link-local addresses are not asked: clouds keep their machines' secrets there", host, EXAMPLE)
    shown = f"[{host}]" if ":" in host else host
    place = f":{port}" if port is not None and port != PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{shown}{place}{parts.path.rstrip('/').removesuffix(VERB)}"


def _shown(text: str) -> str:
    """What was typed, without what may be a password in it."""
    return text.rpartition("@")[2][:80]


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts: SplitResult = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


def _owner(variable: str, usual: str = "") -> str:
    """The address that a key belongs to; empty where the variable names none that is one."""
    try:
        return checked(os.environ.get(variable, "").strip() or usual)
    except ModelError:
        return ""


def usual_address() -> str:
    """What to propose in a form: the address that the environment names, if it does."""
    return _owner(OWN_ADDRESS)


def key_for(address: str) -> Key | None:
    """The key that is sent to a checked address, or None. LAB_ENDPOINT_KEY belongs to LAB_ENDPOINT_ADDRESS, or without it to this machine's
    own addresses; LAB_JUDGE_KEY likewise to LAB_JUDGE_ADDRESS; OPENAI_API_KEY to OPENAI_BASE_URL, or without it to api.openai.com. Raises
    AccessError where it would travel unencrypted."""
    found = _key(address)
    if found and urlsplit(address).scheme == "http" and not is_loopback(address):
        raise AccessError(f"The key in {found.name} would be sent unencrypted", address, "Use https, or a tunnel to an address of this machine")
    return found


def _key(address: str) -> Key | None:
    own = [(name, os.environ.get(name, "").strip(), _owner(owner)) for name, owner in ((OWN_KEY, OWN_ADDRESS), (JUDGE_KEY, JUDGE_ADDRESS))]
    for name, value, meant in sorted(own, key=lambda one: not one[2]):  # who names an address goes before who means this machine
        if value and (_origin(meant) == _origin(address) if meant else is_loopback(address)):
            return Key(name, value)
    openai = os.environ.get(OPENAI_KEY, "").strip()
    if openai and _origin(_owner(OPENAI_ADDRESS, OPENAI)) == _origin(address):
        return Key(OPENAI_KEY, openai)
    return None


def key_status(address: str) -> str:
    """One sentence on which key is sent to a checked address and why; never the key."""
    try:
        found = key_for(address)
    except AccessError as error:
        return error.failure.sentence()
    if found:
        return f"The key in {found.name} is sent."
    if os.environ.get(OWN_KEY):
        return f"No key is sent: {OWN_KEY} belongs to {_owner(OWN_ADDRESS) or 'addresses of this machine'}. {OWN_ADDRESS} says where it may go."
    if os.environ.get(OPENAI_KEY):
        return f"No key is sent: {OPENAI_KEY} belongs to {_owner(OPENAI_ADDRESS, OPENAI)}. For other addresses set {OWN_KEY} and {OWN_ADDRESS}."
    return f"No key is sent: {OWN_KEY} is not set where the lab was started."
