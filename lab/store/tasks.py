"""Tasks and suites: those that ship (data/) and those of the workspace, in one shape."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lab.core import DataError, Document, Example, Preference, Section, Suite, Task, TaskData
from lab.store import files
from lab.store.places import SAFE_ID, SHIPPED, home, place
from lab.store.rows import rows_of

LONGEST_NAME = 80  # letters
LARGE_TASK = 200_000  # rows; below, a Task is read whole wherever it is shown
GLANCE = 5_000  # training rows, validation rows, and pairs of each, that are read of a larger one
IN_MEMORY = 20_000  # examples and pairs; a Task with more is read row by row, as its rows are asked for
_ROWS = {"examples.jsonl": ("train", "validation", "test"), "preferences.jsonl": ("preferences",)}  # file -> the parts whose rows it holds
_SUMS = "rows.json"  # SHA-256 of these files as they were saved: while it holds, so do the counts and fingerprints in task.json


def _folders(kind: str) -> dict[str, Path]:
    """Folders by id; the workspace's come after the shipped ones and cannot take their ids."""
    found: dict[str, Path] = {}
    for root in (SHIPPED / kind, home() / kind):
        if root.is_dir():
            for path in sorted(root.iterdir()):
                if path.is_dir() and SAFE_ID.fullmatch(path.name):
                    found.setdefault(path.name, path)
    return found


def ids() -> list[str]:
    return [name for name, path in _folders("tasks").items() if (path / "task.json").exists()]


def describe(task_id: str) -> Task:
    """A Task without its rows: name, scoring, mapping, and the counts and fingerprints that were written when it was saved (those that ship
    carry none). Raises DataError."""
    path = _folder(task_id)
    try:
        about: dict[str, Any] = files.read_json(path / "task.json")
        return Task(**{name: value for name, value in about.items() if name in Task.model_fields})
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(task_id, error) from error


def newest() -> list[Task]:
    """Every readable Task of the workspace without its rows, the one that was saved last first."""
    found = []
    for name, path in _folders("tasks").items():
        if path.parent == home() / "tasks" and (path / "task.json").exists():
            try:
                found.append(((path / "task.json").stat().st_mtime_ns, describe(name)))
            except DataError:  # a damaged one is said where it is opened
                continue
    return [task for _, task in sorted(found, key=lambda each: each[0], reverse=True)]


def glance(task_id: str) -> TaskData:
    """A Task as screens and checks before a launch need it: all of it, or of a large one the whole test split and the first rows of the
    others. The counts and fingerprints are those of the whole. Raises DataError as `load` does."""
    task = describe(task_id)
    path = _folder(task_id)
    if sum(task.counts.values()) <= LARGE_TASK:
        return _whole(path, task)  # screens go through the rows again and again
    try:
        most = {name: min(GLANCE, task.counts.get(name, 0)) for name in ("validation", "train")} | {"test": task.counts.get("test", 0)}
        return TaskData(task=task, examples=tuple(_part(path / "examples.jsonl", Example, most)), documents=tuple(_documents(path / "documents")),
                        preferences=tuple(_part(path / "preferences.jsonl", Preference, {"validation": GLANCE, "train": GLANCE})))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(task_id, error) from error


def _part(path: Path, make: Callable[..., Any], most: dict[str, int]) -> Iterator[Any]:
    """The first rows of each split, so many of each. A large Task's file has the test first and the training rows last: little is read."""
    left = dict(most)
    with path.open("rb") as file:
        for line in file:
            row = make(**json.loads(line))
            if left[row.split] > 0:
                left[row.split] -= 1
                yield row
            if not any(left.values()):
                return


def stamp(task_id: str) -> int:
    """Changes whenever a Task is saved, renamed or deleted; 0 where there is none."""
    for root in (SHIPPED, home()) if SAFE_ID.fullmatch(task_id) else ():
        try:
            return os.stat(root / "tasks" / task_id / "task.json").st_mtime_ns
        except OSError:
            continue
    return 0


def rename(task_id: str, name: str) -> Task:
    """Give a Task of the workspace another label. Its rows, fingerprints and every key stay. Raises DataError for an empty name, for a Task
    that ships with the lab and where there is none."""
    if not name.strip():
        raise DataError("A task needs a name", task_id, "Type one")
    path = own_folder(task_id) / "task.json"
    task = describe(task_id).model_copy(update={"name": name.strip()[:LONGEST_NAME]})
    files.write_json(path, task.model_dump(mode="json"))
    return task


def own_folder(task_id: str) -> Path:
    """The folder of a Task that may be changed. Raises DataError."""
    path = _folder(task_id)
    if path.parent != home() / "tasks":
        raise DataError("This task ships with the lab and stays as it is", task_id, "Make a task of your own on the Data page")
    return path


def _folder(task_id: str) -> Path:
    path = _folders("tasks").get(task_id)
    if path is None or not (path / "task.json").exists():
        raise DataError("This task is not (or no longer) in the workspace", task_id, "Bring its files again on the Data page")
    return path


def _unreadable(task_id: str, error: Exception) -> DataError:
    return DataError(f"This task cannot be read ({error})"[:400], f"tasks/{task_id}", "Save it again from its files")


def load(task_id: str) -> TaskData:
    """A Task with its rows, sealed; those of a large one are read as they are asked for. Raises DataError where it is missing or damaged."""
    path, task = _folder(task_id), describe(task_id)
    if sum(task.counts.get(part, 0) for parts in _ROWS.values() for part in parts) > IN_MEMORY:
        return _row_by_row(path, task)
    return _whole(path, task)


def _whole(path: Path, task: Task) -> TaskData:
    """A Task with all its rows in memory."""
    try:
        data = TaskData(
            task=task,
            examples=tuple(Example(**row) for row in files.read_lines(path / "examples.jsonl")[0]),
            preferences=tuple(Preference(**row) for row in files.read_lines(path / "preferences.jsonl")[0]),
            documents=tuple(_documents(path / "documents")))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(task.id, error) from error
    return data.sealed()


def _row_by_row(path: Path, task: Task) -> TaskData:
    """A large Task. Its rows are counted and fingerprinted anew only where its files are not those that were saved."""
    try:
        data = TaskData(task=task, examples=rows_of(path / "examples.jsonl", Example), documents=tuple(_documents(path / "documents")),
                        preferences=rows_of(path / "preferences.jsonl", Preference))
        saved = files.read_json(path / _SUMS) if (path / _SUMS).exists() else {}
        return data.sealed([part for name, parts in _ROWS.items() if saved.get(name) == _digest(path / name) for part in parts])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _unreadable(task.id, error) from error


def _digest(path: Path) -> str:
    return files.sha256(path) if path.exists() else ""


def _documents(root: Path) -> list[Document]:
    names = files.read_json(root / "names.json") if (root / "names.json").exists() else {}
    kept = files.read_json(root / "sections.json") if (root / "sections.json").exists() else {}
    sections = {name: tuple(Section(start=start, page=page, heading=tuple(heading)) for start, page, heading in rows) for name, rows in kept.items()}
    return [Document(id=path.stem, name=names.get(path.stem, path.stem), text=path.read_text("utf-8", errors="replace"),
                     sections=sections.get(path.stem, ()))
            for path in sorted(root.glob("*.txt"))] if root.is_dir() else []


def save(data: TaskData) -> TaskData:
    """Write a new Task into the workspace, whole or not at all. An existing id is refused: nothing is overwritten."""
    data = data.sealed()
    if data.task.id in _folders("tasks"):
        raise DataError("A task with this id exists already", data.task.id, "Save it under another id; what exists stays as it is")
    target = place("tasks", data.task.id)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".draft-"))
    try:
        files.write_lines(draft / "examples.jsonl", [row.model_dump(mode="json") for row in data.examples])
        files.write_lines(draft / "preferences.jsonl", [row.model_dump(mode="json") for row in data.preferences])
        (draft / "documents").mkdir()
        for document in data.documents:
            files.write_text(draft / "documents" / f"{place('tasks', document.id).name}.txt", document.text)
        files.write_json(draft / "documents" / "names.json", {document.id: document.name for document in data.documents})
        if sections := {d.id: [[s.start, s.page, s.heading] for s in d.sections] for d in data.documents if d.sections}:
            files.write_json(draft / "documents" / "sections.json", sections)
        files.write_json(draft / _SUMS, {name: _digest(draft / name) for name in _ROWS})
        files.write_json(draft / "task.json", data.task.model_dump(mode="json"))
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return data


def empty_fingerprints(task: Task) -> dict[str, str]:
    """What stands for parts that a Task has not, by part."""
    return TaskData(task=task).sealed().task.fingerprints


def examples_file(task_id: str) -> Path:
    """Where the examples of a Task stand, for a child process that looks at them. Raises DataError where there is no such Task."""
    return _folder(task_id) / "examples.jsonl"


def adopt(folder: Path, task: Task, beside: str = "") -> Task:
    """Make a Task of what was written already, with the counts and fingerprints in `task`: examples.jsonl, preferences.jsonl and documents/
    are moved out of the folder. What it lacks is copied from the Task `beside`, or is empty."""
    if task.id in _folders("tasks"):
        raise DataError("A task with this id exists already", task.id, "Save it under another id; what exists stays as it is")
    target, other = place("tasks", task.id), _folder(beside) if beside else folder
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".draft-"))
    try:
        for name in _ROWS:
            if not (folder / name).exists():
                shutil.copyfile(other / name, draft / name) if (other / name).exists() else files.write_lines(draft / name, [])
        if not (folder / "documents").exists() and (other / "documents").exists():
            shutil.copytree(other / "documents", draft / "documents")
        files.write_json(draft / _SUMS, {name: _digest((folder if (folder / name).exists() else draft) / name) for name in _ROWS})
        files.write_json(draft / "task.json", task.model_dump(mode="json"))
        for name in (*_ROWS, "documents"):
            if (folder / name).exists():
                (folder / name).rename(draft / name)
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return task


def suite_names() -> list[str]:
    """Retention suites at hand."""
    return [name for name, path in _folders("suites").items() if (path / "suite.json").exists()]


def load_suite(name: str) -> Suite:
    path = _folders("suites").get(name)
    if path is None:
        raise DataError("This suite does not exist", name, f"Known suites: {', '.join(suite_names())}")
    about = files.read_json(path / "suite.json")
    return Suite(**about, items=tuple(files.read_lines(path / "items.jsonl")[0]))
