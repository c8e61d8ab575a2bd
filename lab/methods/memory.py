"""Memory of a stage: what it really takes, the dry run of its longest micro-batch, and where it runs out in words with a way out.

On a CPU all of the process's resident memory counts, libraries and the pages it shares with the warm parent included; on a GPU what
torch's allocator has reserved, without the context. The estimate is made elsewhere and comes in as a Plan.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import psutil
import torch
from transformers import TrainerCallback

from lab.core import MemoryError_
from lab.core.fit import Estimate, Plan, size_words
from lab.methods import sharding

SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc")  # how allocators say it
MOMENTS = 2  # of AdamW, in full precision, beside each trained number


@dataclass
class Peak:
    """Bytes at the highest moment; None where the system does not say."""

    measured: int | None = None


@contextmanager
def measured(device: torch.device) -> Iterator[Peak]:
    """The highest memory of this process while the block runs; what earlier stages gave back is handed to the system first."""
    found = Peak()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    resets = device.type == "cuda" or _reset_resident()
    try:
        yield found
    finally:
        if device.type == "cuda":
            found.measured = torch.cuda.max_memory_reserved(device)
        elif resets:
            found.measured = _highest_resident()


def _reset_resident() -> bool:
    """Let the kernel count the highest resident size from here on; False where it has no such counter."""
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _highest_resident() -> int | None:
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return next((int(words[1]) * 1024 for words in lines if words and words[0] == "VmHWM:"), None)


def held(device: torch.device) -> int:
    """Bytes of the device that this process holds already: they are free for the stage, or counted in its need."""
    return torch.cuda.memory_reserved(device) if device.type == "cuda" else psutil.Process().memory_info().rss


def comparable(estimate: Estimate, device: torch.device) -> int:
    """The estimate of what `measured` measures."""
    return estimate.total - (estimate.overhead if device.type == "cuda" else 0)


@contextmanager
def limits(plan: Plan, where: str) -> Iterator[None]:
    """A lack of memory inside the block becomes a MemoryError_ with what is needed, what is free and a setting that fits."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not isinstance(error, MemoryError) and not any(sign in str(error).lower() for sign in SIGNS):
            raise
        needed = f": about {size_words(plan.estimate.total)} are needed and {size_words(plan.free)} were free" if plan.estimate else ""
        raise MemoryError_(f"Memory ran out in {where}{needed}", str(error).strip().splitlines()[0][:200] if str(error) else "",
                           plan.way_out or "Use fewer examples at a time, gradient checkpointing or a shorter maximum length") from error


class DryRun(TrainerCallback):
    """The longest micro-batch forward and backward once, before the first step, beside the room that the optimizer will take.

    Left out where the plan says so: below a tenth of the free memory there is nothing to find out. Weights, optimizer, random numbers
    and measurements are afterwards what they were. Raises MemoryError_ where there is no room.
    """

    def __init__(self, trainer: Any):
        self.trainer = trainer

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        plan, rows = self.trainer.plan, self.trainer.train_dataset
        if not plan.dry_run:
            return
        order = sorted(range(len(rows)), key=lambda place: -rows["length"][place]) if len(rows) else []
        longest = order[:plan.micro_batch or self.trainer.args.per_device_train_batch_size]
        words = f"the dry run of the longest {len(longest)} examples at a time (up to {rows['length'][longest[0]]} tokens)"
        with limits(plan, words):
            self._pass([rows[place] for place in longest])

    def _pass(self, rows: list[dict[str, Any]]) -> None:
        trainer, model = self.trainer, self.trainer.model_wrapped
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        gpus = list(range(torch.cuda.device_count())) if trainer.args.device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):
            moments = [torch.empty(MOMENTS, sharding.local(parameter), device=parameter.device) for parameter in trained]
            model.train()
            try:
                trainer.pass_back(model, trainer.parts(trainer._prepare_inputs(trainer.data_collator(rows)), True), together=False)
            finally:
                del moments
                model.zero_grad(set_to_none=True)
                trainer.forget_measured()
