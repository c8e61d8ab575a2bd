"""CSV and its relatives: text in, header and rows out. A bad row becomes a problem with its line, a good row stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from lab.corpus.limits import Limits, Notes, Refused

_DELIMITERS = ",;\t|"
_NEVER_CLOSED = "unexpected end of data"


def read(text: str, limits: Limits, notes: Notes) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows. Raises Refused where no table can be made of the text."""
    csv.field_size_limit(limits.cell_chars)
    found = records(io.StringIO(text, newline=""), delimiter(text), notes)
    columns = columns_of(next(found, (1, []))[1], limits, notes)
    rows: list[dict[str, str]] = []
    for line, record in found:
        if row := row_of(line, record, columns, notes):
            rows.append(row)
        if len(rows) > limits.rows:
            raise Refused(f"The file has more than {limits.rows:,} rows", "Cut it into smaller files, or take a sample")
        if len(rows) * len(columns) > limits.cells:
            raise Refused(f"The file has more than {limits.cells:,} cells", "Leave out columns that are not needed")
    return columns, rows


def row_of(line: int, record: list[str], columns: list[str], notes: Notes) -> dict[str, str] | None:
    """The record under its columns; None, and a problem, where it has other cells than the header."""
    if any(record[len(columns):]) or len(record) < len(columns):
        notes.lose(line, f"{len(record)} cells where the header has {len(columns)}")
        return None
    return dict(zip(columns, record))


def delimiter(text: str) -> str:
    """The one of , ; tab | under which the first rows are most alike; a comma where none cuts the header."""
    sample = text[:65_536]
    best, best_score = ",", (0.0, 1)
    for candidate in _DELIMITERS:
        records = [record for record in csv.reader(io.StringIO(sample, newline=""), delimiter=candidate) if record]
        records = records[:-1] if len(sample) < len(text) and len(records) > 2 else records
        width = len(records[0]) if records else 1
        score = (sum(len(record) == width for record in records) / max(len(records), 1), width)
        if width > 1 and score > best_score:
            best, best_score = candidate, score
    return best


def records(lines: Iterable[str], cut: str, notes: Notes) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, cells) of every record that is not blank. A quote that never closes ends it all: rows were swallowed."""
    reader = csv.reader(lines, delimiter=cut, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if _NEVER_CLOSED in str(error):
                raise Refused("A quote is opened and never closed: everything after it would be one cell",
                              'Close the quote, or write a quote inside a cell twice ("")', f"line {line:,}") from error
            upto = f" (to line {reader.line_num:,})" if reader.line_num > line else ""
            notes.lose(line, f"the quotes or the length of a cell are wrong: {error}{upto}")
            continue
        if any(cell.strip() for cell in record):
            yield line, record


def columns_of(header: list[str], limits: Limits, notes: Notes) -> list[str]:
    """The names in the header line, each once. Raises Refused where there are none, or too many."""
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise Refused("The file has no header line", "Write the names of the columns into the first line")
    if len(names) > limits.columns:
        raise Refused(f"The file has {len(names):,} columns; {limits.columns:,} are the most", "Leave out columns that are not needed")
    unique: list[str] = []
    for number, name in enumerate(names, 1):
        name = name[:200] or f"column {number}"
        if name in unique:
            notes.add(1, f"the column name {name!r} stands twice: column {number} is called '{name} ({number})' here")
            name = f"{name} ({number})"
        unique.append(name)
    return unique
