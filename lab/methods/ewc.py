"""Elastic weight consolidation (Kirkpatrick et al., PNAS 2017, eq. 3): weights that matter for general text are held where they were.

penalty = lambda / 2 * sum_i F_i * (theta_i - theta0_i)^2, theta0 being the base's weights.

F is the diagonal empirical Fisher information *per token* at theta0: the squared gradients of each text's summed log-likelihood, summed
over the texts and divided by all their tokens. Given what stands before them, the gradients of a text's tokens do not correlate at
the model's own distribution, so this is the mean over single tokens without one backward pass for each. Per token, lambda has a
meaning: to second order (and without the off-diagonal terms) the penalty at lambda = 1 is the rise of the general text's loss in nats
per token, so lambda says how many nats on the task one nat of general text is worth. "Empirical": at the texts' own tokens, not at drawn
ones.
"""

from __future__ import annotations

from typing import Sequence

import torch

from lab.engine.likelihood import answer_logps, padded
from lab.engine.load import Loaded
from lab.methods.replay import Row


def fisher(loaded: Loaded, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Diagonal Fisher information per token, by parameter name; the model is left as it was."""
    named = dict(loaded.model.named_parameters())
    trained = {name: parameter.requires_grad for name, parameter in named.items()}
    found = {name: torch.zeros_like(parameter, dtype=torch.float32) for name, parameter in named.items()}
    training = loaded.model.training
    try:
        loaded.model.eval()
        for parameter in named.values():
            parameter.requires_grad_(True)
        for row in rows:
            batch, keep = padded([row], loaded.pad, loaded.device)
            total = answer_logps(loaded.model, batch, keep)[0].sum()
            for name, gradient in zip(named, torch.autograd.grad(total, list(named.values()), allow_unused=True)):
                if gradient is not None:
                    found[name] += gradient.detach().float().square()
    finally:
        loaded.model.train(training)
        for name, parameter in named.items():
            parameter.requires_grad_(trained[name])
    tokens = sum(len(text) for _, text in rows)
    return {name: total / tokens for name, total in found.items()}


class Anchor:
    """The pull back to a base's weights."""

    def __init__(self, base: Loaded, rows: Sequence[Row], strength: float):
        self.strength = strength
        self.start = {name: parameter.detach().float() for name, parameter in base.model.named_parameters()}
        self.fisher = fisher(base, rows)

    def penalty(self, model: torch.nn.Module) -> torch.Tensor:
        """In nats, differentiable; zero at the base's weights."""
        parts = [(self.fisher[name] * (parameter - self.start[name]).square()).sum() for name, parameter in model.named_parameters()]
        return self.strength / 2 * torch.stack(parts).sum()
