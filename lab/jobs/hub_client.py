"""Speaks to a hub over HTTP: its address and the token come from the environment only, and every refusal becomes words.

The token goes to the hub's own address alone: a redirect to another host goes without it. It is never written, logged or shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import httpx

from lab.core import AccessError, DataError, LabError

PUBLIC = "https://huggingface.co"
WAIT = httpx.Timeout(20.0, connect=5.0)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WITHOUT = "Use a shipped base, a checkpoint of your own, a downloaded model or a local folder"
ANSWER_LIMIT = 64 << 20  # bytes of a listing or a settings file
_NOTHING = re.compile(r"(?i)^(0|false|no|off|)$")


def endpoint() -> str:
    """The hub's address (HF_ENDPOINT, or the public one). Raises AccessError where it is no plain address."""
    said = (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")
    try:
        parts = urlsplit(said)
        well = parts.scheme in ("http", "https") and parts.hostname and not (parts.username or parts.password or parts.query or parts.fragment)
    except ValueError:
        well = False
    if not well:
        raise AccessError("HF_ENDPOINT is not the address of a hub", "environment", "Give it as https://host, without a name or a password in it")
    return said


def token() -> str:
    """The token (HF_TOKEN), or nothing. Raises AccessError where it cannot be one."""
    said = (os.environ.get("HF_TOKEN") or "").strip()
    if said and not re.fullmatch(r"[\x21-\x7e]{1,500}", said):
        raise AccessError("HF_TOKEN holds signs that no token has", "environment", "Set it again, without spaces and line breaks")
    return said


def offline() -> bool:
    """Whether the environment forbids to ask a hub (HF_HUB_OFFLINE)."""
    return not _NOTHING.match(os.environ.get("HF_HUB_OFFLINE", ""))


@contextmanager
def client() -> Iterator[httpx.Client]:
    """A client of the hub for as long as the block lasts. Raises AccessError where the hub may not be asked; what the network does inside
    becomes one too."""
    if offline():
        raise AccessError("No hub is asked, because HF_HUB_OFFLINE is set", "environment", f"{WITHOUT}; or unset it and start the app again")
    address, secret = endpoint(), token()
    encrypted = address.startswith("https:")
    if secret and not encrypted and urlsplit(address).hostname not in LOOPBACK:
        raise AccessError("The hub's address is not encrypted, so the token is not sent there", address, "Give HF_ENDPOINT an https address, or unset HF_TOKEN")

    def guard(request: httpx.Request) -> None:
        if encrypted and request.url.scheme != "https":
            raise AccessError("The hub sends us on to an address that is not encrypted", address, "Use another hub")

    headers = {"User-Agent": "lever-lab", "Accept-Encoding": "identity", **({"Authorization": f"Bearer {secret}"} if secret else {})}
    try:
        with httpx.Client(headers=headers, timeout=WAIT, follow_redirects=True, max_redirects=5, event_hooks={"request": [guard]}) as found:
            yield found
    except httpx.HTTPError as error:  # its own words may quote headers, so only its kind is told
        raise unreachable(error) from None


def unreachable(error: Exception) -> AccessError:
    return AccessError(f"The hub cannot be reached ({type(error).__name__})", endpoint(), f"{WITHOUT}; or try again when the network is there")


def path_of(kind: str, repository: str, commit: str, name: str) -> str:
    """The address of a file. The parts were checked; they are quoted all the same."""
    folder = "datasets/" if kind == "dataset" else ""
    return f"{endpoint()}/{folder}{repository}/resolve/{quote(commit, safe='')}/{quote(name)}"


def listing_of(kind: str, repository: str, revision: str) -> str:
    """The address of what the hub knows about a revision, with sizes and checksums."""
    return f"{endpoint()}/api/{kind}s/{repository}/revision/{quote(revision, safe='')}?blobs=true"


def body(asked: httpx.Client, address: str, where: str) -> bytes:
    """A small answer, whole. Raises LabError for refusals and for an answer without end."""
    with asked.stream("GET", address) as response:
        demand_well(response, where)
        found = bytearray()
        for piece in response.iter_bytes():
            found += piece
            if len(found) > ANSWER_LIMIT:
                raise DataError("The hub's answer does not end", where, "Choose another repository, or another hub")
        return bytes(found)


def demand_well(response: httpx.Response, where: str) -> None:
    """Raises what a refusal means, in words, with the way out."""
    if response.status_code >= 400:
        raise _refusal(response, where)


def _refusal(response: httpx.Response, where: str) -> LabError:
    status, code = response.status_code, response.headers.get("X-Error-Code", "")
    if code == "RevisionNotFound":
        return DataError("The repository has no such revision", where, "Give a branch (main), a tag or a commit of it")
    if code == "GatedRepo" or status == 403:
        has = "its conditions were not accepted with this token" if token() else "no token is set"
        return AccessError(f"The repository is gated and {has}", where,
                           "Accept its conditions on the hub's page, set HF_TOKEN in the environment and start the app again")
    if status == 401:
        return AccessError("The hub shows no such repository: the id is wrong, or it is private", where,
                           "Check the id (owner/name); for a private one set HF_TOKEN in the environment and start the app again")
    if status == 404:
        return DataError("The hub does not have this", where, "Check the id (owner/name) and the revision")
    if status == 429:
        return AccessError("The hub asks us to wait: too many requests", where, "Try again in a few minutes; with HF_TOKEN set the limits are wider")
    return AccessError(f"The hub answers with error {status}", where, "Try again later")
