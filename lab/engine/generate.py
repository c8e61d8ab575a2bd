"""Decoding of a batch in which every row may use another adapter of the same base: greedy, or drawn at temperature 1.

The engine knows token ids only; prompts, shots and passages are made elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Sequence

import torch
from transformers import DynamicCache

from lab.engine.bank import AdapterBank
from lab.engine.load import Loaded

TOKENS_PER_BATCH = 16_384  # prompt tokens held at once; keeps a long batch within the memory of a small machine


@dataclass
class Answer:
    """Token ids that were written, and whether an end token ended them (or the limit did)."""

    ids: list[int] = field(default_factory=list)
    ended: bool = False


OnToken = Callable[[int, int], None]  # row, token id
Stop = Callable[[], bool]


@torch.inference_mode()
def generate(loaded: Loaded, prompts: Sequence[list[int]], max_new_tokens: int, on_token: OnToken | None = None,
             should_stop: Stop = lambda: False, bank: AdapterBank | None = None, adapters: Sequence[str] = (),
             chance: torch.Generator | None = None) -> list[Answer]:
    """Answers for one batch, in order. Rows that have ended leave the batch.

    prompts: token ids, none empty; bank and adapters: an adapter's name in the bank per row, or none for the model as it is; the rows'
    names must share a set of weights. chance: draws each token from the model's distribution; None: greedy.
    """
    answers = [Answer() for _ in prompts]
    batch = _Batch(loaded, prompts, bank, adapters, chance)
    step, tokens = 0, batch.start()
    while step < max_new_tokens:
        open_places = []
        for place, (row, token) in enumerate(zip(batch.rows, tokens)):
            if token in loaded.ends:
                answers[row].ended = True
                continue
            answers[row].ids.append(token)
            open_places.append(place)
            if on_token:
                on_token(row, token)
        step += 1
        if not open_places or step == max_new_tokens or should_stop():
            break
        tokens = batch.next(open_places, tokens)
    return answers


class _Batch:
    """The rows still being written, with their cache. Left-padded, so that all rows end at the same place."""

    def __init__(self, loaded: Loaded, prompts: Sequence[list[int]], bank: AdapterBank | None, adapters: Sequence[str],
                 chance: torch.Generator | None):
        width = max(len(ids) for ids in prompts)
        self.loaded, self.bank, self.adapters, self.chance = loaded, bank, list(adapters), chance
        self.rows = list(range(len(prompts)))
        self.ids = torch.tensor([[loaded.pad] * (width - len(ids)) + ids for ids in prompts], device=loaded.device)
        self.mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts], device=loaded.device)
        self.cache = DynamicCache(config=loaded.model.config)

    def start(self) -> list[int]:
        positions = (self.mask.cumsum(1) - 1).clamp(min=0)
        return self._forward(self.ids, positions)

    def next(self, places: list[int], tokens: list[int]) -> list[int]:
        """One more token for the rows at `places`; the others leave."""
        if len(places) < len(self.rows):
            kept = torch.tensor(places, device=self.loaded.device)
            self.cache.batch_select_indices(kept)
            self.mask = self.mask[kept]
            self.rows = [self.rows[place] for place in places]
            if self.bank:
                self.adapters = [self.adapters[place] for place in places]
        new = torch.tensor([[tokens[place]] for place in places], device=self.loaded.device)
        self.mask = torch.cat([self.mask, torch.ones_like(new)], dim=1)
        return self._forward(new, self.mask.sum(1, keepdim=True) - 1)

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> list[int]:
        if self.bank:
            self.bank.choose(self.adapters)
        out = self.loaded.model(input_ids=ids, attention_mask=self.mask, position_ids=positions, past_key_values=self.cache,
                                use_cache=True, logits_to_keep=1)
        logits = out.logits[:, -1]
        if self.chance is None:
            return logits.argmax(-1).tolist()
        return torch.multinomial(logits.float().softmax(-1), 1, generator=self.chance).squeeze(1).tolist()


def batches(lengths: Sequence[int], rows: int = 64, tokens: int = TOKENS_PER_BATCH) -> list[list[int]]:
    """Places grouped by similar length, each group within `rows` rows and `tokens` padded tokens."""
    groups: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        group = groups[-1] if groups else None
        if group is None or len(group) >= rows or (len(group) + 1) * lengths[place] > tokens:
            groups.append(group := [])
        group.append(place)
    return groups
