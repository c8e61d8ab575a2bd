"""The registry of training stages: kind -> which rows it learns from and the function that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.core import DataError, Stage, TaskData, training_rows
from lab.engine.load import Loaded
from lab.methods.prompting import Messages
from lab.methods.replay import General
from lab.methods.training import Hooks


def _sft(loaded: Loaded, stage: Any, messages: Messages, data: TaskData, folder: Path, hooks: Hooks, general: General | None) -> None:
    from lab.methods.sft import train
    chosen = training_rows(data.split("train"), stage.rows, stage.examples)
    what = f"training examples with {stage.rows}" if stage.rows else "training examples"
    train(loaded, stage, messages, _some(chosen, what, data), training_rows(data.split("validation"), stage.rows), folder, hooks, general)


def _dpo(loaded: Loaded, stage: Any, messages: Messages, data: TaskData, folder: Path, hooks: Hooks, general: General | None) -> None:
    from lab.methods.dpo import train
    train(loaded, stage, messages, _some(data.pairs("train"), "preference pairs", data), data.pairs("validation"), folder, hooks)


def _some(rows: Any, what: str, data: TaskData) -> Any:
    if not rows:
        raise DataError(f"The task has no {what}", data.task.name, f"Add {what} on the Data page, or take this stage out of the System")
    return rows


STAGES = {"sft": _sft, "dpo": _dpo}


def run_stage(loaded: Loaded, stage: Stage, messages: Messages, data: TaskData, folder: Path, hooks: Hooks,
              general: General | None = None) -> None:
    """Train one stage on what `loaded.model` lets be trained: the adapter that it carries, or all its weights. `messages` makes a
    question's prompt as it will be asked; `general` is needed where the stage replays text or holds weights. Raises LabError or Stopped."""
    STAGES[stage.kind](loaded, stage, messages, data, folder, hooks, general)
