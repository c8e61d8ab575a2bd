"""Taking away what people no longer want: a Task of the workspace, an artifact. Each leaves its place by one rename and is removed there, so
that a crash never leaves half of it.

Of a Task what names the answers to its test questions stays (deleted/<id>.json): finished runs keep their scores. Knows nothing of who uses what.
"""

from __future__ import annotations

import shutil
import time
import uuid
from pathlib import Path

from lab.core import DataError, LabError, SuiteMark, Task, Value
from lab.store import artifacts, files, tasks
from lab.store.places import home, place

GOING = ".going-"  # how the names of folders begin that are being removed


class Remains(Value):
    """What stays of a deleted Task: its description without rows, and what names the Evaluations of its test split."""

    task: Task
    suite: SuiteMark
    at: float


def task(task_id: str) -> None:
    """Delete a Task of the workspace. Raises DataError where there is none, or where it ships with the lab."""
    folder = tasks.own_folder(task_id)
    try:
        left = Remains(task=tasks.describe(task_id), suite=SuiteMark.of(tasks.glance(task_id).test_suite()), at=time.time())
        files.write_json(_note(task_id), left.model_dump(mode="json"))
    except LabError:  # a damaged one goes too; nothing of it could be shown anyway
        _note(task_id).unlink(missing_ok=True)
    _take_away(folder, "This task was deleted already", task_id)


def remains(task_id: str) -> Remains | None:
    """What stayed of a deleted Task; None where it was not deleted, or where a Task of this id is there."""
    left = _read(task_id)
    return left if left and task_id not in tasks.ids() else None


def _read(task_id: str) -> Remains | None:
    try:
        return Remains.model_validate(files.read_json(_note(task_id)))
    except (OSError, ValueError):
        return None


def names() -> dict[str, str]:
    """id -> name of every deleted Task."""
    root = home() / "deleted"
    found = {path.stem: _read(path.stem) for path in sorted(root.glob("*.json"))} if root.is_dir() else {}
    there = tasks.ids() if found else []
    return {task_id: left.task.name for task_id, left in found.items() if left and task_id not in there}


def artifact(key: str) -> None:
    """Delete an artifact. Raises DataError where there is none."""
    _take_away(place("artifacts", key), "This was deleted already", key)
    artifacts.sweep(key)


def _note(task_id: str) -> Path:
    return place("deleted", f"{task_id}.json")


def _take_away(folder: Path, gone: str, where: str) -> None:
    """Rename, then remove; also what an earlier crash left there. Raises DataError with the words of `gone` where nothing is there."""
    try:
        folder.rename(folder.with_name(f"{GOING}{uuid.uuid4().hex}"))
    except FileNotFoundError as error:
        raise DataError(gone, where, "Load the page again to see what is there") from error
    for left in folder.parent.glob(f"{GOING}*"):
        shutil.rmtree(left, ignore_errors=True)
