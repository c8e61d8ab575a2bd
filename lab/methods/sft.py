"""Supervised fine-tuning: next-token loss on the answer's tokens, through TRL's trainer, of PEFT's LoRA or of all weights.

The task's loss is the plain cross-entropy over the trained positions: mean negative log-likelihood in nats per token. With replay
of share r the model learns from (1 - r) * task loss + r * loss on general text; EWC adds its penalty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from lab.core import DataError, Example, Sft
from lab.engine.likelihood import answer_logps, padded
from lab.engine.load import Loaded
from lab.methods.ewc import Anchor
from lab.methods.prompting import Messages
from lab.methods.replay import General, Replay, text_rows
from lab.methods.training import Hooks, LeanTrainer, Watcher, arguments, run_trainer

METRICS = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm",
           "num_tokens": "tokens", "epoch": "epoch", "replay_loss": "replay_loss", "ewc_penalty": "ewc_penalty"}


def rows_of(loaded: Loaded, messages: Messages, examples: Sequence[Example], max_length: int) -> Dataset:
    """Examples as token ids: prompt exactly as it is asked, answer with its end token. Raises DataError where one is too long."""
    rows, long = [], []
    for example in examples:
        prompt, answer = (loaded.encode(text) for text in
                          loaded.template.training_text(messages(example.prompt), example.answer))
        if len(prompt) + len(answer) > max_length:
            long.append(f"{example.id} ({len(prompt) + len(answer)} tokens)")
        rows.append({"prompt_ids": prompt, "answer_ids": answer, "length": len(prompt) + len(answer)})
    if long:
        raise DataError(f"{len(long)} of {len(rows)} examples are longer than {max_length} tokens, so their answers would be cut",
                        ", ".join(long[:3]), "Raise the maximum length or shorten these examples")
    return Dataset.from_list(rows)


def train(loaded: Loaded, settings: Sft, messages: Messages, train_rows: Sequence[Example], validation: Sequence[Example],
          folder: Path, hooks: Hooks, general: General | None = None) -> None:
    """Train what `loaded.model` lets be trained (its adapter, or all weights), in place. `general` is needed for replay and EWC.
    Raises Stopped, TrainingError, DataError."""
    replay, anchor = _protection(loaded, settings, general)
    config = SFTConfig(**arguments(settings, len(train_rows), loaded, folder, hooks),
                       dataset_kwargs={"skip_prepare_dataset": True}, packing=False, completion_only_loss=False)
    trainer = AnswerLossTrainer(
        model=loaded.model, args=config, processing_class=loaded.tokenizer, data_collator=Collator(loaded.pad),
        train_dataset=rows_of(loaded, messages, train_rows, settings.max_length),
        eval_dataset=rows_of(loaded, messages, validation or train_rows, settings.max_length))
    trainer.replay, trainer.anchor = replay, anchor
    run_trainer(trainer, Watcher(hooks, METRICS), hooks)


def _protection(loaded: Loaded, settings: Sft, general: General | None) -> tuple[Replay | None, Anchor | None]:
    """What holds on to the base's knowledge, where the settings ask for it. The weights' importance is measured anew by a resumed run:
    it depends on the base and the texts alone."""
    if not (settings.replay or settings.ewc):
        return None, None
    if general is None:
        raise DataError("Replay and EWC need general text, and none was given", "SFT", "Name a text, or set both to 0")
    longest = min(settings.max_length, loaded.context or settings.max_length)
    rows = text_rows(general.base, general.texts, longest)
    replay = Replay(rows, settings.replay, settings.batch_size, settings.seed, loaded.pad) if settings.replay else None
    return replay, Anchor(general.base, rows[:settings.ewc_samples], settings.ewc) if settings.ewc else None


class Collator:
    """Rows to a left-padded batch; `keep` is the number of last positions that hold the longest answer."""

    def __init__(self, pad: int):
        self.pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch, keep = padded([(row["prompt_ids"], row["answer_ids"]) for row in rows], self.pad, torch.device("cpu"))
        return {**batch, "keep": keep}


class AnswerLossTrainer(LeanTrainer, SFTTrainer):
    """TRL's trainer with the loss over the trained positions alone. While it trains, replay and EWC are added where they are set; what
    is measured as "loss" stays the task's."""

    replay: Replay | None = None
    anchor: Anchor | None = None

    def _reject_skip_prepare_without_labels(self, *args: Any, **kwargs: Any) -> None:
        """The collator makes the labels."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> torch.Tensor:
        logps, trained = answer_logps(model, inputs, int(inputs["keep"]))
        count = trained.sum() if num_items_in_batch is None else num_items_in_batch
        loss = -logps.sum() / torch.as_tensor(count).clamp(min=1)
        if not model.training:
            return loss
        self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        return self._protected(model, loss, inputs["input_ids"].device) if self.replay or self.anchor else loss

    def _protected(self, model: Any, loss: torch.Tensor, device: torch.device) -> torch.Tensor:
        self._note("loss", loss)
        if self.replay:
            batch, keep = self.replay.batch(self.state.global_step, device)
            logps, trained = answer_logps(model, batch, keep)
            rehearsed = -logps.sum() / trained.sum()
            self._note("replay_loss", rehearsed)
            loss = (1 - self.replay.share) * loss + self.replay.share * rehearsed
        if self.anchor:
            penalty = self.anchor.penalty(model)
            self._note("ewc_penalty", penalty)
            loss = loss + penalty
        return loss

    def _note(self, name: str, value: torch.Tensor) -> None:
        """A measurement that goes out with the next logged point, in place of what the library would say under this name."""
        self._metrics["train"][name].append(value.item())

    def prediction_step(self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool,
                        ignore_keys: list[str] | None = None) -> tuple[torch.Tensor, None, None]:
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)), None, None
