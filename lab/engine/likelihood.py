"""Log-probabilities of given continuations. Natural logarithms, summed over the continuation's tokens."""

from __future__ import annotations

from typing import Sequence

import torch

from lab.engine.generate import batches
from lab.engine.load import Loaded

FLASH = "flash_attention_2"  # the kernel by the library's name; it takes half precision alone
ROUNDED = 1e-4  # nats; a row that sees another one moves by more


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


def answer_logps(model: torch.nn.Module, batch: dict[str, torch.Tensor], keep: int, packed: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Per-position log-probabilities (rows, keep) of the labels, zero where nothing is trained, and the trained mask. `packed`: the rows
    are joined into one without their padding."""
    if packed:
        return _packed_logps(model, batch, keep)
    logits = answer_logits(model, batch, keep)
    labels = batch["labels"][:, -keep:]
    trained = labels != -100
    picked = logits.gather(2, labels.clamp(min=0).unsqueeze(2)).squeeze(2)
    return (picked - logits.logsumexp(2)) * trained, trained


def _packed_logps(model: torch.nn.Module, batch: dict[str, torch.Tensor], keep: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows of a batch joined into one. Positions begin anew with each of them, by which the library's attention keeps them apart; the
    vocabulary layer runs over the positions before the trained ones alone."""
    tokens, trained = batch["attention_mask"].bool(), batch["labels"] != -100
    place = (tokens.flatten().cumsum(0) - 1).view_as(tokens)  # of each token in the joined row
    out = model(input_ids=batch["input_ids"][tokens].unsqueeze(0), position_ids=batch["position_ids"][tokens].unsqueeze(0), use_cache=False,
                logits_to_keep=place[trained] - 1)
    logits = out.logits[0].float()
    found = logits.new_zeros(trained.shape)
    found[trained] = logits.gather(1, batch["labels"][trained].unsqueeze(1)).squeeze(1) - logits.logsumexp(1)
    return found[:, -keep:], trained[:, -keep:]


@torch.inference_mode()
def keeps_rows_apart(loaded: Loaded) -> bool:
    """Whether a row's log-probabilities stay what they are while another row stands before it: some architectures let joined rows see each
    other."""
    training, model, half = loaded.model.training, loaded.model.eval(), loaded.model.config._attn_implementation == FLASH
    chance = torch.Generator().manual_seed(0)
    one, other, last = torch.randint(0, model.config.get_text_config().vocab_size, (3, 16), generator=chance).tolist()
    try:
        with torch.autocast(loaded.device.type, torch.bfloat16, enabled=half):
            found = [answer_logps(model, *padded([(first[:8], first[8:]), (last[:4], last[4:])], loaded.pad, loaded.device), packed=True)[0][1]
                     for first in (one, other)]
    except (TypeError, ValueError, RuntimeError):  # it cannot be asked so
        return False
    finally:
        model.train(training)
    return bool((found[0] - found[1]).abs().max() < ROUNDED)


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
