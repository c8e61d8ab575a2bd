"""Which scorer suits the answers at hand. A proposal: the user decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median

from lab.core import Example, Scorer
from lab.corpus.splits import looks_like_labels

LONG = 20  # words in the median


def suggest_scorer(examples: Sequence[Example]) -> Scorer:
    """Examples with choices: multiple_choice. JSON answers: json_match. Labels and answers of up to three words: exact_match. Phrases:
    contains_answer. Sentences: normalised_match. Long texts, which nobody writes word for word: answer_loss."""
    if examples and all(example.choices for example in examples):
        return Scorer(kind="multiple_choice")
    answers = [example.answer for example in examples][:5_000]
    if not answers:
        return Scorer(kind="exact_match")
    if sum(_is_json(answer) for answer in answers) >= 0.9 * len(answers):
        return Scorer(kind="json_match")
    words = [len(answer.split()) for answer in answers]
    if max(words) <= 3 or looks_like_labels(answers) and median(words) <= 6:
        return Scorer(kind="exact_match")
    if median(words) > LONG:
        return Scorer(kind="answer_loss")
    return Scorer(kind="contains_answer" if median(words) <= 12 else "normalised_match")


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
