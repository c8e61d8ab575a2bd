"""The supervisor's folder in the workspace: its lock, its settings, whether it lives, and how to wake it.

Whoever queues something calls `ping` and then `ensure_supervisor`, in this order: a supervisor that is about to end says so
first and looks at the queue afterwards, so that a run is either seen by the old one or starts a new one.
"""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock
from pydantic import Field, ValidationError

from lab import store
from lab.core import LabError, Value
from lab.jobs import keys, processes

LOG_LIMIT = 4 << 20  # bytes of the supervisor's log; one older part is kept
PATIENCE = 20.0  # seconds for a new supervisor to say that it lives


class Settings(Value):
    """What the supervisor may use."""

    slots: int = Field(1, ge=1, le=64, description="Runs at a time on a machine without a GPU. Each needs its own core and memory.")
    idle_seconds: float = Field(900, gt=0, description="The supervisor ends after this time without work; the next launch starts it.")
    stop_seconds: float = Field(20, gt=0, description="Seconds that a run has to stop by itself before its processes are killed.")
    keep_seconds: float = Field(120, gt=0, description="The same where the work so far is kept: it is saved and scored first.")


def folder() -> Path:
    path = store.home() / "supervisor"
    path.mkdir(parents=True, exist_ok=True)
    return path


def log() -> Path:
    return folder() / "log.txt"


def lock() -> FileLock:
    """Held by the supervisor for life: one per workspace."""
    return FileLock(folder() / "lock")


def settings() -> Settings:
    """As written; the defaults where nothing (or nothing readable) was."""
    try:
        return Settings.model_validate(store.files.read_json(folder() / "settings.json"))
    except (OSError, ValueError, ValidationError):
        return Settings()


def change(**values: float) -> Settings:
    """Write settings whole; a living supervisor follows them."""
    new = Settings.model_validate({**settings().model_dump(), **values})
    store.files.write_json(folder() / "settings.json", new.model_dump(mode="json"))
    ping()
    return new


def sign_in() -> None:
    store.files.write_json(folder() / "alive.json", {"pid": os.getpid(), "created": processes.started()})


def sign_out() -> None:
    (folder() / "alive.json").unlink(missing_ok=True)


def who() -> dict | None:
    """The pid and start time that the last supervisor signed in with."""
    try:
        return store.files.read_json(folder() / "alive.json")
    except (OSError, ValueError):
        return None


def supervisor_alive() -> bool:
    found = who()
    return bool(found) and processes.alive(found.get("pid"), found.get("created"))


def ping() -> None:
    """Say that something in the queue or a stop has changed. The file's length counts the calls."""
    handle = os.open(folder() / "wake", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, b".")
    finally:
        os.close(handle)


def pings() -> int:
    try:
        return os.stat(folder() / "wake").st_size
    except FileNotFoundError:
        return 0


def ensure_supervisor() -> None:
    """Start the workspace's supervisor where none lives, and wait until it does. Raises LabError with its log's end."""
    if supervisor_alive():
        return
    with FileLock(folder() / "starting.lock"):
        if supervisor_alive():
            return
        if log().exists() and log().stat().st_size > LOG_LIMIT:
            os.replace(log(), folder() / "log.1.txt")
        process = processes.start_detached(["-m", "lab.jobs.supervisor"], log(), keys.ENDPOINTS)  # to hand them to the runs that need them
        if not processes.wait_for(supervisor_alive, PATIENCE, meanwhile=lambda: process.poll() is None):
            raise LabError("The supervisor, which starts the runs, could not be started", processes.tail(log(), 600),
                           "See supervisor/log.txt in the workspace")
