"""JSON and JSON Lines: text in, columns and rows out. A bad line becomes a problem, a good one stays."""

from __future__ import annotations

import json
from typing import Any

from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.nested import rows_of
from lab.corpus.strict_json import BadValue, Parser

LINES = (".jsonl", ".ndjson")
_DO = "Mend the file, or export it again; a JSON file needs a list of objects, a JSONL file one object per line"


def read(text: str, suffix: str, limits: Limits, notes: Notes) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows. Raises Refused."""
    parser = Parser(limits)
    rows = _from_lines(text, parser, notes) if suffix in LINES else None
    if not rows:
        rows = _whole(text, parser, notes, suffix)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > limits.columns:
        raise Refused(f"The rows have {len(columns):,} different keys; {limits.columns:,} are the most",
                      "Leave out keys that are not needed")
    return columns, rows


def _whole(text: str, parser: Parser, notes: Notes, suffix: str) -> list[dict[str, Any]]:
    try:
        value = parser.parse(text.strip("\ufeff \t\r\n"))
    except ValueError as error:
        fallback = _from_lines(text, parser, notes) if suffix not in LINES and is_object(text.lstrip("\ufeff \t\r\n").split("\n", 1)[0]) else None
        if fallback:
            return fallback
        raise Refused(f"This is not valid JSON: {_plain(error)}", _DO, _where(error)) from error
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(rows_of(value), 1):
        if row := row_of(row, None, f"row {number:,}: ", parser, notes):
            _keep(row, rows, parser)
    _say_doubled(parser, None, notes)
    return rows


def _from_lines(text: str, parser: Parser, notes: Notes) -> list[dict[str, Any]] | None:
    """Rows of JSON Lines; None where no line is an object, so that the file may be something else. Notes are kept only if it is."""
    own = Notes(notes.cap)
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not (line := line.strip()):
            continue
        if row := row_of_line(line, number, parser, own):
            _keep(row, rows, parser)
    if not rows:
        return None
    for line_number, reason in own.kept:
        notes.add(line_number, reason)
    notes.more, notes.refused = notes.more + own.more, notes.refused + own.refused
    return rows


def row_of_line(line: str, number: int, parser: Parser, notes: Notes) -> dict[str, Any] | None:
    """The object on a line of JSON Lines; None, and a problem, where there is none."""
    try:
        value = parser.parse(line)
    except ValueError as error:
        notes.lose(number, f"not valid JSON: {_plain(error)}")
        return None
    row = row_of(value, number, "", parser, notes)
    _say_doubled(parser, number, notes)
    return row


def row_of(value: Any, line: int | None, prefix: str, parser: Parser, notes: Notes) -> dict[str, Any] | None:
    """The value as a row, cleaned; None, and a problem, where it is none."""
    if not isinstance(value, dict) or not value:
        notes.lose(line, f"{prefix}this is {_kind(value)}, not an object with keys")
        return None
    halves = parser.halves
    try:
        row = parser.clean(value)
    except BadValue as error:
        notes.lose(line, f"{prefix}{error}")
        return None
    if parser.halves > halves:
        notes.add(line, f"{prefix}half of a surrogate pair was replaced by \ufffd")
    return row


def _keep(row: dict[str, Any], rows: list[dict[str, Any]], parser: Parser) -> None:
    rows.append(row)
    if len(rows) > parser.limits.rows:
        raise Refused(f"The file has more than {parser.limits.rows:,} rows", "Cut it into smaller files, or take a sample")
    if parser.cells > parser.limits.cells:
        raise Refused(f"The file has more than {parser.limits.cells:,} values", "Cut it into smaller files, or leave out keys")


def _say_doubled(parser: Parser, line: int | None, notes: Notes) -> None:
    if parser.doubled:
        names = ", ".join(repr(name) for name in dict.fromkeys(parser.doubled[:3]))
        notes.add(line, f"a key stands twice in one object ({names}; {len(parser.doubled)} in all): the last value counts")
        parser.doubled.clear()


def is_object(text: str) -> bool:
    """Whether a text is one whole JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _plain(error: ValueError) -> str:
    return error.msg[:1].lower() + error.msg[1:] if isinstance(error, json.JSONDecodeError) else str(error)


def _where(error: ValueError) -> str:
    return f"line {error.lineno:,}, column {error.colno:,}" if isinstance(error, json.JSONDecodeError) else ""


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "an empty object")
