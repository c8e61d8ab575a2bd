"""General text: what the base learned from, rehearsed beside a task (replay) or used to say which weights matter (EWC).

Knows texts, not where they come from. Robins, Connection Science 1995, "Catastrophic forgetting, rehearsal and pseudorehearsal".
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Sequence

import torch

from lab.core import DataError
from lab.engine.likelihood import padded
from lab.engine.load import Loaded

Row = tuple[list[int], list[int]]  # what stands before, what is trained


@dataclass(frozen=True)
class General:
    """Texts, and the bare base that general knowledge is measured from."""

    texts: Sequence[str]
    base: Loaded


def text_rows(loaded: Loaded, texts: Sequence[str], longest: int) -> list[Row]:
    """Raw texts as rows of at most `longest` tokens; a longer text becomes several. Raises DataError where nothing can be trained on.

    A text stands behind the base's start (or end) token alone, as it does when raw text is scored; one that begins with a special
    token of its own stays as it is.
    """
    special = set(loaded.tokenizer.all_special_ids)
    start = loaded.tokenizer.bos_token_id
    before = start if start is not None else min(loaded.ends, default=loaded.pad)
    rows = []
    for ids in (loaded.encode(text) for text in texts):
        if ids and ids[0] not in special:
            ids = [before, *ids]
        pieces = [ids[place:place + longest] for place in range(0, len(ids), longest)]
        rows += [(piece[:1], piece[1:]) for piece in pieces if len(piece) > 1]
    if not rows:
        raise DataError("The general text holds nothing to learn from", f"{len(texts)} texts", "Save texts of at least a few words each")
    return rows


class Replay:
    """Rows of general text for each step, drawn without repetition until all were seen, then anew.

    A step's rows depend on the seed and on the step's number alone: a resumed run sees the same ones.
    """

    def __init__(self, rows: Sequence[Row], share: float, batch_size: int, seed: int, pad: int):
        self.rows, self.share, self.seed, self.pad = rows, share, seed, pad
        self.count = max(1, round(share / (1 - share) * batch_size))
        self._passes: tuple[int, list[int]] = (-1, [])

    def places(self, step: int) -> list[int]:
        """Which rows belong to a step (from 0)."""
        return [self._order(number // len(self.rows))[number % len(self.rows)]
                for number in range(step * self.count, (step + 1) * self.count)]

    def _order(self, turn: int) -> list[int]:
        if self._passes[0] != turn:
            order = list(range(len(self.rows)))
            random.Random(f"replay-{self.seed}-{turn}").shuffle(order)
            self._passes = (turn, order)
        return self._passes[1]

    def batch(self, step: int, device: torch.device) -> tuple[dict[str, Any], int]:
        """The step's rows as a padded batch, and how many last positions hold what is trained."""
        return padded([self.rows[place] for place in self.places(step)], self.pad, device)
