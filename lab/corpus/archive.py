"""Zip archives of documents: which members may come out, and how much of them. Runs in the guarded child; knows no document format.

A member's name is a label for people. It never becomes a path: members are written under numbers.
"""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath

from lab.corpus.extract import SUFFIXES
from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.packed import BROKEN, PACKED, demand_apart, ignored

ARCHIVE = ".zip"
MOST_MEMBERS = 2_000
NAME_LETTERS = 200
_PIECE = 1 << 20


def unpack(path: Path, limits: Limits, notes: Notes) -> list[tuple[str, str]]:
    """Write the readable members into the archive's own folder; (name inside the archive, file name) of each, by name.

    What stays out is noted with its reason. Raises Refused where this is no zip archive, holds too many members, or members that overlap.
    """
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise Refused(f"This cannot be read as a zip archive ({error})"[:300], "Pack the files anew, as zip") from error
    with archive:
        members = sorted((member for member in archive.infolist() if not ignored(member)), key=lambda member: member.filename)
        if len(members) > MOST_MEMBERS:
            raise Refused(f"This archive holds {len(members):,} files; {MOST_MEMBERS:,} are the most", "Pack fewer files into it")
        demand_apart(archive.infolist())
        found, room = [], limits.unpacked_bytes
        for number, member in enumerate(members):
            label = member.filename[-NAME_LETTERS:]
            reason = _refusal(member)
            if not reason:
                file = path.parent / f"{number:05d}"
                size, reason = _write(archive, member, file, max(0, min(limits.file_bytes, room)))
                room -= size
            if reason:
                notes.lose(None, f"{label}: {reason}")
            else:
                found.append((label, file.name))
    return found


def _refusal(member: zipfile.ZipInfo) -> str:
    """Why a member may not come out; empty where it may."""
    name = member.filename.replace("\\", "/")
    suffix = PurePosixPath(name).suffix.lower()
    if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
        return "left out, because its path leads out of the archive"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "left out, because it is a link or a device, not a file"
    if member.flag_bits & 1:
        return "left out, because it is encrypted. Pack it without a password"
    if suffix in PACKED:
        return "left out, because it is an archive inside an archive. Unpack it first"
    if suffix not in SUFFIXES:
        return f"left out, because this kind of file is not read ({', '.join(SUFFIXES)} are)"
    return ""


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, most: int) -> tuple[int, str]:
    """(bytes used up, reason why it stays out). Counts what really comes out: an archive may lie about its sizes."""
    size, large = 0, f"left out, because it unpacks to more than {most / 1e6:,.0f} MB, the most for one file and what is left for this archive"
    if member.file_size > most:
        return size, large
    try:
        with archive.open(member) as source, file.open("wb") as target:
            while piece := source.read(_PIECE):
                size += len(piece)
                if size > most:
                    break
                target.write(piece)
    except BROKEN as error:
        file.unlink(missing_ok=True)
        return size, f"left out, because it is damaged or packed in an unknown way ({error})"[:300]
    if size > most:
        file.unlink()
        return size, large
    return size, ""
