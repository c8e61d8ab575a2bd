"""Where a pretraining stands, saved so that it can go on: weights and optimizer states as safetensors, the rest as JSON.

A run that was saved and resumed gives the same bits as one that never stopped: the text and the masks of a step depend on seed and
step alone, no layer draws chance, and the rates depend on the step. A folder counts once its manifest is written, by the hook.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

import torch
from safetensors.torch import load_file, save_file

from lab.core import DataError
from lab.world.optimizing import Optimizers


@dataclass
class Progress:
    """What was counted up to `step`: the loss of every step, the points of the curve, and the time it took in all attempts."""

    recipe: str  # names what is being made; a state of another recipe is refused
    step: int = 0
    tokens: int = 0
    documents: int = 0
    corpus: str = ""
    losses: list[float] = field(default_factory=list)
    curve: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def _tensors(model: Any, optimizers: Optimizers) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor that training changes, named: tied weights stand there once."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    for parameter, name in names.items():
        yield f"weights/{name}", parameter.detach()
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                yield f"optimizer {number}/{key}/{names[parameter]}", value


def save(root: Path, model: Any, optimizers: Optimizers, progress: Progress, finish: Callable[[Path], None]) -> None:
    """Write root/checkpoint-<step>, and drop the older ones once it is whole. Raises OSError."""
    folder = root / f"checkpoint-{progress.step}"
    shutil.rmtree(folder, ignore_errors=True)  # what a kill left half-written
    folder.mkdir(parents=True)
    save_file({name: tensor.contiguous() for name, tensor in _tensors(model, optimizers)}, folder / "state.safetensors")
    (folder / "progress.json").write_text(json.dumps(dataclasses.asdict(progress)), "utf-8")
    finish(folder)
    for other in root.glob("checkpoint-*"):
        if other != folder:
            shutil.rmtree(other)


@torch.no_grad()
def load(folder: Path, model: Any, optimizers: Optimizers, recipe: str) -> Progress:
    """Put a saved state into a fresh model and its optimizers. Raises DataError where it belongs to another recipe."""
    progress = Progress(**json.loads((folder / "progress.json").read_text("utf-8")))
    if progress.recipe != recipe:
        raise DataError("This pretraining was begun with other settings, another corpus or another version of them", str(folder),
                        "Start a new pretraining: going on would mix the two")
    parameters = dict(model.named_parameters())
    for name, tensor in load_file(folder / "state.safetensors").items():
        kind, _, rest = name.partition("/")
        if kind == "weights":
            parameters[rest].copy_(tensor)
            continue
        key, _, owner = rest.partition("/")
        parameter = parameters[owner]
        moved = tensor if key == "step" else tensor.to(parameter.device)  # AdamW counts its steps on the CPU
        optimizers[int(kind.removeprefix("optimizer "))].state[parameter][key] = moved
    return progress
