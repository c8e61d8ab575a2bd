"""From the bytes of a table file to columns and rows, whatever it is packed in. Runs in the guarded child.

The content decides what a file is, its ending only where the content leaves it open. Knows no process and no path.
"""

from __future__ import annotations

from typing import Any

from lab.corpus import delimited, encoding, json_rows, packed
from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.nested import SPLITS

PARQUET = b"PAR1"
Rows = tuple[list[str], list[dict[str, Any]], str]


def read(data: bytes, suffix: str, limits: Limits, notes: Notes) -> Rows:
    """(columns, rows, encoding). Raises Refused with the reason where no table can be made of it."""
    if suffix == ".zip":
        return _joined(packed.members(data, limits, notes), limits, notes)
    if packed.is_gzip(data) or suffix.endswith(".gz"):
        data, suffix = packed.unzipped(data, limits), suffix.removesuffix(".gz")
    return plain(data, suffix, limits, notes)


def plain(data: bytes, suffix: str, limits: Limits, notes: Notes) -> Rows:
    """A table that is packed in nothing: Parquet, JSON, JSON Lines, or rows with a delimiter."""
    if data.startswith(PARQUET) or suffix == ".parquet":
        from lab.corpus import parquet
        columns, rows = parquet.read(data, limits, notes)
        return columns, rows, "parquet"
    text, name = encoding.decode(data, notes)
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if start.startswith(("<!doctype", "<html", "<svg", "<?xml")):
        raise Refused("This is a web page or an XML file, not a table", "Save it as CSV, JSON or JSONL")
    as_json = suffix in (".json", *json_rows.LINES) or (suffix not in (".csv", ".tsv", ".tab") and start.startswith(("{", "[")))
    columns, rows = json_rows.read(text, suffix, limits, notes) if as_json else delimited.read(text, limits, notes)
    return columns, rows, name


def _joined(members: list[packed.Member], limits: Limits, notes: Notes) -> Rows:
    """The one table of an archive, or its train, validation and test tables one after the other, with a column `split`."""
    if len(members) == 1:
        return plain(members[0].data, members[0].suffix, limits, notes)
    lost = [member.name for member in members if not member.split]
    if lost:
        raise Refused(f"The archive holds {len(members):,} tables, and {lost[0][-80:]!r} is named after no split",
                      f"Pack one table, or name each file after its split ({', '.join(dict.fromkeys(SPLITS.values()))})")
    columns: list[str] = []
    found: list[dict[str, Any]] = []
    name = ""
    for member in members:
        own = Notes(notes.cap)
        try:
            names, rows, name = plain(member.data, member.suffix, limits, own)
        except Refused as refusal:
            raise Refused(refusal.what, refusal.do, f"{member.name[-80:]}{', ' if refusal.where else ''}{refusal.where}") from refusal
        _take_notes(own, member.name, notes)
        columns = columns or names
        if set(names) != set(columns):
            raise Refused(f"The tables of the archive have different columns: {', '.join(columns)[:150]} and {', '.join(names)[:150]}",
                          "Give them the same columns", member.name[-80:])
        found += [{**row, "split": member.split} for row in rows]
        if len(found) > limits.rows or len(found) * len(columns) > limits.cells:
            raise Refused(f"The tables of the archive have more than {limits.rows:,} rows or {limits.cells:,} values together",
                          "Take a sample, or leave out columns")
    return list(dict.fromkeys((*columns, "split"))), found, name


def _take_notes(own: Notes, name: str, notes: Notes) -> None:
    for line, reason in own.kept:
        notes.add(line, f"{name[-80:]}: {reason}")
    notes.more, notes.refused = notes.more + own.more, notes.refused + own.refused
    notes.labels |= own.labels
