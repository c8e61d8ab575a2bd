"""The shipped tasks, written as folders: facts (knowledge), form (format), tone (style), compound (all three at once), labels (five
classes). One file makes each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from lab.world import task_compound, task_facts, task_form, task_labels, task_tone
from lab.world.files import write_json, write_lines, write_text
from lab.world.people import World, build

TASKS: dict[str, Callable[[World], dict[str, Any]]] = {
    "facts": task_facts.make, "form": task_form.make, "tone": task_tone.make, "compound": task_compound.make,
    "labels": task_labels.make}


def build_tasks(folder: Path, seed: int = 0) -> list[Path]:
    """Write every task under `folder`; returns their folders."""
    world = build(seed)
    return [_write(Path(folder) / name, make(world), world) for name, make in TASKS.items()]


def _write(folder: Path, parts: dict[str, Any], world: World) -> Path:
    write_json(folder / "task.json", {"id": folder.name, **parts["about"], "licence": "generated", "world": world.key})
    write_lines(folder / "examples.jsonl", parts["examples"])
    write_lines(folder / "preferences.jsonl", parts["preferences"])
    for name, text in parts["documents"].items():
        write_text(folder / "documents" / f"{name}.txt", text)
    write_json(folder / "documents" / "names.json", parts["names"])
    return folder
