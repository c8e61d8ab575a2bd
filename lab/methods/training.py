"""What SFT and DPO share: the trainer's settings, live metrics, stopping, checkpoints that are whole or do not count.

Batches are made by length and left-padded, and the loss runs over the trained positions alone. A Plan says how many examples go at a
time and whether activations are computed a second time in place of being kept.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lab.core import Dpo, Sft, Stopped, TrainingError
from lab.core.fit import Batch, Plan
from lab.engine.devices import precision
from lab.engine.load import Loaded
from lab.methods import group, sharding
from lab.methods.memory import DryRun, limits

MAX_POINTS = 500  # logged training points per run
CHECKPOINTS_KEPT = 2  # the newest may be torn by a crash; the one before it is whole
GO_ON, SAVE, STOP = range(3)  # what a step's end may lead to
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
    on_the_way: Callable[[int, int], None] = lambda step, total: None  # at each of `way_points`
    check_group: Callable[[], None] = lambda: None  # raises where another process of the group is gone
    plan: Callable[[Sequence[Batch]], Plan] = lambda batches: Plan()  # from a stage's largest batches


def steps_of(settings: Sft | Dpo, rows: int) -> int:
    """Optimizer steps of a whole stage."""
    return max(1, math.ceil(math.ceil(rows / settings.batch_size) * settings.epochs))


def way_points(total: int) -> set[int]:
    """Steps after 5, 20 and 50 % of a stage: most is learned, and most forgotten, early. Fewer where it has too few steps."""
    return {max(1, round(total * part)) for part in (0.05, 0.2, 0.5)} - {total}


def arguments(settings: Sft | Dpo, rows: int, loaded: Loaded, folder: Path, hooks: Hooks) -> dict[str, Any]:
    """Keyword arguments for both libraries' configurations."""
    steps = steps_of(settings, rows)
    on_cpu = loaded.device.type == "cpu"
    return dict(
        output_dir=str(folder), report_to="none", disable_tqdm=True, seed=settings.seed, data_seed=settings.seed,
        use_cpu=on_cpu, ddp_backend=group.backend(), bf16=precision(loaded.device) == torch.bfloat16, fp16=False,
        gradient_checkpointing=False, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay,
        num_train_epochs=settings.epochs, per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=max(32, settings.batch_size), lr_scheduler_type="cosine",
        warmup_steps=int(settings.warmup_fraction * steps), max_grad_norm=1.0,
        remove_unused_columns=False,
        logging_strategy="steps", logging_steps=max(1, steps // MAX_POINTS), logging_nan_inf_filter=False,
        eval_strategy="steps", eval_steps=max(1, steps // settings.evaluations), eval_on_start=hooks.resume_from is None,
        prediction_loss_only=True, save_strategy="no", save_total_limit=CHECKPOINTS_KEPT, dataloader_pin_memory=not on_cpu, max_length=None,
        **sharding.arguments(settings))


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
        if state.global_step in way_points(state.max_steps):
            self.hooks.on_the_way(state.global_step, state.max_steps)
        if state.global_step >= state.max_steps:
            control.should_evaluate = True  # the curve ends where the training ends
            return
        wish = group.agreed(self._wish())
        if wish == STOP:
            self.stopped = control.should_training_stop = True
            control.should_save = self.hooks.checkpoints is not None
        elif wish == SAVE:
            control.should_save = True

    def _wish(self) -> int:
        self.hooks.check_group()
        if self.hooks.should_stop():
            return STOP
        return SAVE if self.hooks.checkpoints and time.monotonic() - self.last_save > self.hooks.checkpoint_seconds else GO_ON

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.last_save = time.monotonic()
        group.wait()  # every process of a group has written its part
        self.hooks.finish_checkpoint(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def run_trainer(trainer: Any, watcher: Watcher, hooks: Hooks, *more: TrainerCallback) -> None:
    """Train to the end, after a dry run where the trainer's plan asks for one; `more` is called along with the watcher. Raises Stopped where
    the user asked, MemoryError_ where memory ran out."""
    for callback in (DryRun(trainer), watcher, *more):
        trainer.add_callback(callback)
    with limits(trainer.plan, "training"), recomputing(trainer.model, trainer.plan.checkpointing):
        trainer.train(resume_from_checkpoint=str(hooks.resume_from) if hooks.resume_from else None)
    if watcher.stopped:
        raise Stopped


@contextmanager
def recomputing(model: Any, wanted: bool) -> Iterator[None]:
    """Gradient checkpointing while the block runs. Non-reentrant: it neither needs inputs with gradients nor loses random numbers."""
    if not wanted:
        yield
        return
    model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    try:
        yield
    finally:
        model.activation_checkpointing_disable()
