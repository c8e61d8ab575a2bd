"""Tables from files: CSV, TSV, JSON, JSON Lines, Parquet, each also in .gz or .zip. The strange part happens in the guarded child."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.core import DataError
from lab.corpus.guard import guarded
from lab.corpus.limits import LARGE, LIMITS, Limits
from lab.corpus.nested import SPLITS
from lab.corpus.values import Problem, Table


def read_table(path: Path, name: str | None = None, limits: Limits = LIMITS) -> Table:
    """Rows of a file. `name` is the label that people know it by (an upload's own name); its ending says what it is.

    Raises DataError where the file is empty, unreadable, binary, too large, or has no usable row. Single bad rows become problems.
    """
    return _read("table", Path(path), name or path.name, limits)


def read_head(path: Path, limits: Limits = LARGE) -> Table:
    """The first rows of a table that is too large to be read at once. Raises DataError as `read_table` does."""
    return _read("head", Path(path), Path(path).name, limits._replace(memory_bytes=LIMITS.memory_bytes, cpu_seconds=LIMITS.cpu_seconds,
                                                                    wall_seconds=LIMITS.wall_seconds, result_bytes=LIMITS.result_bytes))


def _read(kind: str, path: Path, name: str, limits: Limits) -> Table:
    found = guarded(kind, path, name, limits)
    problems = tuple(Problem(line=line, reason=reason) for line, reason in found["problems"])
    return Table(name=name, columns=tuple(found["columns"]), rows=tuple(found["rows"]), problems=problems, encoding=found["encoding"],
                 refused=found["refused"], labels=found["labels"])


def join_tables(tables: dict[str, Table]) -> Table:
    """One table of several files that stand for splits ("train", "validation", "test"), with a column `split` that says which."""
    unknown = [split for split in tables if split not in SPLITS]
    if unknown or not tables:
        raise DataError(f"This is no split: {', '.join(unknown) or '(none given)'}", "files", "Use train, validation and test")
    first = next(iter(tables.values()))
    for table in tables.values():
        if set(table.columns) != set(first.columns):
            raise DataError(f"The files have different columns: {', '.join(first.columns)[:200]} and {', '.join(table.columns)[:200]}",
                            table.name, "Give them the same columns")
    rows = tuple({**row, "split": SPLITS[split]} for split, table in tables.items() for row in table.rows)
    problems = tuple(problem.model_copy(update={"reason": f"{table.name}: {problem.reason}"})
                     for table in tables.values() for problem in table.problems)
    return Table(name=", ".join(table.name for table in tables.values()), columns=tuple(dict.fromkeys((*first.columns, "split"))),
                 rows=rows, problems=problems, encoding=first.encoding, refused=sum(table.refused for table in tables.values()))


def join_files(files: Iterable[tuple[str, Table]]) -> Table:
    """One table of several files, each with the split that its name says (empty: none), with a column `split` where more than one is said;
    files that say none are then for training. Raises DataError where their columns differ."""
    by_split: dict[str, list[Table]] = {}
    for split, table in files:
        by_split.setdefault(split, []).append(table)
    if len(by_split) == 1:
        return _stacked(next(iter(by_split.values())))
    if unsaid := by_split.pop("", []):
        by_split["train"] = [*unsaid, *by_split.get("train", [])]
    return join_tables({split: _stacked(tables) for split, tables in by_split.items()})


def _stacked(tables: Iterable[Table]) -> Table:
    """The rows of several files, one after the other. Raises DataError where their columns differ."""
    first, *others = tables
    for other in others:
        if set(other.columns) != set(first.columns):
            raise DataError(f"The files have different columns: {', '.join(first.columns)[:200]} and {', '.join(other.columns)[:200]}", other.name,
                            "Choose files of one kind")
    whole = (first, *others)
    return first.model_copy(update={"name": ", ".join(table.name for table in whole), "rows": tuple(row for table in whole for row in table.rows),
                                    "problems": tuple(problem for table in whole for problem in table.problems),
                                    "refused": sum(table.refused for table in whole)})
