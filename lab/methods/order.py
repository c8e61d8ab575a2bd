"""The order in which training rows are read: batches of similar lengths, the same ones whenever they are asked for."""

from __future__ import annotations

from typing import Iterator

import torch
from torch.utils.data import Sampler

BATCHES_SORTED_TOGETHER = 50  # rows are shuffled first, then sorted within blocks of this many batches


class ByLength(Sampler[int]):
    """Row numbers so that neighbours have similar lengths. The order depends on seed and epoch alone, never on how much chance
    was drawn before: a resumed run sees the same batches. The longest rows come first, so that a lack of memory shows at once."""

    def __init__(self, lengths: list[int], batch_size: int, seed: int):
        self.lengths, self.block, self.seed, self.epoch = lengths, batch_size * BATCHES_SORTED_TOGETHER, seed, 0
        self.batch_size = batch_size

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(1_000_003 * self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=chance).tolist()
        blocks = [sorted(order[start:start + self.block], key=lambda row: -self.lengths[row])
                  for start in range(0, len(order), self.block)]
        batches = [block[start:start + self.batch_size] for block in blocks for start in range(0, len(block), self.batch_size)]
        batches.sort(key=lambda batch: (len(batch) < self.batch_size, -self.lengths[batch[0]]))
        shuffled = [batches[place + 1] for place in torch.randperm(len(batches) - 1, generator=chance).tolist()]
        full = [batch for batch in shuffled if len(batch) == self.batch_size]
        short = [batch for batch in shuffled if len(batch) < self.batch_size]  # last, or it would shift every batch behind it
        return iter([row for batch in [batches[0], *full, *short] for row in batch])
