"""The optimizers of pretraining and the schedule of their rates. Knows a model's parameters and a preset, nothing of data."""

from __future__ import annotations

from itertools import accumulate, pairwise
from math import cos, pi
from typing import Any

import torch

from lab.world.presets import Preset

Optimizers = list[torch.optim.Optimizer]


def optimizers_of(model: Any, preset: Preset) -> Optimizers:
    """Muon for the layers' matrices, AdamW for embeddings and norms.

    Reading begins after about a quarter of the tokens that AdamW alone needs (measured on this corpus); norms do not decay.
    """
    inside = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    table = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" in name]
    norms = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": table, "weight_decay": preset.weight_decay}, {"params": norms, "weight_decay": 0.0}]
    return [torch.optim.Muon(inside, lr=preset.muon_rate, weight_decay=preset.weight_decay, momentum=0.95),
            torch.optim.AdamW(groups, lr=preset.learning_rate, betas=preset.betas, foreach=True)]


def cycle(step: int, preset: Preset) -> tuple[float, float]:
    """Peak of the cycle that a step is in (as a share of the preset's rates), and the share of that peak at this step.

    Cycles of linear warm-up and cosine: two in the main part, the second up to half the peak, and one in each finish.
    """
    turn = round(preset.restart * preset.steps)
    if step < preset.steps:
        peak, start, end, most = (1.0, 0, turn, preset.warmup) if step < turn else (0.5, turn, preset.steps, preset.warmup)
    else:
        borders = list(accumulate((preset.steps, *preset.finishes)))
        start, end = next(((a, b) for a, b in pairwise(borders) if step < b), borders[-2:])
        peak, most = preset.finish_rate, preset.finish_warmup
    warmup = min(most, max(1, (end - start) // 10))
    if step - start < warmup:
        return peak, (step - start + 1) / warmup
    done = (step - start - warmup) / max(1, end - start - warmup)
    return peak, preset.final_rate + (1 - preset.final_rate) * (1 + cos(pi * done)) / 2


def set_rates(optimizers: Optimizers, step: int, preset: Preset) -> None:
    """Give the optimizers this step's rates."""
    peak, share = cycle(step, preset)
    for optimizer, rate in zip(optimizers, (preset.muon_rate, preset.learning_rate)):
        for group in optimizer.param_groups:
            group["lr"] = rate * peak * share
