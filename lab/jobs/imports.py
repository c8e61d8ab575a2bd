"""What the lab makes of every table in a folder: recognised as what, how many rows come in, what stays out and why.

Knows nothing about files' insides: it asks corpus, as the Data page does, and changes no mapping.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lab import corpus
from lab.core import DataError
from lab.corpus.packed import TABLES
from lab.store import files

BEGIN, END = "<!-- imports:begin -->", "<!-- imports:end -->"
MOST_LINES = 30  # a folder with more tables than this is one line of counts
_HEAD = ("File", "Recognised as", "Rows in", "Rows out", "Reason")


class Import(NamedTuple):
    """One file: `rows` came in as examples or pairs, `refused` stayed out. `seen` is empty where the file was not taken."""

    file: str
    seen: str
    rows: int
    refused: int
    reason: str


def imports_of(folder: Path) -> Iterator[Import]:
    """Every table under the folder by name, each read in its own guarded child. Raises DataError where there is none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in (*TABLES, ".gz", ".zip"))
    if not found:
        raise DataError("There is no table in this folder", str(folder), f"Name a folder with files that end in {', '.join(TABLES)}")
    crowds = Counter(path.parent for path in found)
    for path in found:
        if crowds[path.parent] <= MOST_LINES:
            yield import_of(path, str(path.relative_to(folder)))
    for parent, count in crowds.items():
        if count > MOST_LINES:
            yield _crowd(parent, folder, [path for path in found if path.parent == parent])


def import_of(path: Path, name: str) -> Import:
    """One file as the Data page would take it without a click."""
    try:
        table = corpus.read_table(path)
        mapping = corpus.guess_mapping(table)
        if mapping.kind == "unclear":
            return Import(name, "", 0, len(table.rows) + table.refused, mapping.reason)
        make = corpus.to_examples if mapping.kind == "examples" else corpus.to_preferences
        made, problems = make(table, mapping)
    except DataError as error:
        return Import(name, "", 0, 0, error.failure.what)
    parts = (mapping.answer,) if mapping.kind == "examples" else (mapping.chosen, mapping.rejected)
    seen = f"{mapping.kind}: {mapping.prompt} -> {' / '.join(parts)}".replace("\n", " ")
    said = [*table.problems, *problems]
    more = f" (and {len(said) - 1:,} more)" if len(said) > 1 else ""
    return Import(name, seen, len(made), table.refused + len(table.rows) - len(made), f"{said[0].sentence()}{more}" if said else "")


def _crowd(parent: Path, folder: Path, paths: list[Path]) -> Import:
    """Many files of one folder in one line; rows count what came in and what stayed out in all of them."""
    made = [import_of(path, path.name) for path in paths]
    taken = [one for one in made if one.seen]
    reasons = Counter(" ".join(one.reason.split()[:5]) for one in made if not one.seen).most_common(1)
    return Import(f"{parent.relative_to(folder)}/ ({len(paths)} files)", f"{len(taken)} files as examples or pairs" if taken else "",
                  sum(one.rows for one in made), sum(one.refused for one in made),
                  f"{len(made) - len(taken)} files not taken, most often: {reasons[0][0]} ..." if reasons else "")


def markdown(found: list[Import]) -> str:
    """The matrix as a Markdown table. Names and reasons come from files of other people: they stay plain text."""
    lines = [f"| {' | '.join(_HEAD)} |", "|---|---|---:|---:|---|"]
    for one in found:
        seen = f"`{_plain(one.seen)}`" if one.seen else "not taken as it is"
        lines.append(f"| {_plain(one.file)} | {seen} | {one.rows:,} | {one.refused:,} | {_plain(one.reason)[:160]} |")
    taken = sum(bool(one.seen) for one in found)
    return "\n".join([*lines, "", f"{taken} of {len(found)} lines come in without editing a mapping."])


def save(found: list[Import], page: Path) -> None:
    """Put the matrix between its two marks. Raises DataError where the page has them not, or not in this order."""
    text = page.read_text("utf-8") if page.is_file() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError("The page has no place for the table of imports", str(page), f"Write {BEGIN} and {END} where it shall stand")
    files.write_text(page, f"{before}{BEGIN}\n{markdown(found)}\n{END}{after}")


def _plain(text: str) -> str:
    return " ".join(text.split()).translate(str.maketrans({"|": "/", "`": "'", "<": "("}))
