"""How far a stage has moved the model from where it began: forward KL in nats per token over validation answers, at every evaluation.

KL(before || now) = sum_v p_before(v) * (log p_before(v) - log p_now(v)), averaged over the answers' tokens. It is read on given answers and
on few of them: a curve of the way, not the number that Systems are compared by (evals.divergence).
"""

from __future__ import annotations

from typing import Any, Sequence

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lab.engine.likelihood import answer_logits, padded
from lab.engine.load import Loaded
from lab.methods.training import Hooks

MOST_ROWS = 32
TOKENS = 1 << 13  # read at a time
NUMBERS = 1 << 24  # of log-probabilities that are held: 64 MiB


class Distance(TrainerCallback):
    """Made before the stage begins, while `loaded.model` is what the stage starts from. `rows`: (prompt, answer) token ids, of which the
    first few are read; tells the hooks `eval_kl`."""

    def __init__(self, loaded: Loaded, rows: Sequence[tuple[list[int], list[int]]], hooks: Hooks):
        self.hooks = hooks
        chosen = _few([row for row in rows if row[1]], loaded.model.config.get_text_config().vocab_size)
        self.batch, self.keep = padded(chosen, loaded.pad, loaded.device) if chosen else ({}, 0)
        self.before = self._read(loaded.model) if chosen else None

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **kwargs: Any) -> None:
        if self.before is not None:
            self.hooks.metric(state.global_step, state.max_steps, {"eval_kl": self.now(model)})

    def now(self, model: torch.nn.Module) -> float:
        """KL(before || model) in nats per token."""
        was_training = model.training
        model.eval()
        moved = self._read(model)
        model.train(was_training)
        per_token = (self.before.exp() * (self.before - moved)).sum(-1)
        return max(0.0, float(per_token.mean()))  # below zero by rounding alone

    @torch.no_grad()
    def _read(self, model: torch.nn.Module) -> torch.Tensor:
        """Log-probabilities (answer tokens, vocabulary)."""
        read = self.batch["labels"][:, -self.keep:] != -100
        return answer_logits(model, self.batch, self.keep)[read].log_softmax(-1)


def _few(rows: Sequence[tuple[list[int], list[int]]], vocabulary: int) -> list[tuple[list[int], list[int]]]:
    """The first rows that can be read in one pass; none where even one is too much."""
    found: list[tuple[list[int], list[int]]] = []
    for row in rows[:MOST_ROWS]:
        more = [*found, row]
        width, keep = max(len(prompt) + len(answer) for prompt, answer in more), max(len(answer) for _, answer in more)
        if len(more) * width > TOKENS or len(more) * keep * vocabulary > NUMBERS:
            break
        found = more
    return found
