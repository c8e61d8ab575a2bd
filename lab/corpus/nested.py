"""Where the rows stand in a JSON file: a list, an object around a list, splits, columns, SQuAD articles, lists of entity spans."""

from __future__ import annotations

import json
from typing import Any

from lab.corpus.limits import Refused

SPLITS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
          "dev": "validation", "eval": "validation", "validate": "validation", "test": "test", "testing": "test"}
_PLAIN = (str, int, float, bool, type(None))


def rows_of(value: Any, key: str = "", depth: int = 0) -> list[Any]:
    """The rows of a parsed file; things that are no rows are left in, for the caller to report. Raises Refused."""
    if isinstance(value, list):
        return _of_list(value, key)
    if not isinstance(value, dict) or not value:
        raise Refused("The file holds one value, not rows", "A JSON file needs a list of objects, or an object that holds one list")
    lists = {name: inner for name, inner in value.items() if isinstance(inner, list)}
    if lists and all(name.lower() in SPLITS for name in lists):
        return [_with_split(row, SPLITS[name.lower()]) for name, rows in lists.items() for row in _of_list(rows, "")]
    if len(lists) == 1 and (name := next(iter(lists))) and _holds_rows(lists[name], len(value)):
        return _of_list(lists[name], name)
    if len(value) == 1 and isinstance(inner := next(iter(value.values())), dict) and depth < 5:
        return rows_of(inner, next(iter(value)), depth + 1)
    if len(lists) == len(value) > 1:
        return _of_columns(lists)
    return [value]


def _holds_rows(rows: list[Any], keys: int) -> bool:
    """A list of objects, or the only thing there is; a conversation among other keys is one row's cell."""
    return keys == 1 or bool(rows) and all(map(holds_row, rows[:20]))


def _of_list(rows: list[Any], key: str) -> list[Any]:
    first = next((row for row in rows if isinstance(row, dict)), {})
    if isinstance(first.get("paragraphs"), list):
        return [row for article in rows for row in _squad(article)]
    if key and list(first) == ["data"] and _is_spans(first["data"]):
        return [_spans(row["data"], key) if isinstance(row, dict) and _is_spans(row.get("data")) else row for row in rows]
    return [{"text": row} if isinstance(row, str) else row for row in rows]


def of_item(value: Any, key: str) -> list[Any]:
    """The rows of one value of a list: itself, or what it holds. `key`: the list's name in its object, where it has one."""
    return _of_list([value], key)


def holds_row(value: Any) -> bool:
    """An object that is no turn of a conversation."""
    return isinstance(value, dict) and not {"role", "from"} & value.keys()


def _with_split(row: Any, split: str) -> Any:
    return {**row, "split": split} if isinstance(row, dict) else row


def _of_columns(lists: dict[str, list[Any]]) -> list[Any]:
    """Columns side by side, as some tools export them."""
    lengths = {len(column) for column in lists.values()}
    if len(lengths) > 1 or not all(isinstance(cell, _PLAIN) for column in lists.values() for cell in column):
        names = ", ".join(list(lists)[:6])
        raise Refused(f"The file holds several lists ({names}); it is not clear which one has the rows", "Keep one list in the file")
    return [dict(zip(lists, cells)) for cells in zip(*lists.values())]


def _squad(article: Any) -> list[dict[str, Any]]:
    """Questions of one SQuAD article (v1.1 and v2), each with the paragraph that answers it."""
    found = []
    for paragraph in article.get("paragraphs", []) if isinstance(article, dict) else []:
        for question in paragraph.get("qas", []):
            answers = [answer.get("text", "") for answer in question.get("answers", [])]
            found.append({"id": question.get("id", ""), "question": question.get("question", ""), "answer": answers[0] if answers else "",
                          "context": paragraph.get("context", ""), "title": article.get("title") or _opening(article)})
    return found


def _opening(article: dict[str, Any]) -> str:
    """A label for an article without a title: the first words of its first paragraph."""
    paragraphs = article.get("paragraphs") or [{}]
    return " ".join(str(paragraphs[0].get("context", "")).split()[:6])


def _is_spans(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(span, dict) and isinstance(span.get("text"), str) for span in value)


def _spans(spans: list[dict[str, Any]], key: str) -> dict[str, str]:
    """A sentence cut into spans, some of them named: the sentence, and the named ones as a JSON object."""
    slots: dict[str, Any] = {}
    for span in spans:
        name = span.get("entity")
        if name in slots:
            slots[name] = [*(slots[name] if isinstance(slots[name], list) else [slots[name]]), span["text"]]
        elif name:
            slots[name] = span["text"]
    return {"text": "".join(span["text"] for span in spans).strip(), "slots": json.dumps(slots, ensure_ascii=False), "intent": key}
