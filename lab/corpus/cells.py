"""Templates over columns: "{instruction}\\n{input}". A field is a column, a path into it, or a part of a chat in it.

`{question}` a column · `{answers.text.0}` a path into nested cells · `{messages:prompt}`, `{messages:answer}`, `{messages:all}` parts
of a chat · `{{` and `}}` braces themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from lab.core import DataError
from lab.corpus.messages import PARTS, part

_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def fields(template: str) -> list[str]:
    return [name for name in _FIELD.findall(template) if name]


def render(template: str, row: dict[str, Any]) -> str:
    """The template filled from one row, without white space at its ends. Raises ValueError where a chat cannot be read."""
    def value(match: re.Match[str]) -> str:
        return match.group()[0] if match.group(1) is None else _field(match.group(1), row)
    return _FIELD.sub(value, template).strip()


def demand_columns(templates: Iterable[str], columns: tuple[str, ...], where: str) -> None:
    """Raises DataError where a template names a column that the table lacks."""
    for template in templates:
        for field in fields(template):
            if field not in columns and column_of(field) not in columns:
                raise DataError(f"The mapping names a column that is not there: {field[:80]!r}", where,
                                f"Columns: {', '.join(columns)[:400]}. Write a brace that is no column twice: {{{{ }}}}")


def column_of(field: str) -> str:
    """The column that a field reads, without path and part."""
    name, _, ending = field.rpartition(":")
    return (name if ending in PARTS else field).split(".")[0]


def text_of(value: Any) -> str:
    """A cell as text: nothing is an empty text, nested values are JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _field(field: str, row: dict[str, Any]) -> str:
    if field in row:
        return text_of(row[field])
    name, _, ending = field.rpartition(":")
    if ending in PARTS and name:
        value = _at(name, row)
        return "" if value is None else part(value, ending)
    return text_of(_at(field, row))


def _at(path: str, row: dict[str, Any]) -> Any:
    """The value at a dotted path; None where a step is missing."""
    if path in row:
        return row[path]
    value: Any = row
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
