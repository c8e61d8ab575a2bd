"""Run folders: run.json (written once), state.json (renamed), events.jsonl (appended), attempts/<n>/log.txt, checkpoints/."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from filelock import FileLock

from lab.core import ALLOWED, DataError, Event, Failure, Run, State
from lab.store import files
from lab.store.places import home, place


def folder(run_id: str) -> Path:
    return place("runs", run_id)


def create(run: Run) -> None:
    """Write a new Run and queue it: from now on the supervisor may take it."""
    target = folder(run.id)
    if (target / "run.json").exists():
        raise DataError("A run with this id exists already", run.id)
    files.write_json(target / "run.json", run.model_dump(mode="json"))
    files.write_json(target / "state.json", State(name="queued", at=time.time()).model_dump(mode="json"))


def ids() -> list[str]:
    """Every run's id, oldest first."""
    root = home() / "runs"
    return sorted(path.parent.name for path in root.glob("*/run.json")) if root.is_dir() else []


def load(run_id: str) -> Run:
    """Raises DataError where run.json is missing or damaged."""
    try:
        return Run.model_validate(files.read_json(folder(run_id) / "run.json"))
    except (OSError, ValueError) as error:
        raise DataError(f"This run's description cannot be read ({type(error).__name__})", f"runs/{run_id}/run.json",
                        "Other runs are not affected; launch it again") from error


def _known(run_id: str) -> Path:
    """The folder of a run that exists. Raises DataError."""
    found = folder(run_id)
    if not (found / "run.json").exists():
        raise DataError("There is no such run", run_id, "python -m lab runs lists them")
    return found


def state(run_id: str) -> State:
    """The state as written. A damaged file is shown as failed, so that one bad run never hides the others."""
    path = folder(run_id) / "state.json"
    try:
        return State.model_validate(files.read_json(path))
    except (OSError, ValueError) as error:
        return State(name="failed", failure=Failure(kind="lab", what=f"This run's state cannot be read ({type(error).__name__})",
                                                    where=f"runs/{run_id}/state.json", do="Launch the run again"))


def move(run_id: str, name: str, **changes: Any) -> State:
    """Take a run from its state to the next one. A move that the state machine does not know raises DataError."""
    with FileLock(_known(run_id) / ".state.lock"):
        now = state(run_id)
        if name != now.name and name not in ALLOWED[now.name]:
            raise DataError(f"A {now.name} run cannot become {name}", run_id)
        new = State.model_validate({**now.model_dump(), "at": time.time(), **changes, "name": name})
        files.write_json(folder(run_id) / "state.json", new.model_dump(mode="json"))
    return new


def ask_to_stop(run_id: str, keep: bool) -> None:
    """Ask a run to stop; `keep` keeps and scores what was trained so far."""
    files.write_json(_known(run_id) / "stop.json", {"keep": keep, "at": time.time()})


def asked_to_stop(run_id: str) -> dict[str, Any] | None:
    path = folder(run_id) / "stop.json"
    return files.read_json(path) if path.exists() else None


def clear_stop(run_id: str) -> None:
    (folder(run_id) / "stop.json").unlink(missing_ok=True)


def emit(run_id: str, event: Event) -> None:
    files.append_line(folder(run_id) / "events.jsonl", event.model_dump(mode="json", exclude_defaults=True))


def events(run_id: str, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events as plain dictionaries from a byte offset on, and the next offset (reading 2,000 lines stays cheap)."""
    return files.read_lines(folder(run_id) / "events.jsonl", offset)


def attempt_folder(run_id: str, attempt: int) -> Path:
    return folder(run_id) / "attempts" / str(attempt)


def log_path(run_id: str, attempt: int) -> Path:
    return attempt_folder(run_id, attempt) / "log.txt"


def log_tail(run_id: str, attempt: int, size: int = 20_000) -> str:
    """The end of an attempt's output; empty where there is none yet."""
    path = log_path(run_id, attempt)
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read().decode("utf-8", "replace")


def write_exit(run_id: str, attempt: int, code: int) -> None:
    """How a worker's process ended (negative: the signal), as its parent saw it."""
    files.write_json(attempt_folder(run_id, attempt) / "exit.json", {"code": code, "at": time.time()})


def read_exit(run_id: str, attempt: int) -> int | None:
    path = attempt_folder(run_id, attempt) / "exit.json"
    return files.read_json(path)["code"] if path.exists() else None


def claim(run_id: str, attempt: int, about: dict[str, Any]) -> bool:
    """Make an attempt one process's own, before it does anything; False where another one has it already."""
    target = attempt_folder(run_id, attempt) / "worker.json"
    draft = target.with_name(f".worker.{os.getpid()}")
    files.write_json(draft, about)
    try:
        os.link(draft, target)  # whole at once, and never over another's
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def claimed(run_id: str, attempt: int) -> dict[str, Any] | None:
    """Who has the attempt: pid, created, slot."""
    path = attempt_folder(run_id, attempt) / "worker.json"
    return files.read_json(path) if path.exists() else None


def attempts(run_id: str) -> list[int]:
    """Numbers of the attempts that a process has claimed, ascending."""
    root = folder(run_id) / "attempts"
    return sorted(int(path.parent.name) for path in root.glob("*/worker.json") if path.parent.name.isdigit())


def stamp(run_id: str) -> tuple[int, int] | None:
    """Changes whenever the state does; None where there is none."""
    try:
        about = os.stat(folder(run_id) / "state.json")
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


def checkpoints(run_id: str, stage: str) -> Path:
    """Folder for one training stage's checkpoints; `stage` is an adapter key."""
    return folder(run_id) / "checkpoints" / stage


def complete_checkpoint(root: Path) -> Path | None:
    """The newest checkpoint whose manifest matches its files."""
    found = sorted((path for path in root.glob("checkpoint-*") if path.is_dir()), key=lambda path: int(path.name.split("-")[-1]))
    return next((path for path in reversed(found) if files.is_complete(path)), None)
