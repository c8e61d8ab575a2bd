"""Tasks and suites: those that ship (data/) and those of the workspace, in one shape."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from lab.core import DataError, Document, Example, Preference, Section, Suite, Task, TaskData
from lab.store import files
from lab.store.places import SAFE_ID, SHIPPED, home, place


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


def load(task_id: str) -> TaskData:
    """A Task with its rows, sealed. Raises DataError where it is missing or damaged."""
    path = _folders("tasks").get(task_id)
    if path is None or not (path / "task.json").exists():
        raise DataError("This task is not in the workspace", task_id, "Open the Data page and save it again")
    try:
        about: dict[str, Any] = files.read_json(path / "task.json")
        data = TaskData(
            task=Task(**{name: value for name, value in about.items() if name in Task.model_fields}),
            examples=tuple(Example(**row) for row in files.read_lines(path / "examples.jsonl")[0]),
            preferences=tuple(Preference(**row) for row in files.read_lines(path / "preferences.jsonl")[0]),
            documents=tuple(_documents(path / "documents")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"This task cannot be read ({error})"[:400], f"tasks/{task_id}", "Save it again from its files") from error
    return data.sealed()


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
        files.write_json(draft / "task.json", data.task.model_dump(mode="json"))
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return data


def suite_names() -> list[str]:
    """Retention suites at hand."""
    return [name for name, path in _folders("suites").items() if (path / "suite.json").exists()]


def load_suite(name: str) -> Suite:
    path = _folders("suites").get(name)
    if path is None:
        raise DataError("This suite does not exist", name, f"Known suites: {', '.join(suite_names())}")
    about = files.read_json(path / "suite.json")
    return Suite(**about, items=tuple(files.read_lines(path / "items.jsonl")[0]))
