"""What SFT and DPO share: the trainer's settings, live metrics, stopping, checkpoints that are whole or do not count.

Batches are made by length and left-padded, the loss runs over the trained positions alone, and gradient checkpointing
stays off: measured, the library's own way costs three to five times as much on a CPU.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import torch
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lab.core import Dpo, MemoryError_, Sft, Stopped, TrainingError
from lab.engine.devices import precision
from lab.engine.load import Loaded

MAX_POINTS = 500  # logged training points per run
BATCHES_SORTED_TOGETHER = 50  # rows are shuffled first, then sorted within blocks of this many batches
CHECKPOINTS_KEPT = 2  # the newest may be torn by a crash; the one before it is whole
BAD_STEPS = 3  # non-finite losses or gradients in a row that end a run


@dataclass
class Hooks:
    """How a method speaks to whoever runs it: metrics out, stop requests in, checkpoints to a folder."""

    metric: Callable[[int, int, dict[str, float]], None]
    should_stop: Callable[[], bool] = lambda: False
    finish_checkpoint: Callable[[Path], None] = lambda folder: None
    checkpoints: Path | None = None
    resume_from: Path | None = None
    checkpoint_seconds: float = 60.0


def steps_of(settings: Sft | Dpo, rows: int) -> int:
    """Optimizer steps of a whole stage."""
    return max(1, math.ceil(math.ceil(rows / settings.batch_size) * settings.epochs))


def arguments(settings: Sft | Dpo, rows: int, loaded: Loaded, folder: Path, hooks: Hooks) -> dict[str, Any]:
    """Keyword arguments for both libraries' configurations."""
    steps = steps_of(settings, rows)
    on_cpu = loaded.device.type == "cpu"
    return dict(
        output_dir=str(folder), report_to="none", disable_tqdm=True, seed=settings.seed, data_seed=settings.seed,
        use_cpu=on_cpu, bf16=precision(loaded.device) == torch.bfloat16, fp16=False,
        gradient_checkpointing=False, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
        num_train_epochs=settings.epochs, per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=max(32, settings.batch_size), lr_scheduler_type="cosine",
        warmup_steps=int(settings.warmup_fraction * steps), max_grad_norm=1.0,
        remove_unused_columns=False,
        logging_strategy="steps", logging_steps=max(1, steps // MAX_POINTS), logging_nan_inf_filter=False,
        eval_strategy="steps", eval_steps=max(1, steps // settings.evaluations), eval_on_start=hooks.resume_from is None,
        prediction_loss_only=True, save_strategy="no", save_total_limit=CHECKPOINTS_KEPT, dataloader_pin_memory=not on_cpu, max_length=None)


class Watcher(TrainerCallback):
    """Passes metrics on, ends a run that has diverged, and saves when it is time or when asked to stop."""

    def __init__(self, hooks: Hooks, names: dict[str, str]):
        self.hooks, self.names = hooks, names
        self.last_save = time.monotonic()
        self.bad_steps = 0
        self.stopped = False

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float] | None = None,
               **kwargs: Any) -> None:
        logs = logs or {}
        values = {name: float(logs[key]) for key, name in self.names.items() if isinstance(logs.get(key), (int, float))}
        if values.keys() - {"epoch"}:  # the library's closing summary has nothing else
            self.hooks.metric(state.global_step, state.max_steps, values)
        self._watch_for_divergence(values, state.global_step)

    def _watch_for_divergence(self, values: dict[str, float], step: int) -> None:
        watched = [values[name] for name in ("loss", "grad_norm", "eval_loss") if name in values]
        self.bad_steps = self.bad_steps + 1 if any(not math.isfinite(value) for value in watched) else 0 if watched else self.bad_steps
        if self.bad_steps >= BAD_STEPS:
            raise TrainingError("The loss is no longer a finite number: the training has diverged", f"step {step}",
                                "Lower the learning rate (a third is a good next try) and run again; nothing was kept of this one")

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.last_save = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.global_step >= state.max_steps:
            control.should_evaluate = True  # the curve ends where the training ends
        elif self.hooks.should_stop():
            self.stopped = True
            control.should_training_stop = True
            control.should_save = self.hooks.checkpoints is not None
        elif self.hooks.checkpoints and time.monotonic() - self.last_save > self.hooks.checkpoint_seconds:
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.last_save = time.monotonic()
        self.hooks.finish_checkpoint(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def run_trainer(trainer: Any, watcher: Watcher, hooks: Hooks) -> None:
    """Train to the end. Raises Stopped where the user asked, MemoryError_ where memory ran out."""
    trainer.add_callback(watcher)
    try:
        trainer.train(resume_from_checkpoint=str(hooks.resume_from) if hooks.resume_from else None)
    except torch.OutOfMemoryError as error:
        raise MemoryError_(f"Memory ran out while training ({str(error)[:200]})", "training",
                           "Use a smaller batch size or a shorter maximum length") from error
    if watcher.stopped:
        raise Stopped


class ByLength(Sampler[int]):
    """Row numbers so that neighbours have similar lengths. The order depends on seed and epoch alone, never on how much chance
    was drawn before: a resumed run sees the same batches. The longest rows come first, so that a lack of memory shows at once."""

    def __init__(self, lengths: list[int], batch_size: int, seed: int):
        self.lengths, self.block, self.seed, self.epoch = lengths, batch_size * BATCHES_SORTED_TOGETHER, seed, 0
        self.batch_size = batch_size

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(1_000_003 * self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=chance).tolist()
        blocks = [sorted(order[start:start + self.block], key=lambda row: -self.lengths[row])
                  for start in range(0, len(order), self.block)]
        batches = [block[start:start + self.batch_size] for block in blocks for start in range(0, len(block), self.batch_size)]
        batches.sort(key=lambda batch: (len(batch) < self.batch_size, -self.lengths[batch[0]]))
        shuffled = [batches[place + 1] for place in torch.randperm(len(batches) - 1, generator=chance).tolist()]
        full = [batch for batch in shuffled if len(batch) == self.batch_size]
        short = [batch for batch in shuffled if len(batch) < self.batch_size]  # last, or it would shift every batch behind it
        return iter([row for batch in [batches[0], *full, *short] for row in batch])


class LeanTrainer:
    """Mixed into the library's trainers: batches by length, and checkpoints without its model card."""

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        rows = self.train_dataset if train_dataset is None else train_dataset
        return ByLength(list(rows["length"]), self.args.per_device_train_batch_size, self.args.data_seed)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the library's card cannot name a local base; the lab writes its own manifest beside every adapter."""
