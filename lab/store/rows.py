"""Rows of a JSON Lines file that are read when somebody asks for them: in memory stands where each begins, 8 bytes for a row.

The file is opened once and stays open, so that what a run began with is there until it ends.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from lab.core import DataError
from lab.core.rows import Rows

_BUFFER = 1 << 16


class _File:
    """An open file, where its rows begin, and the split of each. Whole lines count; torn and empty ones are passed over."""

    def __init__(self, path: Path, make: Callable[..., Any]):
        self.path, self.make = path, make
        self._file, self._lock = path.open("rb", _BUFFER), Lock()
        self._starts: dict[str, array] | None = None

    def starts(self, split: str) -> array:
        """Where the rows of a split begin ("": all rows). The first call reads the file through."""
        with self._lock:
            if self._starts is None:
                self._starts = self._read_through()
            return self._starts.get(split, array("Q"))

    def row(self, start: int) -> Any:
        """The row that begins at a byte. Raises DataError where it cannot be read."""
        with self._lock:
            self._file.seek(start)
            line = self._file.readline()
        try:
            return self.make(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise DataError(f"A row of this task cannot be read ({error})"[:400], f"{self.path.parent.name}/{self.path.name}, byte {start:,}",
                            "Save the task again from its files") from error

    def _read_through(self) -> dict[str, array]:
        found, place = {"": array("Q")}, 0
        self._file.seek(0)
        for line in self._file:
            if line.endswith(b"\n") and (split := self._split(line)) is not None:
                found[""].append(place)
                found.setdefault(split, array("Q")).append(place)
            place += len(line)
        return found

    def _split(self, line: bytes) -> str | None:
        """The split that a line names; None where it is no row."""
        try:
            return str(json.loads(line).get("split", self.make.model_fields["split"].default))
        except (ValueError, AttributeError):
            return None


class FileRows(Rows):
    """All rows of a file, those of a split, or those that begin at certain bytes."""

    def __init__(self, file: _File, split: str = "", starts: array | None = None):
        self._file, self._split, self._starts = file, split, starts

    def of(self, split: str) -> Rows:
        if self._split or self._starts is not None:
            return self.at(place for place, row in enumerate(self) if row.split == split)
        return FileRows(self._file, split)

    def at(self, places: Iterable[int]) -> Rows:
        starts = self._begin()
        return FileRows(self._file, starts=array("Q", (starts[place] for place in places)))

    def __len__(self) -> int:
        return len(self._begin())

    def __getitem__(self, place: Any) -> Any:
        found = self._begin()[place]
        return FileRows(self._file, starts=found) if isinstance(place, slice) else self._file.row(found)

    def __iter__(self) -> Iterator[Any]:
        return map(self._file.row, self._begin())

    def _begin(self) -> array:
        return self._file.starts(self._split) if self._starts is None else self._starts


def rows_of(path: Path, make: Callable[..., Any]) -> Rows | tuple[()]:
    """The rows of a file as they are asked for; `make` makes one of its fields. None where there is no file. Raises OSError."""
    return FileRows(_File(path, make)) if path.exists() else ()
