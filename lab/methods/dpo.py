"""Direct preference optimization (Rafailov et al., arXiv 2305.18290, eq. 7), through TRL's trainer and PEFT's LoRA.

loss = -log sigmoid(beta * [(log pi(c) - log ref(c)) - (log pi(r) - log ref(r))]), where the reference is the model as it is
when the stage begins: the SFT model in a chain, the base otherwise. Its log-probabilities are computed once, beforehand.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Sequence

import torch
import torch.nn.functional as F
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from lab.core import DataError, Dpo, Preference
from lab.core.fit import Batch
from lab.engine.likelihood import answer_logps, continuation_logps, padded
from lab.engine.load import Loaded
from lab.methods.distance import Distance
from lab.methods.memory import limits
from lab.methods.packing import packs
from lab.methods.prompting import Messages
from lab.methods.sharding import shared_out
from lab.methods.stepping import LeanTrainer, Part
from lab.methods.training import Hooks, Watcher, arguments, run_trainer

VALUES = ("logps_chosen", "logps_rejected", "reward_margin", "reward_accuracy")
METRICS = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm",
           "num_tokens": "tokens", "epoch": "epoch", **{name: name for name in VALUES}, **{f"eval_{name}": f"eval_{name}" for name in VALUES}}


Pair = tuple[list[int], list[int]]  # prompt, answer


def rows_of(loaded: Loaded, messages: Messages, pairs: Sequence[Preference], max_length: int) -> Dataset:
    """Pairs as token ids with the reference's log-probabilities. Raises DataError where a pair is too long."""
    return referred(loaded, *encoded(loaded, messages, pairs, max_length))


def encoded(loaded: Loaded, messages: Messages, pairs: Sequence[Preference], max_length: int) -> tuple[list[list[Pair]], list[int]]:
    """The chosen and the rejected sides as token ids, and each pair's longer length. Raises DataError where one is too long."""
    texts = [[loaded.template.training_text(messages(pair.prompt), answer) for answer in (pair.chosen, pair.rejected)]
             for pair in pairs]
    sides = [[(loaded.encode(prompt), loaded.encode(answer)) for prompt, answer in (row[side] for row in texts)] for side in (0, 1)]
    longest = [max(len(p) + len(a) for p, a in both) for both in zip(*sides)]
    if long := [f"{pair.id} ({length} tokens)" for pair, length in zip(pairs, longest) if length > max_length]:
        raise DataError(f"{len(long)} of {len(pairs)} pairs are longer than {max_length} tokens, so their answers would be cut",
                        ", ".join(long[:3]), "Raise the maximum length or shorten these pairs")
    return sides, longest


def referred(loaded: Loaded, sides: list[list[Pair]], longest: list[int], rows: int = 0) -> Dataset:
    """The pairs with the reference's log-probabilities, read `rows` at a time (0: as many as answers are scored at a time)."""
    reference = [[total for total, _ in continuation_logps(loaded, side, rows)] for side in sides]
    return Dataset.from_list([
        {"prompt_ids": chosen[0], "chosen_ids": chosen[1], "rejected_ids": rejected[1], "length": length,
         "reference_chosen": ref_chosen, "reference_rejected": ref_rejected}
        for chosen, rejected, length, ref_chosen, ref_rejected in zip(*sides, longest, *reference)])


def train(loaded: Loaded, settings: Dpo, messages: Messages, pairs: Sequence[Preference], validation: Sequence[Preference],
          folder: Path, hooks: Hooks) -> None:
    """Train the adapter that `loaded.model` carries, in place; as it comes in, the model is the reference (a resumed run comes in
    the same way: its checkpoint is loaded later). Raises Stopped, TrainingError, DataError."""
    loaded.model.eval()
    sides, longest = encoded(loaded, messages, pairs, settings.max_length)
    plan = hooks.plan([Batch(rows=min(settings.batch_size, len(pairs)), tokens=max(longest),
                             answers=max(len(answer) for side in sides for _, answer in side))])
    with limits(plan, "the reference's log-probabilities"):
        train_rows = referred(loaded, sides, longest, 2 * plan.micro_batch)
        checked = encoded(loaded, messages, validation or pairs, settings.max_length)
        eval_rows = referred(loaded, *checked, 2 * plan.micro_batch)
        distance = Distance(loaded, checked[0][0], hooks)
    config = DPOConfig(**arguments(settings, len(pairs), loaded, folder, hooks), beta=settings.beta)
    packed = packs(loaded, settings)
    with shared_out(loaded.model, settings, hooks) as (model, hooks):
        trainer = PairLossTrainer(model=model, args=config, processing_class=loaded.tokenizer, data_collator=Collator(loaded.pad),
                                  train_dataset=train_rows, eval_dataset=eval_rows)
        trainer.plan, trainer.packed = plan, packed
        model.delete_adapter("ref")  # TRL's copy of the start; its log-probabilities are in the rows already
        run_trainer(trainer, Watcher(hooks, METRICS), hooks, distance)


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

    def parts(self, inputs: dict[str, Any], training: bool) -> list[Part]:
        pairs = len(inputs["input_ids"]) // 2

        def share(model: Any, piece: dict[str, Any], counts: bool) -> torch.Tensor:
            logps = answer_logps(model, piece, int(piece["keep"]), self.packed and model.training)[0].sum(1)
            chosen, rejected = logps.chunk(2)
            rewards_chosen, rewards_rejected = (self.beta * (logps - piece["reference"])).chunk(2)
            margin = rewards_chosen - rewards_rejected
            values = (chosen, rejected, margin, (margin > 0).float())
            self.measure(**{name: value.sum() / pairs * counts for name, value in zip(VALUES, values)})
            return -F.logsigmoid(margin).sum() / pairs * counts
        return [partial(share, piece=piece, counts=counts) for piece, counts in self.pieces(inputs, sides=2)]
