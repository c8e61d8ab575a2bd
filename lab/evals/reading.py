"""What a given answer is worth to a System: token ids of the prompt and the answer as they stand in one conversation, and which of
several answers is the most probable."""

from __future__ import annotations

from typing import Sequence

from lab.core import Item
from lab.engine.choices import Reading, Row
from lab.methods.asking import Asker


def answer_row(asker: Asker, question: str, text: str) -> Row:
    """Token ids of (what stands before, what is read): the System's prompt for the question, then the answer with the end of its turn.
    Raw text (no question) stands behind the base's start or end token alone."""
    loaded = asker.loaded
    if not question:
        limit = loaded.context - 1 if loaded.context else None
        return [start_token(asker)], loaded.encode(text)[:limit]
    asked = asker.ask(question, len(loaded.encode(text)) + 1)
    prompt, answer = loaded.template.training_text(asked.messages, text)
    return loaded.encode(prompt), loaded.encode(answer)


def start_token(asker: Asker) -> int:
    """What raw text stands behind: the base's start token, or its end token where it has no start."""
    start = asker.loaded.tokenizer.bos_token_id
    return start if start is not None else min(asker.loaded.ends, default=asker.loaded.pad)


def choice_value(item: Item, readings: Sequence[Reading]) -> tuple[float, str]:
    """1 where the right choice is more probable than every other. Log-probabilities are summed, not divided by length (`acc` of
    lm-evaluation-harness, not `acc_norm`); a tie is wrong, as nothing was chosen."""
    totals = {text: reading.total for text, reading in zip(item.choices or (), readings)}
    best = max(totals, key=lambda text: totals[text])
    tied = sum(total == totals[best] for total in totals.values()) > 1
    return float(best == item.answer and not tied), f"most likely: {best}"
