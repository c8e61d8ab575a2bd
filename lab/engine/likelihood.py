"""Log-probabilities of given continuations. Natural logarithms, summed over the continuation's tokens."""

from __future__ import annotations

from typing import Sequence

import torch

from lab.engine.generate import batches
from lab.engine.load import Loaded


def padded(rows: Sequence[tuple[list[int], list[int]]], pad: int, device: torch.device) -> tuple[dict[str, torch.Tensor], int]:
    """(prompt, answer) token ids as a left-padded batch, and how many last positions hold the longest answer (at least one).

    Left padding puts all answers at the right edge, so that the vocabulary layer runs over those positions alone.
    """
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    keep = max(1, *(len(answer) for _, answer in rows))
    ids = torch.full((len(rows), width), pad)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    labels = torch.full((len(rows), width), -100)
    for row, (prompt, answer) in enumerate(rows):
        whole = prompt + answer
        ids[row, width - len(whole):] = torch.tensor(whole)
        mask[row, width - len(whole):] = 1
        if answer:
            labels[row, width - len(answer):] = torch.tensor(answer)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    batch = {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}
    return {name: tensor.to(device) for name, tensor in batch.items()}, keep


def answer_logits(model: torch.nn.Module, batch: dict[str, torch.Tensor], keep: int) -> torch.Tensor:
    """Logits (rows, keep, vocabulary) that predict the last `keep` positions, in full precision."""
    out = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], position_ids=batch["position_ids"],
                use_cache=False, logits_to_keep=keep + 1)
    return out.logits[:, :-1].float()


def answer_logps(model: torch.nn.Module, batch: dict[str, torch.Tensor], keep: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Per-position log-probabilities (rows, keep) of the labels, zero where nothing is trained, and the trained mask."""
    logits = answer_logits(model, batch, keep)
    labels = batch["labels"][:, -keep:]
    trained = labels != -100
    picked = logits.gather(2, labels.clamp(min=0).unsqueeze(2)).squeeze(2)
    return (picked - logits.logsumexp(2)) * trained, trained


@torch.inference_mode()
def continuation_logps(loaded: Loaded, rows: Sequence[tuple[list[int], list[int]]], together: int = 0) -> list[tuple[float, int]]:
    """(summed log-probability, number of tokens) of each row's continuation, in order. A prompt must not be empty. `together`: rows read
    at a time at most; 0: as many as answers are generated for."""
    found: list[tuple[float, int]] = [(0.0, 0)] * len(rows)
    lengths = [len(prompt) + len(answer) for prompt, answer in rows]
    for group in batches(lengths, together) if together else batches(lengths):
        batch, keep = padded([rows[place] for place in group], loaded.pad, loaded.device)
        logps, trained = answer_logps(loaded.model, batch, keep)
        for place, total, count in zip(group, logps.sum(1).tolist(), trained.sum(1).tolist()):
            found[place] = (total, count)
    return found
