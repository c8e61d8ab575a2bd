"""The registry of training stages: kind -> which rows it learns from and the function that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.core import DataError, Stage, TaskData
from lab.engine.load import Loaded
from lab.methods.prompting import Messages
from lab.methods.training import Hooks


def _sft(loaded: Loaded, stage: Any, messages: Messages, data: TaskData, folder: Path, hooks: Hooks) -> None:
    from lab.methods.sft import train
    train(loaded, stage, messages, _some(data.split("train"), "training examples", data), data.split("validation"), folder, hooks)


def _dpo(loaded: Loaded, stage: Any, messages: Messages, data: TaskData, folder: Path, hooks: Hooks) -> None:
    from lab.methods.dpo import train
    pairs = {name: [pair for pair in data.preferences if pair.split == name] for name in ("train", "validation")}
    train(loaded, stage, messages, _some(pairs["train"], "preference pairs", data), pairs["validation"], folder, hooks)


def _some(rows: Any, what: str, data: TaskData) -> Any:
    if not rows:
        raise DataError(f"The task has no {what}", data.task.name, f"Add {what} on the Data page, or take this stage out of the System")
    return rows


STAGES = {"sft": _sft, "dpo": _dpo}


def run_stage(loaded: Loaded, stage: Stage, messages: Messages, data: TaskData, folder: Path, hooks: Hooks) -> None:
    """Train one stage on the adapter that `loaded.model` carries. `messages` makes a question's prompt as it will be asked.
    Raises LabError or Stopped."""
    STAGES[stage.kind](loaded, stage, messages, data, folder, hooks)
