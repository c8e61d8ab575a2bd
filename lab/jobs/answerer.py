"""The answerer's process: find a living one, start one, ask it to give the device back. Knows no HTTP beyond a connection.

The answerer itself (`python -m lab serve --base <shipped name or folder>`) picks its port and token and calls `announce` when it
can answer; its file, readable by its owner alone, is the only place where the token stands.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from filelock import FileLock
from filelock import Timeout as LockTimeout

from lab import store
from lab.core import Base, ModelError, Value
from lab.jobs import keys, processes

READY = 90.0  # seconds for an answerer to load its base
LEAVE = 10.0  # seconds for it to end after SIGTERM


class Answerer(Value):
    """Where it answers (http://127.0.0.1:port) and the bearer token it wants."""

    address: str
    token: str


def _folder() -> Path:
    path = store.home() / "answerer"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _file(fingerprint: str) -> Path:
    store.place("answerer", fingerprint)  # refuses what is no id
    return _folder() / f"{fingerprint}.json"


def announce(fingerprint: str, address: str, token: str) -> None:
    """Called by the answerer itself once it can answer."""
    path = _file(fingerprint)
    store.files.write_json(path, {"address": address, "token": token, "pid": os.getpid(), "pid_created": processes.started()})
    path.chmod(0o600)


def withdraw(fingerprint: str) -> None:
    """Called by the answerer when it ends; another's announcement stays."""
    about = _read(_file(fingerprint))
    if about and about["pid"] == os.getpid():
        _file(fingerprint).unlink(missing_ok=True)


def _read(path: Path) -> dict | None:
    try:
        return store.files.read_json(path)
    except (OSError, ValueError):
        return None


def living(fingerprint: str) -> Answerer | None:
    """The answerer of a base, where one lives and takes connections."""
    about = _read(_file(fingerprint))
    if not about or not processes.alive(about["pid"], about["pid_created"]) or not _connects(about["address"]):
        return None
    return Answerer(address=about["address"], token=about["token"])


def _connects(address: str) -> bool:
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except OSError:
        return False
    return True


def ensure(base: Base) -> Answerer:
    """The base's answerer, started where none lives. Two callers get the same one. Raises ModelError with its log's end."""
    found = living(base.fingerprint)
    if found:
        return found
    log = _folder() / f"{base.fingerprint}.log"
    try:
        with FileLock(_folder() / f"{base.fingerprint}.lock", timeout=READY + 10):
            return living(base.fingerprint) or _started(base, log)
    except LockTimeout as error:
        raise _not_ready(log) from error


def _started(base: Base, log: Path) -> Answerer:
    _end([about for about in [_read(_file(base.fingerprint))] if about])  # one that lives and does not answer
    _file(base.fingerprint).unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    process = processes.start_detached(command(base), log, () if store.bases.has_files(base) else keys.ENDPOINTS)
    processes.wait_for(lambda: living(base.fingerprint) is not None, READY, meanwhile=lambda: process.poll() is None)
    found = living(base.fingerprint)
    if found is None:
        for member in processes.family(process.pid if process.poll() is None else None):
            processes.send(member, "kill")
        raise _not_ready(log)
    return found


def command(base: Base) -> list[str]:
    """What Python is asked to run. A made or downloaded base is given as its folder."""
    if not store.bases.has_files(base):
        return ["-m", "lab", "serve", f"--endpoint={base.address}", f"--model={base.ref}"]
    return ["-m", "lab", "serve", "--base", str(store.bases.folder_of(base)) if base.kind in ("made", "hub") else base.ref]


def _not_ready(log: Path) -> ModelError:
    return ModelError("The model could not be made ready to answer", processes.tail(log, 1_500) or "its log is empty",
                      "See the log's end above; training that uses the device can be the reason, or memory")


def end(fingerprint: str) -> int:
    """End the answerer of one base. Returns how many there were."""
    return _end([about for about in [_read(_file(fingerprint))] if about])


def give_back() -> int:
    """End every living answerer of the workspace, so that the device is free. Returns how many there were."""
    root = store.home() / "answerer"
    found = [about for path in root.glob("*.json") if (about := _read(path))] if root.is_dir() else []
    return _end(found)


def _end(found: list[dict]) -> int:
    """SIGTERM, and after a while the end of the whole tree."""
    living_ones = [about for about in found if processes.alive(about["pid"], about["pid_created"])]
    families = [processes.family(about["pid"]) for about in living_ones]
    for members in families:
        for process in members[:1]:
            processes.send(process, "terminate")
    deadline = time.monotonic() + LEAVE
    for members in families:
        _, left = psutil.wait_procs(members, timeout=max(0.0, deadline - time.monotonic()))
        for process in left:
            processes.send(process, "kill")
    return len(living_ones)
