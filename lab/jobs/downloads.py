"""Downloads in the background: start one, see how far it is, cancel it. Each is a child process (jobs/downloading.py) and a folder
downloads/<key>/ with progress.json and the parts; what is whole becomes an artifact of the same key."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import ValidationError

from lab import store
from lab.core import Failure, Value
from lab.jobs import keys, processes
from lab.jobs.hub import HubRepo, Kind

LEAVE = 5.0  # seconds for it to end after SIGTERM


class Download(Value):
    """How far a download is. `done` and `total` in bytes; `before`: what was there when this attempt began. "lost" is derived."""

    key: str
    kind: Kind
    repo: str
    commit: str
    names: tuple[str, ...]
    total: int
    done: int = 0
    before: int = 0
    state: Literal["running", "failed", "finished", "lost"] = "running"
    failure: Failure | None = None
    started: float
    pid: int | None = None
    pid_created: float | None = None

    @property
    def active(self) -> bool:
        return self.state == "running"

    def rate(self) -> float | None:
        """Bytes per second of this attempt; None before there is something to tell."""
        seconds = time.time() - self.started
        return (self.done - self.before) / seconds if seconds > 1 and self.done > self.before else None


def folder(key: str) -> Path:
    return store.place("downloads", key)


def begun(repo: HubRepo, done: int = 0) -> Download:
    """The first word of an attempt."""
    return Download(key=repo.key, kind=repo.kind, repo=repo.repo, commit=repo.commit, names=tuple(file.name for file in repo.files), total=repo.total,
                    done=done, before=done, started=time.time())


def write(download: Download) -> None:
    store.files.write_json(folder(download.key) / "progress.json", download.model_dump(mode="json"))


def said_by(download: Download, pid: int) -> Download:
    """The same with the process that answers for it."""
    return download.model_copy(update={"pid": pid, "pid_created": processes.started(pid)})


def read(key: str) -> Download | None:
    """As its process wrote it; None where there is none."""
    try:
        return Download.model_validate(store.files.read_json(folder(key) / "progress.json"))
    except (OSError, ValueError, ValidationError):
        return None


def progress(key: str) -> Download | None:
    """How far it is: running, failed, lost (its process is gone; it can go on) or finished. None where nothing is known of it."""
    found = read(key)
    if found is None:
        about = store.artifacts.about(key)
        return Download(key=key, kind=about["of"], repo=about["repo"], commit=about["commit"], names=tuple(about["names"]), total=about["bytes"],
                        done=about["bytes"], state="finished", started=about["at"]) if about else None
    if found.state == "running" and not processes.alive(found.pid, found.pid_created):
        return found.model_copy(update={"state": "lost"})
    return found


def unfinished() -> list[Download]:
    """Every download of the workspace that runs, failed or was lost, oldest first."""
    root = store.home() / "downloads"
    found = [progress(name) for name in os.listdir(root) if not name.startswith(".")] if root.is_dir() else []
    return sorted((one for one in found if one and one.state != "finished"), key=lambda one: one.started)


def start(repo: HubRepo) -> str:
    """Start the download, or let the one that runs go on; parts that are there are kept. Returns its key."""
    return _start(begun(repo, parts_size(repo.key)))


def resume(download: Download) -> str:
    """Go on with one that failed or was lost. Returns its key."""
    here = parts_size(download.key)
    return _start(download.model_copy(update={"state": "running", "failure": None, "done": here, "before": here, "started": time.time()}))


def _start(download: Download) -> str:
    with _only_one():
        now = progress(download.key)
        if now is None or now.state in ("failed", "lost"):
            process = processes.start_detached(command(download.kind, download.repo, download.commit, download.names), folder(download.key) / "log.txt",
                                               keys.HUB)
            write(said_by(download, process.pid))
    return download.key


def command(kind: Kind, repo: str, commit: str, names: Sequence[str]) -> list[str]:
    """What Python is asked to run: the verb that people have too. The token is in the environment, never here."""
    chosen = ["--dataset", "--files", *names] if kind == "dataset" else []
    return ["-m", "lab", "download", repo, "--revision", commit, *chosen]


def cancel(key: str) -> None:
    """End it, and take away what it left; a finished one stays. Nothing happens where there is none."""
    with _only_one():
        found = read(key)
        if found and found.pid != os.getpid():
            processes.dismiss(found.pid, found.pid_created, LEAVE)
        shutil.rmtree(folder(key), ignore_errors=True)
        store.artifacts.sweep(key)


def parts_size(key: str) -> int:
    """Bytes that are there already."""
    try:
        with os.scandir(folder(key) / "parts") as found:
            return sum(entry.stat().st_size for entry in found)
    except FileNotFoundError:  # none yet, or finished in this moment
        return 0


def _only_one() -> FileLock:
    root = store.home() / "downloads"
    root.mkdir(parents=True, exist_ok=True)
    return FileLock(root / ".lock")
