"""The first guess at a mapping, from column names and the shape of their cells. Where two are as good, it says so and picks none."""

from __future__ import annotations

import re
from typing import Any

from lab.corpus.labels import named_labels
from lab.corpus.mapping import Mapping
from lab.corpus.messages import turns
from lab.corpus.nested import SPLITS
from lab.corpus.values import Table

# Names by tier: a column of a later tier counts only where the earlier ones have none.
_CHATS = ("messages", "conversations", "conversation", "dialog")
_PROMPTS = (("prompt", "question", "instruction", "query", "mr", "problem", "user_query"), _CHATS,
            ("text", "input", "inputs", "sentence", "utterance", "stem", "source_text", "user", "document", "article"))
_ANSWERS = (("completion", "answer", "output", "response", "ref", "target", "best_answer", "reply", "gold", "reference", "solution",
             "answers", "slots"), ("label", "category", "intent", "class", "sentiment", "topic", "summary"))
_CHOSEN = ("chosen", "preferred", "preferred_output", "chosen_response", "accepted")
_REJECTED = ("rejected", "non_preferred", "non_preferred_output", "rejected_response", "dispreferred")
_SPLIT = ("split", "subset", "set", "fold", "partition")
_ENTITY = ("entity", "entity_id", "subject_id", "group_id")
_DOCUMENT = ("context", "document", "document_id", "documents", "passage", "files_with_evidence", "source_file", "source")
_FILE = re.compile(r"[^\s]{1,200}\.(md|txt|html?|pdf|docx|rst)", re.IGNORECASE)

Names = dict[str, str]


def guess_mapping(table: Table) -> Mapping:
    """A mapping to start from; `kind` is "unclear" and `reason` says why where the columns leave it open."""
    names = {re.sub(r"\W+", "_", column.strip().lower()).strip("_"): column for column in reversed(table.columns)}
    if any(name in names for name in (*_CHOSEN, *_REJECTED)):
        return _preferences(table, names)
    mapping = _examples(table, names)
    if label := thumbs(table):
        reason = (f"Each row holds one answer with a yes or no in '{label}' (KTO data), not two answers to one prompt: no preference pairs "
                  "can be made of it. To learn from the answers marked yes, keep those rows and use them as examples")
        return mapping.model_copy(update={"reason": reason})
    return mapping.model_copy(update={"labels": named_labels(table, mapping.answer)})


def examples_of_pairs(mapping: Mapping) -> Mapping:
    """A mapping of preference pairs read as examples: the chosen answer is the right one, the rejected one the other. Any other mapping
    stays as it is."""
    return Mapping(prompt=mapping.prompt, answer=mapping.chosen, other=mapping.rejected, reason=mapping.reason) if mapping.chosen else mapping


def templates_of(table: Table) -> list[str]:
    """What can be chosen for a part of the mapping: every column, and the question and the last answer of a column that holds chats."""
    chats = [column for column in table.columns if _is_chat(table, column) or _holds_prompt(table, column)]
    nested = [f"{{{column}.messages:all}}" for column in table.columns if _nested(table, column)]
    return [*(f"{{{column}}}" for column in table.columns), *(f"{{{column}:{part}}}" for column in chats for part in ("prompt", "answer")), *nested]


def thumbs(table: Table) -> str:
    """The column of a KTO file that says yes or no to a free answer; empty where there is none."""
    chat = any(_is_chat(table, column) for column in table.columns) or {"prompt", "completion"} <= set(table.columns)
    for column in table.columns:
        values = table.values(column)
        if chat and column.lower() in ("label", "kto_tag") and values and all(str(value).lower() in ("true", "false") for value in values):
            return column
    return ""


def _examples(table: Table, names: Names) -> Mapping:
    extras = _extras(table, names)
    prompts = _tier(_PROMPTS, names)
    chats = [column for column in prompts if _is_chat(table, column)]
    answers = _tier(_ANSWERS, {name: column for name, column in names.items() if column not in prompts})
    if chats and not answers or chats and table.values(chats[0]) and _ends_with_answer(table, chats[0]):
        return Mapping(prompt=f"{{{chats[0]}:prompt}}", answer=f"{{{chats[0]}:answer}}", **extras)
    if not prompts or not answers:
        missing = "prompt" if not prompts else "answer"
        return Mapping(prompt=_prompt(table, names, prompts[0]) if prompts else "", **extras,
                       answer=_answer(table, answers[0]) if answers else "",
                       reason=f"No column has a name that is known for the {missing}: choose among {', '.join(table.columns)[:300]}")
    if len(prompts) > 1 and set(prompts) != {names.get("instruction"), names.get("input")}:
        return _open("prompt", prompts, extras, answer=_answer(table, answers[0]) if len(answers) == 1 else "")
    if len(answers) > 1:
        return _open("answer", answers, extras, prompt=_prompt(table, names, prompts[0]))
    return Mapping(prompt=_prompt(table, names, prompts[0]), answer=_answer(table, answers[0]), **extras)


def _open(part: str, columns: list[str], extras: dict[str, str], **known: str) -> Mapping:
    count = {2: "Two", 3: "Three", 4: "Four"}.get(len(columns), str(len(columns)))
    return Mapping(**known, **extras, reason=f"{count} columns could be the {part}: {', '.join(columns)[:300]}. Choose one")


def _preferences(table: Table, names: Names) -> Mapping:
    chosen, rejected = _first(_CHOSEN, names), _first(_REJECTED, names)
    if not chosen or not rejected:
        missing = "rejected" if chosen else "chosen"
        return Mapping(reason=f"There is a column for one answer of the pair but none for the other ('{missing}'): choose it")
    pair = {"chosen": _answer(table, chosen), "rejected": _answer(table, rejected)}
    rest = {name: column for name, column in names.items() if column not in (chosen, rejected)}
    prompts = _tier(_PROMPTS, rest)
    if prompts:
        if len(prompts) > 1 and set(prompts) != {names.get("instruction"), names.get("input")}:
            return Mapping(**pair, reason=f"{len(prompts)} columns could be the prompt: {', '.join(prompts)[:300]}. Choose one")
        return Mapping(prompt=_prompt(table, rest, prompts[0]), **pair)
    if _holds_prompt(table, chosen):
        return Mapping(prompt=f"{{{chosen}:prompt}}", chosen=f"{{{chosen}:answer}}", rejected=f"{{{rejected}:answer}}")
    return Mapping(**pair, reason=f"No column has a name that is known for the prompt: choose among {', '.join(table.columns)[:300]}")


def _prompt(table: Table, names: Names, column: str) -> str:
    """The prompt's template: behind it what a second column adds to it, before it a system message."""
    first = table.values(column, 1)
    if _nested(table, column):
        return f"{{{column}.messages:all}}"
    if first and isinstance(first[0], dict) and "stem" in first[0]:
        return f"{{{column}.stem}}"
    template = f"{{{column}:all}}" if _is_chat(table, column) else f"{{{column}}}"
    for extra in ("input", "context"):
        if column in (names.get("instruction"), names.get("prompt")) and names.get(extra, column) != column:
            template += f"\n{{{names[extra]}}}"
    system = names.get("system") or names.get("system_prompt")
    return f"{{{system}}}\n\n{template}" if system else template


def _answer(table: Table, column: str) -> str:
    first = table.values(column, 1)
    if first and isinstance(first[0], dict) and isinstance(first[0].get("text"), list):
        return f"{{{column}.text.0}}"
    return f"{{{column}:answer}}" if _is_chat(table, column) else f"{{{column}}}"


def _extras(table: Table, names: Names) -> dict[str, str]:
    split = next((names[name] for name in _SPLIT if name in names and _are_splits(table, names[name])), "")
    document = ""
    if "instruction" not in names and "prompt" not in names:
        document = next((names[name] for name in _DOCUMENT if name in names and name not in _prompt_names(names)
                         and (name not in ("source", "document") or _are_files(table, names[name]))), "")
    entity = _first(_ENTITY, names) or (names["title"] if "title" in names and "context" in names and document else "")
    return {"split_column": split, "entity_column": entity, "document_column": document}


def _prompt_names(names: Names) -> tuple[str, ...]:
    return next((tuple(name for name in tier if name in names) for tier in _PROMPTS if any(name in names for name in tier)), ())


def _tier(tiers: tuple[tuple[str, ...], ...], names: Names) -> list[str]:
    """Columns of the first tier that has any, in the order of the tier."""
    return next((found for tier in tiers if (found := [names[name] for name in tier if name in names])), [])


def _first(wanted: tuple[str, ...], names: Names) -> str:
    return next((names[name] for name in wanted if name in names), "")


def _is_chat(table: Table, column: str) -> bool:
    return any(turns(value) for value in table.values(column, 3))


def _nested(table: Table, column: str) -> bool:
    first = table.values(column, 1)
    return bool(first) and isinstance(first[0], dict) and bool(turns(first[0].get("messages")))


def _ends_with_answer(table: Table, column: str) -> bool:
    return any(any(role == "assistant" for role, _ in turns(value) or []) for value in table.values(column, 3))


def _holds_prompt(table: Table, column: str) -> bool:
    values: list[Any] = table.values(column, 5)
    return bool(values) and all("\n\nAssistant:" in v if isinstance(v, str) else len(turns(v) or []) > 1 for v in values)


def _are_splits(table: Table, column: str) -> bool:
    values = {str(row.get(column)).strip().lower() for row in table.rows}
    return bool(values) and values <= SPLITS.keys()


def _are_files(table: Table, column: str) -> bool:
    values = table.values(column)
    return bool(values) and all(isinstance(value, str) and _FILE.fullmatch(value) for value in values)
