"""How far tuned weights have moved from their base: forward KL divergence in nats per token, exact over the vocabulary.

KL(base || tuned) = sum_v p_base(v) * (log p_base(v) - log p_tuned(v)), averaged over the tokens of a text. On a task the text is an
answer drawn from the base itself at temperature 1, as in "RL's Razor" (arXiv 2509.04259): on answers that the base would never
give, the measure would say how unusual they are.
"""

from __future__ import annotations

from typing import Callable, Sequence

import torch

from lab.core import Suite
from lab.engine.bank import AdapterBank
from lab.engine.generate import batches, generate
from lab.engine.likelihood import answer_logits, padded
from lab.engine.load import Loaded
from lab.engine.weights import BASE
from lab.methods.asking import Asker

MOST_ITEMS = 100  # of a task's suite; spread evenly over it
LONGEST = 32  # drawn tokens per answer
HELD = 1 << 26  # numbers in one batch of logits: two of them have to fit into memory

Row = tuple[list[int], list[int]]


@torch.inference_mode()
def forward_kl(loaded: Loaded, bank: AdapterBank, tuned: str, rows: Sequence[Row],
               check: Callable[[], None] = lambda: None) -> list[float | None]:
    """KL(base || tuned) in nats per token of each row's continuation; None where it has no token. The bank is left on `tuned`.

    rows: (what stands before, the tokens that are read); tuned: a name in the bank.
    """
    found: list[float | None] = [None] * len(rows)
    held = max(1, HELD // loaded.model.config.get_text_config().vocab_size)
    for group in batches([len(before) + len(text) for before, text in rows], tokens=held):
        check()
        batch, keep = padded([rows[place] for place in group], loaded.pad, loaded.device)
        bank.choose([BASE])
        base = answer_logits(loaded.model, batch, keep).log_softmax(-1)
        bank.choose([tuned])
        moved = answer_logits(loaded.model, batch, keep).log_softmax(-1)
        read = batch["labels"][:, -keep:] != -100
        per_token = (base.exp() * (base - moved)).sum(-1) * read
        for place, total, count in zip(group, per_token.sum(1).tolist(), read.sum(1).tolist()):
            found[place] = max(0.0, total / count) if count else None  # below zero by rounding alone
    return found


def drawn_answers(asker: Asker, bank: AdapterBank, suite: Suite, check: Callable[[], None] = lambda: None) -> dict[str, Row]:
    """For each measured item the System's own prompt and an answer drawn from the base's weights, its end included. The draw depends
    on the suite alone, so that equal prompts get equal answers. The bank is left on the base."""
    step = -(-len(suite.items) // MOST_ITEMS)
    items, loaded = suite.items[::step], asker.loaded
    prompts = [asker.ask(item.prompt, suite.max_new_tokens).ids for item in items]
    chance = torch.Generator(device=loaded.device).manual_seed(int(suite.fingerprint, 16) % (1 << 62))
    bank.choose([BASE])
    found = {}
    for group in batches([len(ids) for ids in prompts]):
        check()
        answers = generate(loaded, [prompts[place] for place in group], min(LONGEST, suite.max_new_tokens), chance=chance)
        for place, answer in zip(group, answers):
            end = [min(loaded.ends)] if answer.ended else []  # which of the ends it was does not matter: only what stands before is read
            found[items[place].id] = (prompts[place], answer.ids + end)
    return found
