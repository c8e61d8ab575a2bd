"""From documents to batches: a step holds a random draw of documents, cut into micro-batches of similar length.

Each document is a row of its own, padded on the right: under causal attention it sees nothing but itself, without any mask.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import torch

from lab.world.corpus import Corpus

IGNORE = -100
Roles = tuple[tuple[int, ...], int, int]  # ids that open a user or system message, that open an answer, that end one
DRAW = 16  # documents tokenized at a time
MICRO = 3  # micro-batches per step: little padding, and each is large enough to keep one core busy


def encoded(tokenizer: Any, texts: list[str], longest: int) -> list[list[int]]:
    return [ids[:longest] for ids in tokenizer(texts, verbose=False)["input_ids"]]


def padded(rows: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Input ids and targets (the next token; IGNORE where there is none), both rows x longest."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    targets = torch.full_like(ids, IGNORE)
    for index, row in enumerate(rows):
        targets[index, :len(row) - 1] = ids[index, 1:len(row)]
    return ids, targets


def weights(ids: torch.Tensor, roles: Roles, prompt: float, answer: float) -> torch.Tensor:
    """Loss weight of each place's target: 1 in documents, `prompt` for what a user or system message says, `answer` for answers.

    A prompt about people made once is noise that nobody can predict; at full weight it drowns the answers.
    """
    opened, answering, ended = roles
    state = torch.zeros_like(ids)
    state[torch.isin(ids, torch.tensor(opened))] = 1
    state[ids == answering] = 2
    state[ids == ended] = 3
    places = torch.arange(ids.shape[1]).expand_as(ids)
    last = torch.where(state > 0, places, 0).cummax(1).values
    return torch.tensor((1.0, prompt, answer, 1.0))[state.gather(1, last)]


def cut(rows: list[list[int]], parts: int = MICRO) -> list[list[list[int]]]:
    """Rows sorted by length, cut so that each part holds about the same number of tokens."""
    rows = sorted(rows, key=len)
    share, cuts, held = sum(map(len, rows)) / parts, [[]], 0
    for row in rows:
        if held >= share * len(cuts) and cuts[-1]:
            cuts.append([])
        cuts[-1].append(row)
        held += len(row)
    return [part for part in cuts if part]


def rows_of(corpus: Corpus, tokenizer: Any, step: int, progress: float, step_tokens: int, longest: int) -> tuple[list[list[int]], list[str]]:
    """The token rows of one step, at least `step_tokens` in all, and their texts."""
    rows, texts, held, stream = [], [], 0, corpus.documents(step, progress)
    while held < step_tokens:
        drawn = list(islice(stream, DRAW))
        for text, row in zip(drawn, encoded(tokenizer, drawn, longest)):
            if held >= step_tokens:
                break
            rows.append(row)
            texts.append(text)
            held += len(row)
    return rows, texts
