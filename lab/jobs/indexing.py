"""Search indexes: which are there, building one in a process of its own with progress, cancelling it. Knows folders and pids, no models.

The builder (`python -m lab index`) is detached: it outlives the page and the app. What it has done stands in search/<index key>.json,
so every session sees the same progress. One index is built at a time; the others wait for it.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock

from lab import store
from lab.core import Failure, Retrieval, Task, Value, index_key
from lab.jobs import processes

FOLDER = "search"
LEAVE = 5.0  # seconds for a cancelled builder to end by itself


class Index(Value):
    """One index as it stands. `part` says what `done` and `total` count: documents that are cut, or passages that are indexed."""

    key: str
    state: Literal["missing", "waiting", "building", "ready", "failed"] = "missing"
    part: str = ""
    done: int = 0
    total: int = 0
    failure: Failure | None = None

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "building")


def look(settings: Retrieval, task: Task) -> Index:
    """How far the index of these settings over this task's documents is."""
    key = index_key(settings, task)
    if _complete(key):
        return Index(key=key, state="ready")
    about = _read(key)
    if about is None:
        return Index(key=key)
    if about.get("failure"):
        return Index(key=key, state="failed", failure=Failure(**about["failure"]))
    if not processes.alive(about["pid"], about["pid_created"]):
        return Index(key=key, state="failed", failure=Failure(
            kind="lab", what="The process that built the index ended without a word", where=processes.tail(_log(key), 600), do="Build it again"))
    counted = {name: about[name] for name in ("part", "done", "total") if name in about}
    return Index(key=key, state="building" if counted else "waiting", **counted)


def _complete(key: str) -> bool:
    path = store.place("artifacts", key) / "manifest.json"
    return path.is_file() and _checked(key, path.parent, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _checked(key: str, folder: Path, stamp: int) -> bool:
    """Every byte is read once per manifest, not at every look."""
    return store.artifacts.find(key) is not None


def build(settings: Retrieval, task: Task) -> None:
    """Start building in the background, unless the index is there or under way."""
    key = index_key(settings, task)
    with FileLock(_path(key, "lock")):
        if look(settings, task).state in ("ready", "waiting", "building"):
            return
        _log(key).unlink(missing_ok=True)
        process = processes.start_detached(["-m", "lab", "index", task.id, "--settings", settings.model_dump_json(exclude_defaults=True)],
                                           _log(key), **processes.ONE_THREAD)
        try:
            announce(key, process.pid)
        except psutil.Error:  # it has ended already: its own word, or the next look, says how
            return


def cancel(settings: Retrieval, task: Task) -> None:
    """End the builder of this index, if one lives, and leave nothing of what it made. A whole index stays."""
    key = index_key(settings, task)
    about = _read(key) or {}
    processes.dismiss(about.get("pid"), about.get("pid_created"), LEAVE)
    store.artifacts.sweep(key)
    _path(key, "json").unlink(missing_ok=True)
    _log(key).unlink(missing_ok=True)


# the builder's own side ---------------------------------------------------------------------------------------------------------


def announce(key: str, pid: int | None = None, **about: Any) -> None:
    """Say who builds the index and how far it is."""
    pid = pid or os.getpid()
    store.files.write_json(_path(key, "json"), {"pid": pid, "pid_created": processes.started(pid), **about})


def withdraw(key: str) -> None:
    """The index is whole: its own manifest says so from now on."""
    _path(key, "json").unlink(missing_ok=True)


def turn() -> FileLock:
    """Held by the one that builds."""
    return FileLock(_path("building", "lock"))


def _path(name: str, kind: str) -> Path:
    path = store.place(FOLDER, f"{name}.{kind}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _log(key: str) -> Path:
    return _path(key, "log")


def _read(key: str) -> dict[str, Any] | None:
    try:
        return store.files.read_json(_path(key, "json"))
    except (OSError, ValueError):
        return None
