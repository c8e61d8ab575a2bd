"""What the room hands out: tables, problems, chunks, findings."""

from __future__ import annotations

from typing import Any, Literal

from lab.core import Value


class Problem(Value):
    """A row or a file that could not be used as it is. `line` counts from 1 in the file, where there are lines."""

    line: int | None = None
    reason: str

    def sentence(self) -> str:
        return f"line {self.line:,}: {self.reason}" if self.line else self.reason


class Table(Value):
    """Rows as they stand in a file: cells of a CSV are texts, those of JSON keep their shape. A key that a row lacks is empty. `labels`:
    column -> value -> name, where the file itself names what its numbers stand for. `numbers` are given where these are only some rows of the file."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    problems: tuple[Problem, ...] = ()
    encoding: str = "utf-8"
    refused: int = 0
    labels: dict[str, dict[str, str]] = {}
    numbers: tuple[int, ...] = ()

    def number(self, place: int) -> int:
        """The number of a row among the readable rows of its file, from 1."""
        return self.numbers[place] if self.numbers else place + 1

    def values(self, column: str, limit: int = 50) -> list[Any]:
        """The first values of a column that are there."""
        found = []
        for row in self.rows:
            if row.get(column) not in (None, ""):
                found.append(row[column])
            if len(found) == limit:
                break
        return found


class Chunk(Value):
    """A piece of a document; `position` counts from 0 in its document. It is text[start:end] of the tidied document, with the path of
    headings in a line before it where it was cut by headings."""

    document: str
    position: int
    text: str
    start: int
    end: int
    page: int | None = None
    heading: str = ""


class Finding(Value):
    """What a check found. `refuse` must be mended before anything is queued, `warn` should be, `note` is good to know."""

    level: Literal["refuse", "warn", "note"]
    what: str
    count: int
    examples: tuple[str, ...] = ()
    do: str = ""
