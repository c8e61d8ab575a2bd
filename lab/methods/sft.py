"""Supervised fine-tuning: next-token loss on the answer's tokens, through TRL's trainer and PEFT's LoRA.

The loss is the plain cross-entropy over the trained positions: mean negative log-likelihood in nats per token.
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
from lab.methods.prompting import Messages
from lab.methods.training import Hooks, LeanTrainer, Watcher, arguments, run_trainer

METRICS = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm",
           "num_tokens": "tokens", "epoch": "epoch"}


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
          folder: Path, hooks: Hooks) -> None:
    """Train the adapter that `loaded.model` carries, in place. Raises Stopped, TrainingError, DataError."""
    config = SFTConfig(**arguments(settings, len(train_rows), loaded, folder, hooks),
                       dataset_kwargs={"skip_prepare_dataset": True}, packing=False, completion_only_loss=False)
    trainer = AnswerLossTrainer(
        model=loaded.model, args=config, processing_class=loaded.tokenizer, data_collator=Collator(loaded.pad),
        train_dataset=rows_of(loaded, messages, train_rows, settings.max_length),
        eval_dataset=rows_of(loaded, messages, validation or train_rows, settings.max_length))
    run_trainer(trainer, Watcher(hooks, METRICS), hooks)


class Collator:
    """Rows to a left-padded batch; `keep` is the number of last positions that hold the longest answer."""

    def __init__(self, pad: int):
        self.pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch, keep = padded([(row["prompt_ids"], row["answer_ids"]) for row in rows], self.pad, torch.device("cpu"))
        return {**batch, "keep": keep}


class AnswerLossTrainer(LeanTrainer, SFTTrainer):
    """TRL's trainer with the loss over the trained positions alone."""

    def _reject_skip_prepare_without_labels(self, *args: Any, **kwargs: Any) -> None:
        """The collator makes the labels."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> torch.Tensor:
        logps, trained = answer_logps(model, inputs, int(inputs["keep"]))
        count = trained.sum() if num_items_in_batch is None else num_items_in_batch
        if model.training:
            self._total_train_tokens += int(inputs["attention_mask"].sum())
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        return -logps.sum() / torch.as_tensor(count).clamp(min=1)

    def prediction_step(self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool,
                        ignore_keys: list[str] | None = None) -> tuple[torch.Tensor, None, None]:
        with torch.no_grad():
            return self.compute_loss(model, self._prepare_inputs(inputs)), None, None
