"""Parquet: bytes in, columns and rows out. Runs in the guarded child, the only process of the app that loads pyarrow."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.strict_json import BadValue, Parser

MOST_GROUPS = 10_000
MOST_LABELS = 1_000
MOST_TIMES = 1_000  # letters of a file per byte: labels that repeat a million times reach a few hundred
_SMALL = 200_000_000  # letters; below, the times harm nobody
_BATCH = 1_000  # rows that stand in memory twice


def read(data: bytes, limits: Limits, notes: Notes) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows; names of labels go into the notes. Raises Refused for a damaged file and beyond the limits."""
    columns: list[str] = []
    rows = [row for _, row in rows_of(_library().BufferReader(data), limits, notes, columns)]
    return columns, rows


def rows_of(source: Any, limits: Limits, notes: Notes, columns: list[str]) -> Iterator[tuple[float, dict[str, Any]]]:
    """(share of the rows behind us, row) of every usable row, batch by batch. `source`: a path or a buffer; `columns` is filled before the
    first row. Raises Refused."""
    pyarrow = _library()
    from pyarrow.parquet import ParquetFile
    parser, odd, number = Parser(limits), Odd(), 0
    most = min(limits.unpacked_bytes, max(_SMALL, MOST_TIMES * _size(source)))
    try:
        file = ParquetFile(source, thrift_string_size_limit=50_000_000, thrift_container_size_limit=1_000_000)
        columns += _columns(file, limits)
        notes.labels |= label_names(file.schema_arrow.metadata or {})
        for batch in file.iter_batches(_BATCH, use_threads=False):
            for row in batch.to_pylist():
                number += 1
                if (most := most - _letters(row)) < 0:
                    raise Refused(f"Its texts unpack to far more than the file's size (until row {number:,})",
                                  "Bring the table as CSV or JSONL, or take a sample")
                if kept := _clean(row, number, parser, odd, notes):
                    yield number / file.metadata.num_rows, kept
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, OverflowError, NotImplementedError) as error:
        if isinstance(error, MemoryError):
            raise
        raise Refused(f"This Parquet file is damaged or of an unknown kind ({_first_line(error)})", "Write it again, or save it as JSONL") from error
    for name, count in odd.counts.items():
        notes.add(None, f"{count:,} values of '{name}' are bytes (pictures or sound?), not text: they are empty here")


def _size(source: Any) -> int:
    return os.path.getsize(source) if isinstance(source, str) else source.size()


def _letters(value: Any) -> int:
    """Letters of all texts in a value."""
    if isinstance(value, (str, bytes)):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_letters, inner))


def _library() -> Any:
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others reserve more address space than the child may have
    import pyarrow
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    return pyarrow


def label_names(metadata: dict[bytes, bytes]) -> dict[str, dict[str, str]]:
    """Column -> value -> name, as the datasets library writes them into a file's schema; empty where it wrote none."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        found = {str(column): about["names"] for column, about in features.items() if isinstance(about, dict) and about.get("_type") == "ClassLabel"}
        return {column: {str(number): str(name)[:200] for number, name in enumerate(names[:MOST_LABELS])} for column, names in found.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


class Odd:
    """Counts, for each column, values that have no text."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def plain(self, value: Any, column: str) -> Any:
        """The value as JSON knows it: dates and decimals are texts, numbers that are none are empty."""
        if value is None or isinstance(value, (str, bool, int)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, dict):
            return {str(name): self.plain(inner, column) for name, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(inner, column) for inner in value]
        if isinstance(value, bytes):
            return self._text(value, column)
        return value.isoformat() if isinstance(value, (datetime, date, time)) else str(value)

    def _text(self, value: bytes, column: str) -> str | None:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            self.counts[column] = self.counts.get(column, 0) + 1
            return None


def _columns(file: Any, limits: Limits) -> list[str]:
    about, names = file.metadata, file.schema_arrow.names
    if max(about.num_columns, len(names)) > limits.columns:
        raise Refused(f"The file has {max(about.num_columns, len(names)):,} columns; {limits.columns:,} are the most",
                      "Leave out columns that are not needed")
    if about.num_rows > limits.rows:
        raise Refused(f"The file has {about.num_rows:,} rows; {limits.rows:,} are the most", "Cut it into smaller files, or take a sample")
    if about.num_row_groups > MOST_GROUPS:
        raise Refused(f"The file has {about.num_row_groups:,} row groups; {MOST_GROUPS:,} are the most", "Write it again with larger groups")
    size = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
    if size > limits.unpacked_bytes:
        raise Refused(f"The file unpacks to {size / 1e6:,.0f} MB; {limits.unpacked_bytes / 1e6:,.0f} MB are the most", "Take a sample")
    if len(set(names)) < len(names):
        raise Refused("Two columns have the same name", "Give each column a name of its own")
    return [name or "(no name)" for name in names]


def _clean(row: dict[str, Any], number: int, parser: Parser, odd: Odd, notes: Notes) -> dict[str, Any] | None:
    kept = None
    try:
        kept = parser.clean({name: odd.plain(value, name) for name, value in row.items()})
    except BadValue as error:
        notes.lose(None, f"row {number:,}: {error}")
    if parser.cells > parser.limits.cells:
        raise Refused(f"The file has more than {parser.limits.cells:,} values", "Leave out columns that are not needed, or take a sample")
    return kept


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["?"])[0][:200]
