"""A large table row by row, in memory that does not grow with the file. Runs in a guarded child; knows no mapping and no Task.

What stands in memory is one line, one value of a JSON list or one batch of a Parquet file. The bytes read so far are on the Source.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lab.corpus import delimited, encoding, json_rows, json_stream, packed
from lab.corpus.bytes_to_rows import PARQUET
from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.strict_json import Parser

LINE_CHARS = json_stream.LETTERS  # of one line
_SAMPLE = 1 << 20  # bytes from which encoding and delimiter are told
_SMALL = 1_000_000
Row = tuple[int | None, dict[str, Any]]  # line in the file where there are lines


class Source:
    """One table file, opened as often as needed. `read_bytes` of `size` bytes are behind us; `encoding` is known once rows come."""

    def __init__(self, path: Path, suffix: str, limits: Limits, notes: Notes):
        self.path, self.limits, self.notes = path, limits, notes
        self.size, self.encoding, self.read_bytes = path.stat().st_size, "", 0
        self._file: IO[bytes] | None = None
        self.packing = "zip" if suffix == ".zip" else "gz" if suffix.endswith(".gz") else ""
        self.suffix, self._member = suffix.removesuffix(".gz"), ""
        if self.packing == "zip":
            self.suffix, self._member = self._only_member()

    def rows(self) -> Iterator[Row]:
        """Every usable row. Raises Refused where no table can be made of the file; single bad rows are lost in the notes."""
        try:
            sample = self._sample()
            if sample.startswith(PARQUET) or self.suffix == ".parquet":
                yield from self._parquet()
            else:
                yield from self._texts(sample)
        except packed.BROKEN as error:
            if not self.packing and not isinstance(error, OSError):
                raise
            raise Refused(f"The file is damaged ({error})"[:300], "Pack the file again" if self.packing else "Copy the file again") from error
        finally:
            self.close()

    def seen(self) -> int:
        """Bytes of the file that were read."""
        if self._file and not self._file.closed:
            self.read_bytes = max(self.read_bytes, min(self._file.tell(), self.size))
        return self.read_bytes

    def close(self) -> None:
        self.seen()
        if self._file:
            self._file.close()

    def _texts(self, sample: bytes) -> Iterator[Row]:
        text, self.encoding = encoding.decode(_whole_letters(sample), self.notes)
        start = text.lstrip("\ufeff \t\r\n")[:200].lower()
        if start.startswith(("<!doctype", "<html", "<svg", "<?xml")):
            raise Refused("This is a web page or an XML file, not a table", "Save it as CSV, JSON or JSONL")
        if self.suffix in (".csv", ".tsv", ".tab") or not start.startswith(("{", "[")) and self.suffix not in (".json", *json_rows.LINES):
            return self._delimited(text)
        return self._lines() if self.suffix in json_rows.LINES or start.startswith("{") and self._has_lines(text, len(sample) < _SAMPLE) else self._value()

    def _has_lines(self, sample: str, whole: bool) -> bool:
        """Whether a file that begins with an object holds one on each line. `whole`: the sample is all of it."""
        first, _, rest = sample.strip("\ufeff \t\r\n").partition("\n")
        return bool(rest or not whole) and json_rows.is_object(first)

    def _delimited(self, sample: str) -> Iterator[Row]:
        import csv
        csv.field_size_limit(self.limits.cell_chars)
        records = delimited.records(self._long_lines(newline=""), delimited.delimiter(sample), self.notes)
        columns = delimited.columns_of(next(records, (1, []))[1], self.limits, self.notes)
        for line, record in records:
            if row := delimited.row_of(line, record, columns, self.notes):
                yield line, row

    def _lines(self) -> Iterator[Row]:
        parser = self._parser()
        for number, line in enumerate(self._long_lines(newline="\n"), 1):
            if (line := line.strip(" \t\r\n\ufeff")) and (row := json_rows.row_of_line(line, number, parser, self.notes)):
                yield number, row

    def _value(self) -> Iterator[Row]:
        """The rows of one JSON list or object."""
        parser = self._parser()
        for number, value in enumerate(json_stream.rows(self._text("\n"), parser), 1):
            if row := json_rows.row_of(value, None, f"row {number:,}: ", parser, self.notes):
                yield None, row

    def _parquet(self) -> Iterator[Row]:
        from lab.corpus import parquet
        self.encoding = "parquet"
        with self._unpacked() as path:
            for share, row in parquet.rows_of(str(path), self.limits, self.notes, []):
                self.read_bytes = int(share * self.size)
                yield None, row

    @contextmanager
    def _unpacked(self) -> Iterator[Path]:
        """A file that can be read from its end, as Parquet must be: this one, or its content in a temporary file of the working folder."""
        if not self.packing:
            yield self.path
            return
        with tempfile.TemporaryDirectory(dir=".", prefix="unpacked-") as folder:
            path = Path(folder) / "table.parquet"
            with self._bytes() as stream, path.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
            self.close()
            yield path

    def _parser(self) -> Parser:
        return Parser(self.limits)

    def _long_lines(self, newline: str) -> Iterator[str]:
        text = self._text(newline)
        number = 0
        while line := text.readline(LINE_CHARS):
            number += 1
            if len(line) >= LINE_CHARS and not line.endswith(("\n", "\r")):
                raise Refused(f"A line has more than {LINE_CHARS:,} letters", "Look whether the file has line ends; " + json_stream.DO, f"line {number:,}")
            if "\x00" in line:
                raise Refused("This is a binary file, not a text: there is a zero byte in it", "Choose a CSV, JSON, JSONL or text file", f"line {number:,}")
            yield line

    def _text(self, newline: str) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._bytes(), encoding=self.encoding, errors="replace", newline=newline)

    def _sample(self) -> bytes:
        with self._bytes() as stream:
            return stream.read(_SAMPLE)

    def _bytes(self) -> io.BufferedReader:
        """The unpacked bytes from the start."""
        self.close()
        self._file = self.path.open("rb")
        if self.packing == "gz":
            if not packed.is_gzip(self._file.read(2)):
                raise Refused("The file is called .gz and is no gzip file", "Give it its right ending, or pack it again")
            self._file.seek(0)
            return io.BufferedReader(_Counted(gzip.GzipFile(fileobj=self._file), self), 1 << 20)
        if self.packing == "zip":
            return io.BufferedReader(_Counted(zipfile.ZipFile(self._file).open(self._member), self), 1 << 20)
        return io.BufferedReader(io.FileIO(self._file.fileno(), closefd=False), 1 << 20)

    def _only_member(self) -> tuple[str, str]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                found = packed.table_entries(archive.infolist(), self.notes)
        except packed.BROKEN as error:
            raise Refused(f"This cannot be read as a zip archive ({error})"[:300], "Pack the files anew, as zip") from error
        if len(found) > 1:
            raise Refused(f"The archive holds {len(found):,} tables; of an archive of this size only one is read", "Unpack it and bring one table")
        return Path(found[0].filename).suffix.lower(), found[0].filename


class _Counted(io.RawIOBase):
    """What comes out of a packed file, watched for bombs: an archive may lie about its sizes."""

    def __init__(self, stream: IO[bytes], source: Source):
        self._stream, self._source, self._out, self._started = stream, source, 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        if not self._started and piece.startswith((b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x1f\x8b")):
            raise Refused("There is an archive inside the archive", "Unpack the inner one first")
        self._started = True
        self._out += len(piece)
        if self._out > _SMALL and self._out > packed.MOST_RATIO * max(1, self._source.seen()):
            raise Refused(f"It unpacks to more than {packed.MOST_RATIO} times its size, as no table does", "Bring the table as it is, not packed")
        if self._out > self._source.limits.unpacked_bytes:
            raise Refused(f"It unpacks to more than {self._source.limits.unpacked_bytes / 1e9:,.0f} GB", "Take a sample")
        buffer[:len(piece)] = piece
        return len(piece)


def _whole_letters(sample: bytes) -> bytes:
    """The sample without a letter that it cuts in two."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return sample[:len(sample) // 4 * 4]
    return sample[:sample.rindex(b"\n") + 1] if len(sample) == _SAMPLE and b"\n" in sample else _without_torn_end(sample)


def _without_torn_end(sample: bytes) -> bytes:
    end = len(sample)
    while end and len(sample) - end < 4 and sample[end - 1] >= 0x80:
        end -= 1
    return sample[:end] if len(sample) == _SAMPLE else sample


def head(source: Source, most: int, letters: int = 2_000_000) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and the first rows of a table, at most so many, and at most about so many letters."""
    rows: list[dict[str, Any]] = []
    for _, row in source.rows():
        rows.append(row)
        letters -= len(json.dumps(row, ensure_ascii=False))
        if len(rows) == most or letters < 0:
            break
    return list(dict.fromkeys(name for row in rows for name in row)), rows
