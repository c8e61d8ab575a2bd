"""Exports: a finished run's System as a folder that loads outside the lab, written in a process of its own with progress, cancelled, removed.
Knows folders and pids, no models.

An export of the workspace stands in exports/<run>/<form>/ and is there whole or not at all; exports/<run>/<form>.json says how far its writer
(`python -m lab export`) is. One export is written at a time; the others wait for it.
"""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any, Literal

import psutil
from filelock import FileLock

from lab import store
from lab.core import Failure, Run, Value
from lab.jobs import processes
from lab.jobs.export_forms import Form, demand

FOLDER = "exports"
LEAVE = 5.0  # seconds for a cancelled writer to end by itself
SMALL = 200_000_000  # bytes that a browser may take as one file: it stands in memory on both sides


class Export(Value):
    """One form of a run's System as it stands. `part` says what is done now: "weights", or answers that are checked (`done` of `total`).
    `check`: what the writer found when it loaded the folder as another program would."""

    run: str
    form: Form
    state: Literal["missing", "waiting", "writing", "ready", "failed"] = "missing"
    part: str = ""
    done: int = 0
    total: int = 0
    failure: Failure | None = None
    check: dict[str, Any] = {}

    @property
    def active(self) -> bool:
        return self.state in ("waiting", "writing")

    @property
    def folder(self) -> Path:
        return folder(self.run, self.form)


def folder(run_id: str, form: Form) -> Path:
    return store.place(FOLDER, run_id, form)


def look(run_id: str, form: Form) -> Export:
    """How far a form of a run's export is."""
    found = Export(run=run_id, form=form)
    if (done := _read(folder(run_id, form) / "check.json")) is not None:
        return found.model_copy(update={"state": "ready", "check": done})
    about = _read(_path(run_id, form, "json"))
    if about is None:
        return found
    if about.get("failure"):
        return found.model_copy(update={"state": "failed", "failure": Failure(**about["failure"])})
    if not processes.alive(about["pid"], about["pid_created"]):
        return found.model_copy(update={"state": "failed", "failure": Failure(
            kind="lab", what="The process that wrote the export ended without a word", where=processes.tail(_path(run_id, form, "log"), 600),
            do="Export it again")})
    counted = {name: about[name] for name in ("part", "done", "total") if name in about}
    return found.model_copy(update={"state": "writing" if counted else "waiting", **counted})


def checked(run_id: str) -> dict[str, Any]:
    """What was found when an export of this run was checked; empty where none stands in the workspace."""
    return next((found for form in ("merged", "adapter", "messages") if (found := look(run_id, form).check)), {})


def start(run: Run, form: Form) -> None:
    """Write it in the background, unless it is there or under way. Raises LabError where it cannot be written."""
    demand(run, form)
    with FileLock(_path(run.id, form, "lock")):
        if look(run.id, form).state in ("ready", "waiting", "writing"):
            return
        sweep(folder(run.id, form))
        _path(run.id, form, "log").unlink(missing_ok=True)
        merged = ["--merged"] if form == "merged" else []
        process = processes.start_detached(["-m", "lab", "export", run.id, *merged], _path(run.id, form, "log"), **processes.ONE_THREAD)
        try:
            announce(run.id, form, process.pid)
        except psutil.Error:  # it has ended already: its own word, or the next look, says how
            return


def remove(run_id: str, form: Form) -> None:
    """End the writer of this export, if one lives, and take away what stands or lies of it."""
    about = _read(_path(run_id, form, "json")) or {}
    processes.dismiss(about.get("pid"), about.get("pid_created"), LEAVE)
    sweep(folder(run_id, form))
    shutil.rmtree(folder(run_id, form), ignore_errors=True)
    for kind in ("json", "log"):
        _path(run_id, form, kind).unlink(missing_ok=True)


def size(place: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


def zipped(place: Path) -> bytes:
    """The folder as one file, not compressed: weights do not get smaller. For folders up to SMALL."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(place.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(place.parent))
    return out.getvalue()


# the writer's own side ----------------------------------------------------------------------------------------------------------


def announce(run_id: str, form: Form, pid: int | None = None, **about: Any) -> None:
    """Say who writes the export and how far it is."""
    pid = pid or os.getpid()
    store.files.write_json(_path(run_id, form, "json"), {"pid": pid, "pid_created": processes.started(pid), **about})


def withdraw(run_id: str, form: Form) -> None:
    """The export is whole, or was cancelled: its folder says so from now on."""
    _path(run_id, form, "json").unlink(missing_ok=True)


def turn() -> FileLock:
    """Held by the one that writes."""
    path = store.place(FOLDER, "writing.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def drafts(target: Path) -> str:
    """What the names of unfinished folders beside an export begin with."""
    return f".{target.name}.draft-"


def sweep(target: Path) -> None:
    """Remove what writers that were killed left beside an export."""
    for draft in target.parent.glob(f"{drafts(target)}*"):
        shutil.rmtree(draft, ignore_errors=True)


def _path(run_id: str, form: Form, kind: str) -> Path:
    path = store.place(FOLDER, run_id, f"{form}.{kind}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return store.files.read_json(path)
    except (OSError, ValueError):
        return None


