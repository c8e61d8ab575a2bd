"""Tables inside .gz and .zip: what may come out and how much of it. Runs in the guarded child; nothing is ever written to the disk.

One sick member refuses the whole archive: half of a table's files would be another table, and nobody would see it.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import IO, NamedTuple

from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.nested import SPLITS

TABLES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet")
MOST_MEMBERS = 1_000
MOST_RATIO = 100  # texts pack to a third or a tenth; only bombs and blank files reach this
_SMALL = 1_000_000  # bytes: below this a ratio harms nobody
_PIECE = 1 << 20
_HEADER = 30  # bytes before a member's name, at least
PACKED = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar")
BROKEN = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


class Member(NamedTuple):
    """One table of an archive: the name is a label, never a path. `split` is empty where the name says none."""

    name: str
    suffix: str
    split: str
    data: bytes


def is_gzip(data: bytes) -> bool:
    return data.startswith(b"\x1f\x8b")


def unzipped(data: bytes, limits: Limits) -> bytes:
    """The content of a gzip file. Raises Refused for damage, for bombs and for an archive inside it."""
    if not is_gzip(data):
        raise Refused("The file is called .gz and is no gzip file", "Give it its right ending, or pack it again")
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        content = _out(file, len(data), limits.file_bytes, "")
    _no_archive(content, "")
    return content


def members(data: bytes, limits: Limits, notes: Notes) -> list[Member]:
    """The tables of a zip archive by name; what is no table is named in the notes. Raises Refused."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except BROKEN as error:
        raise Refused(f"This cannot be read as a zip archive ({error})"[:300], "Pack the files anew, as zip") from error
    with archive:
        tables = table_entries(archive.infolist(), notes)
        found, room = [], limits.file_bytes
        for member in tables:
            found.append(_member(archive, member, room))
            room -= len(found[-1].data)
    return found


def table_entries(entries: list[zipfile.ZipInfo], notes: Notes) -> list[zipfile.ZipInfo]:
    """The entries that are tables, by name; what is none is named in the notes. Raises Refused."""
    if len(entries) > MOST_MEMBERS:
        raise Refused(f"This archive holds {len(entries):,} files; {MOST_MEMBERS:,} are the most", "Pack fewer files into it")
    wanted = sorted((entry for entry in entries if not ignored(entry)), key=lambda entry: entry.filename)
    demand_apart(entries)
    for entry in wanted:
        _demand_harmless(entry)
    tables = [entry for entry in wanted if _suffix(entry) in TABLES]
    names = [entry.filename for entry in tables]
    if doubled := next((name for name in names if names.count(name) > 1), ""):
        raise Refused("Two files of the archive have the same name: it is not clear which one is meant", "Pack it again", doubled[-80:])
    for entry in wanted:
        if entry not in tables:
            notes.add(None, f"{entry.filename[-80:]}: left out, because this is no table")
    if not tables:
        raise Refused("This archive holds no table", f"Pack a file that ends in one of {', '.join(TABLES)}")
    return tables


def demand_apart(entries: list[zipfile.ZipInfo]) -> None:
    """Raises Refused where two files of an archive share bytes: then a small archive unpacks to what no disk holds, each member of it harmless
    by itself (Fifield, "A better zip bomb", WOOT 2019)."""
    end, last = 0, ""
    for entry in sorted(entries, key=lambda each: each.header_offset):
        if entry.header_offset < end:
            raise Refused("Files in the archive lie on top of each other: it is made to unpack to far more than it holds",
                          "Do not open it; ask for the files themselves", f"{last[-80:]} and {entry.filename[-80:]}")
        end, last = entry.header_offset + _HEADER + entry.compress_size, entry.filename


def ignored(entry: zipfile.ZipInfo) -> bool:
    """Folders, hidden files and what a Mac adds: nobody means them."""
    return entry.is_dir() or any(part == "__MACOSX" or part.startswith(".") and part.strip(".") for part in entry.filename.replace("\\", "/").split("/"))


def _demand_harmless(entry: zipfile.ZipInfo) -> None:
    name, label = entry.filename.replace("\\", "/"), entry.filename[-80:]
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        raise Refused("A path in the archive leads out of it", "Pack the files anew", label)
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Refused("The archive holds a link or a device instead of a file", "Pack the files themselves", label)
    if entry.flag_bits & 1:
        raise Refused("The archive is encrypted", "Pack it without a password", label)
    if _suffix(entry) in PACKED:
        raise Refused("There is an archive inside the archive", "Unpack the inner one first", label)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, room: int) -> Member:
    label = entry.filename[-80:]
    try:
        file = archive.open(entry)
    except BROKEN as error:
        raise Refused(f"The archive is damaged or packed in an unknown way ({error})"[:300], "Pack the files anew, as zip", label) from error
    with file:
        data = _out(file, entry.compress_size, room, label)
    _no_archive(data, label)
    words = re.split(r"[^a-z]+", PurePosixPath(entry.filename).stem.lower())
    return Member(entry.filename, _suffix(entry), next((SPLITS[word] for word in words if word in SPLITS), ""), data)


def _out(file: IO[bytes], packed: int, most: int, label: str) -> bytes:
    """What really comes out, counted on the way: a header may lie about its size."""
    pieces, size = [], 0
    try:
        while piece := file.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > _SMALL and size > packed * MOST_RATIO:
                raise Refused(f"It unpacks to more than {MOST_RATIO} times its size, as no table does", "Bring the table as it is, not packed", label)
            if size > most:
                raise Refused(f"It unpacks to more than {most / 1e6:,.0f} MB, the most for all tables together", "Take a sample", label)
    except BROKEN as error:
        raise Refused(f"The archive is damaged ({error})"[:300], "Pack the file again", label) from error
    return b"".join(pieces)


def _no_archive(data: bytes, label: str) -> None:
    if is_gzip(data) or data.startswith((b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")) or data[257:262] == b"ustar":
        raise Refused("There is an archive inside the archive", "Unpack the inner one first", label)


def _suffix(entry: zipfile.ZipInfo) -> str:
    return PurePosixPath(entry.filename).suffix.lower()
