"""Supervised fine-tuning: next-token loss on the answer's tokens, through TRL's trainer, of PEFT's LoRA or of all weights.

The task's loss is the plain cross-entropy over the trained positions: mean negative log-likelihood in nats per token. With replay
of share r the model learns from (1 - r) * task loss + r * loss on general text; EWC adds its penalty.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Sequence

import torch
from datasets import Dataset, Features, List, Value, concatenate_datasets
from trl import SFTConfig, SFTTrainer

from lab.core import DataError, Example, Sft
from lab.core.fit import Batch
from lab.engine.likelihood import answer_logps, padded
from lab.engine.load import Loaded
from lab.methods import group
from lab.methods.distance import MOST_ROWS, Distance
from lab.methods.ewc import Anchor
from lab.methods.packing import packs
from lab.methods.prompting import Messages
from lab.methods.replay import General, Replay, text_rows
from lab.methods.sharding import shared_out
from lab.methods.stepping import LeanTrainer, Part
from lab.methods.training import Hooks, Watcher, arguments, run_trainer

METRICS = {"loss": "loss", "eval_loss": "eval_loss", "learning_rate": "learning_rate", "grad_norm": "grad_norm",
           "num_tokens": "tokens", "epoch": "epoch", "replay_loss": "replay_loss", "ewc_penalty": "ewc_penalty"}

COLUMNS = Features({"prompt_ids": List(Value("int32")), "answer_ids": List(Value("int32")), "length": Value("int32")})
PIECE = 10_000  # examples whose tokens stand in memory as Python's numbers, at 36 bytes each


def rows_of(loaded: Loaded, messages: Messages, examples: Sequence[Example], max_length: int) -> Dataset:
    """Examples as token ids of 4 bytes: prompt exactly as it is asked, answer with its end token. Raises DataError where one is too long."""
    pieces = [_tokens(loaded, messages, examples[start:start + PIECE]) for start in range(0, len(examples), PIECE)]
    rows = concatenate_datasets(pieces) if pieces else Dataset.from_dict({name: [] for name in COLUMNS}, COLUMNS)
    long = [f"{examples[place].id} ({length} tokens)" for place, length in enumerate(rows["length"]) if length > max_length]
    if long:
        raise DataError(f"{len(long)} of {len(rows)} examples are longer than {max_length} tokens, so their answers would be cut",
                        ", ".join(long[:3]), "Raise the maximum length or shorten these examples")
    return rows


def _tokens(loaded: Loaded, messages: Messages, examples: Sequence[Example]) -> Dataset:
    texts = [loaded.template.training_text(messages(example.prompt), example.answer) for example in examples]
    prompts, answers = ([loaded.encode(text) for text in side] for side in zip(*texts))
    lengths = [len(prompt) + len(answer) for prompt, answer in zip(prompts, answers)]
    return Dataset.from_dict({"prompt_ids": prompts, "answer_ids": answers, "length": lengths}, COLUMNS)


def train(loaded: Loaded, settings: Sft, messages: Messages, train_rows: Sequence[Example], validation: Sequence[Example],
          folder: Path, hooks: Hooks, general: General | None = None) -> None:
    """Train what `loaded.model` lets be trained (its adapter, or all weights), in place. `general` is needed for replay and EWC.
    Raises Stopped, TrainingError, DataError."""
    replay, anchor = _protection(loaded, settings, general)
    rows = rows_of(loaded, messages, train_rows, settings.max_length)
    config = SFTConfig(**arguments(settings, len(train_rows), loaded, folder, hooks),
                       dataset_kwargs={"skip_prepare_dataset": True}, packing=False, completion_only_loss=False)
    evaluated = rows_of(loaded, messages, validation or train_rows, settings.max_length)
    plan = hooks.plan(_batches(rows, settings, replay))
    packed = packs(loaded, settings)
    distance = Distance(loaded, list(zip(*(evaluated[:MOST_ROWS][name] for name in ("prompt_ids", "answer_ids")))), hooks)
    with shared_out(loaded.model, settings, hooks) as (model, hooks):
        trainer = AnswerLossTrainer(model=model, args=config, processing_class=loaded.tokenizer, data_collator=Collator(loaded.pad),
                                    train_dataset=rows, eval_dataset=evaluated)
        trainer.replay, trainer.anchor, trainer.plan, trainer.packed = replay, anchor, plan, packed
        run_trainer(trainer, Watcher(hooks, METRICS), hooks, distance)


def _batches(rows: Dataset, settings: Sft, replay: Replay | None) -> list[Batch]:
    """The largest batch of the task, and of the replayed text."""
    found = [Batch(rows=min(settings.batch_size, len(rows)), tokens=max(rows["length"]), answers=max(map(len, rows["answer_ids"])))]
    return found + ([Batch(rows=replay.count, tokens=max(len(a) + len(b) for a, b in replay.rows))] if replay else [])


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

    def parts(self, inputs: dict[str, Any], training: bool) -> list[Part]:
        replay, anchor = (self.replay, self.anchor) if training else (None, None)
        found: list[Part] = [partial(self._held, anchor)] if anchor else []
        if replay:
            batch, keep = replay.batch(self.state.global_step, inputs["input_ids"].device)
            found += self._answers({**batch, "keep": keep}, replay.share, "replay_loss")
        return found + self._answers(inputs, 1 - replay.share if replay else 1.0, "loss" if replay or anchor else "")

    def _answers(self, inputs: dict[str, Any], weight: float, name: str) -> list[Part]:
        """Mean negative log-likelihood over the batch's trained tokens, piece by piece; measured under `name`."""
        count = (inputs["labels"] != -100).sum().clamp(min=1)

        def share(model: Any, piece: dict[str, Any], counts: bool) -> torch.Tensor:
            loss = -answer_logps(model, piece, int(piece["keep"]), self.packed and model.training)[0].sum() / count * counts
            if name:
                self.measure(**{name: loss})
            return weight * loss
        return [partial(share, piece=piece, counts=counts) for piece, counts in self.pieces(inputs)]

    def _held(self, anchor: Anchor, model: Any) -> torch.Tensor:
        penalty = anchor.penalty(self.accelerator.unwrap_model(model)) / group.size()  # each process adds its share
        self.measure(ewc_penalty=penalty)
        return penalty
