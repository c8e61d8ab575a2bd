"""What a file may cost, and how a reader says no. Standard library only: the guarded child imports this before anything else."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Caps on one file and on the child process that reads it."""

    file_bytes: int = 50_000_000
    rows: int = 200_000
    columns: int = 1_000
    cell_chars: int = 1_000_000
    cells: int = 2_000_000  # values of all rows, nested ones too: what the parent has to hold afterwards
    depth: int = 50
    pages: int = 5_000
    unpacked_bytes: int = 200_000_000
    memory_bytes: int = 1 << 30
    cpu_seconds: int = 30
    wall_seconds: int = 60
    result_bytes: int = 200_000_000
    problems: int = 1_000
    head_rows: int = 200  # of a large file, for mapping and preview


LIMITS = Limits()
# A file that is read row by row in the background: the rows are kept on disk, and what stands in memory for each is about 600 bytes.
LARGE = Limits(file_bytes=4_000_000_000, rows=2_000_000, cells=1 << 40, unpacked_bytes=8_000_000_000, memory_bytes=2 << 30, cpu_seconds=3_600,
               wall_seconds=7_200, result_bytes=16_000_000_000)


class Refused(Exception):
    """A file that will not be read, in words: what is wrong, where in the file, the way out."""

    def __init__(self, what: str, do: str, where: str = ""):
        super().__init__(what)
        self.what, self.do, self.where = what, do, where


class Notes:
    """Problems of one file as (line, reason). Beyond the cap they are counted, not kept; `refused` counts lost rows."""

    def __init__(self, cap: int):
        self.cap, self.more, self.refused = cap, 0, 0
        self.kept: list[tuple[int | None, str]] = []
        self.labels: dict[str, dict[str, str]] = {}  # column -> value -> name, where a file says so

    def add(self, line: int | None, reason: str) -> None:
        if len(self.kept) < self.cap:
            self.kept.append((line, reason))
        else:
            self.more += 1

    def lose(self, line: int | None, reason: str) -> None:
        """A row that stays out."""
        self.refused += 1
        self.add(line, reason)

    def all(self) -> list[tuple[int | None, str]]:
        return self.kept + ([(None, f"and {self.more:,} more problems of this kind")] if self.more else [])
