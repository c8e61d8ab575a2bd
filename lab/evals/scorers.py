"""Scorers: an answer and an item become a number between 0 and 1, with the reason. No model, no files."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Callable

from lab.core import Item, Scorer

ARTICLES = {"a", "an", "the"}
Scored = tuple[float, str]


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and surplus spaces (as SQuAD's scorer does)."""
    text = unicodedata.normalize("NFKC", text).casefold()
    words = re.sub(r"[^\w\s]", " ", text).split()
    return " ".join(word for word in words if word not in ARTICLES)


def value_of(item: Item) -> str:
    """The bare right value where the answer is a sentence around it (slice 'value')."""
    return item.slices.get("value") or item.answer


def parse_json(text: str) -> Any:
    """Strict JSON; NaN and Infinity are refused. Raises ValueError."""
    return json.loads(text.strip(), parse_constant=lambda name: (_ for _ in ()).throw(ValueError(f"{name} is not JSON")))


def _exact(scorer: Scorer, item: Item, answer: str) -> Scored:
    return float(answer.strip() == item.answer.strip()), ""


def _normalised(scorer: Scorer, item: Item, answer: str) -> Scored:
    return float(normalised(answer) == normalised(item.answer)), ""


def _contains(scorer: Scorer, item: Item, answer: str) -> Scored:
    wanted = normalised(value_of(item))
    return float(bool(wanted) and f" {wanted} " in f" {normalised(answer)} "), f"looked for: {value_of(item)}"


def _json_valid(scorer: Scorer, item: Item, answer: str) -> Scored:
    try:
        value = parse_json(answer)
    except (ValueError, RecursionError) as error:
        return 0.0, f"not JSON: {error}"
    return float(isinstance(value, type(parse_json(item.answer)))), ""


def _json_fields(scorer: Scorer, item: Item, answer: str) -> Scored:
    """Share of the right object's fields that the answer has with the right value."""
    try:
        found, wanted = parse_json(answer), parse_json(item.answer)
    except (ValueError, RecursionError) as error:
        return 0.0, f"not JSON: {error}"
    if not isinstance(wanted, dict) or not isinstance(found, dict):
        return float(found == wanted), ""
    wrong = [key for key, value in wanted.items() if found.get(key) != value]
    return (len(wanted) - len(wrong)) / max(1, len(wanted)), f"wrong: {', '.join(wrong)}" if wrong else ""


def _json_match(scorer: Scorer, item: Item, answer: str) -> Scored:
    try:
        return float(parse_json(answer) == parse_json(item.answer)), ""
    except (ValueError, RecursionError) as error:
        return 0.0, f"not JSON: {error}"


def _rule(scorer: Scorer, item: Item, answer: str) -> Scored:
    found = [phrase for phrase in scorer.phrases if phrase.casefold() in answer.casefold()]
    return float(bool(found)), f"found: {found[0]}" if found else "none of the phrases found"


SCORERS: dict[str, Callable[[Scorer, Item, str], Scored]] = {
    "exact_match": _exact, "normalised_match": _normalised, "contains_answer": _contains, "json_valid": _json_valid,
    "json_fields": _json_fields, "json_match": _json_match, "rule": _rule,
}


def score_answer(scorers: tuple[Scorer, ...], item: Item, answer: str) -> tuple[dict[str, float | None], str]:
    """One number per scorer that reads the written answer, and the reasons joined."""
    values: dict[str, float | None] = {}
    reasons = []
    for scorer in scorers:
        if scorer.kind in SCORERS:
            values[scorer.kind], reason = SCORERS[scorer.kind](scorer, item, answer)
            reasons.append(reason)
    if any(scorer.kind == "all_of" for scorer in scorers):
        values["all_of"] = float(bool(values) and all(value == 1 for value in values.values()))
    return values, "; ".join(dict.fromkeys(reason for reason in reasons if reason))
