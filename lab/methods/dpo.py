"""Direct preference optimization (Rafailov et al., arXiv 2305.18290, eq. 7), through TRL's trainer and PEFT's LoRA.

loss = -log sigmoid(beta * [(log pi(c) - log ref(c)) - (log pi(r) - log ref(r))]), where the reference is the model as it is
when the stage begins: the SFT model in a chain, the base otherwise. Its log-probabilities are computed once, beforehand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import torch
import torch.nn.functional as F
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from lab.core import DataError, Dpo, Preference
from lab.engine.likelihood import answer_logps, continuation_logps, padded
from lab.engine.load import Loaded
from lab.methods.prompting import Messages
from lab.methods.training import Hooks, LeanTrainer, Watcher, arguments, run_trainer

VALUES = ("logps_chosen", "logps_rejected", "reward_margin", "reward_accuracy")
METRICS = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm",
           "num_tokens": "tokens", "epoch": "epoch", **{name: name for name in VALUES}, **{f"eval_{name}": f"eval_{name}" for name in VALUES}}


def rows_of(loaded: Loaded, messages: Messages, pairs: Sequence[Preference], max_length: int) -> Dataset:
    """Pairs as token ids with the reference's log-probabilities. Raises DataError where a pair is too long."""
    texts = [[loaded.template.training_text(messages(pair.prompt), answer) for answer in (pair.chosen, pair.rejected)]
             for pair in pairs]
    sides = [[(loaded.encode(prompt), loaded.encode(answer)) for prompt, answer in (row[side] for row in texts)] for side in (0, 1)]
    longest = [max(len(p) + len(a) for p, a in both) for both in zip(*sides)]
    if long := [f"{pair.id} ({length} tokens)" for pair, length in zip(pairs, longest) if length > max_length]:
        raise DataError(f"{len(long)} of {len(pairs)} pairs are longer than {max_length} tokens, so their answers would be cut",
                        ", ".join(long[:3]), "Raise the maximum length or shorten these pairs")
    reference = [[total for total, _ in continuation_logps(loaded, side)] for side in sides]
    return Dataset.from_list([
        {"prompt_ids": chosen[0], "chosen_ids": chosen[1], "rejected_ids": rejected[1], "length": length,
         "reference_chosen": ref_chosen, "reference_rejected": ref_rejected}
        for chosen, rejected, length, ref_chosen, ref_rejected in zip(*sides, longest, *reference)])


def train(loaded: Loaded, settings: Dpo, messages: Messages, pairs: Sequence[Preference], validation: Sequence[Preference],
          folder: Path, hooks: Hooks) -> None:
    """Train the adapter that `loaded.model` carries, in place; as it comes in, the model is the reference (a resumed run comes in
    the same way: its checkpoint is loaded later). Raises Stopped, TrainingError, DataError."""
    loaded.model.eval()
    train_rows = rows_of(loaded, messages, pairs, settings.max_length)
    eval_rows = rows_of(loaded, messages, validation or pairs, settings.max_length)
    config = DPOConfig(**arguments(settings, len(pairs), loaded, folder, hooks), beta=settings.beta)
    trainer = PairLossTrainer(model=loaded.model, args=config, processing_class=loaded.tokenizer, data_collator=Collator(loaded.pad),
                              train_dataset=train_rows, eval_dataset=eval_rows)
    loaded.model.delete_adapter("ref")  # TRL's copy of the start; its log-probabilities are in the rows already
    run_trainer(trainer, Watcher(hooks, METRICS), hooks)


class Collator:
    """Pairs to one left-padded batch: the chosen half, then the rejected half."""

    def __init__(self, pad: int):
        self.pad = pad

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        sides = [(row["prompt_ids"], row[side]) for side in ("chosen_ids", "rejected_ids") for row in rows]
        batch, keep = padded(sides, self.pad, torch.device("cpu"))
        reference = torch.tensor([row[side] for side in ("reference_chosen", "reference_rejected") for row in rows])
        return {**batch, "keep": keep, "reference": reference}


class PairLossTrainer(LeanTrainer, DPOTrainer):
    """TRL's trainer with log-probabilities over the trained positions alone and a reference computed once."""

    def _prepare_dataset(self, dataset: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        return dataset  # token ids already

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False) -> torch.Tensor:
        logps = answer_logps(model, inputs, int(inputs["keep"]))[0].sum(1)
        chosen, rejected = logps.chunk(2)
        rewards_chosen, rewards_rejected = (self.beta * (logps - inputs["reference"])).chunk(2)
        margin = rewards_chosen - rewards_rejected
        if model.training:
            self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._record(model.training, chosen, rejected, margin)
        return -F.logsigmoid(margin).mean()

    def _record(self, training: bool, chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor) -> None:
        found = self._metrics["train" if training else "eval"]
        values = (chosen.mean(), rejected.mean(), margin.mean(), (margin > 0).float().mean())
        for name, value in zip(VALUES, values):
            found[name].append(value.item())
        if training:
            found["num_tokens"] = [self._total_train_tokens]
