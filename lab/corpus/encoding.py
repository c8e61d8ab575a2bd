"""Bytes become text. Knows byte-order marks, UTF-16, Windows-1252 and damaged UTF-8; what it changed it says."""

from __future__ import annotations

import codecs
import re

from lab.corpus.limits import Notes, Refused

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC = ((b"%PDF-", "a PDF document"), (b"PK\x03\x04", "a zip archive (Excel and Word files are such)"), (b"\x89PNG", "a picture (PNG)"),
          (b"\xff\xd8\xff", "a picture (JPEG)"), (b"GIF8", "a picture (GIF)"), (b"\x1f\x8b", "a gzip archive"), (b"PAR1", "a Parquet file"),
          (b"\xd0\xcf\x11\xe0", "an old Office file"), (b"SQLite format 3", "a database"), (b"\x7fELF", "a program"))
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SHOWN = 20


def decode(data: bytes, notes: Notes) -> tuple[str, str]:
    """The text and the name of its encoding. Raises Refused for what is no text."""
    if not data.strip():
        raise Refused("The file is empty", "Choose a file with content")
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise Refused(f"This is {kind}, not a text", "Save its content as CSV, JSON or text and choose that file")
    text, encoding = _marked(data) or _unmarked(data, notes)
    if len(_CONTROL.findall(text[:100_000])) * 10 > min(len(text), 100_000):
        raise Refused("This is a binary file, not a text", "Choose a CSV, JSON, JSONL or text file")
    if not text.strip():
        raise Refused("The file is empty", "Choose a file with content")
    return text, encoding


def _marked(data: bytes) -> tuple[str, str] | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise Refused(f"The file begins as {encoding.upper()} and then is not ({error.reason})", "Save it as UTF-8",
                              f"byte {error.start:,}") from error
    return None


def _unmarked(data: bytes, notes: Notes) -> tuple[str, str]:
    zeros = data[:20_000].count(0)
    if zeros * 4 > len(data[:20_000]):
        raise Refused("This looks like UTF-16 without a byte-order mark, or like a binary file", "Save it as UTF-8")
    if 0 in data:
        raise Refused("This is a binary file, not a text", "Choose a CSV, JSON, JSONL or text file", f"byte {data.index(0):,} is zero")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        return _not_utf8(data, error, notes)


def _not_utf8(data: bytes, first: UnicodeDecodeError, notes: Notes) -> tuple[str, str]:
    """Damaged UTF-8 where other letters are good UTF-8; else an old one-byte encoding."""
    damaged = data.decode("utf-8", "replace")
    bad = damaged.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    if len(_MULTIBYTE.findall(data)) >= bad:
        _say_bad_bytes(data, first, notes)
        return damaged, "utf-8"
    for encoding in ("cp1252", "latin-1"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:  # five bytes have no meaning in cp1252; latin-1 knows every byte
            continue
        notes.add(_line(data, first.start), f"not UTF-8 (byte 0x{data[first.start]:02x} at position {first.start:,}): the file was read as "
                  f"{encoding}; look whether accented letters are right")
        return text, encoding
    raise Refused("The encoding of this file is unknown", "Save it as UTF-8")


def _say_bad_bytes(data: bytes, error: UnicodeDecodeError, notes: Notes) -> None:
    start, said = error.start, 0
    while start < len(data) and said < _SHOWN:
        notes.add(_line(data, start), f"byte 0x{data[start]:02x} at position {start:,} is not UTF-8: the letter was read as \ufffd")
        said += 1
        try:
            data[start + 1:].decode("utf-8")
            return
        except UnicodeDecodeError as following:
            start += 1 + following.start
    notes.add(None, f"more than {_SHOWN} bytes are not UTF-8; each was read as \ufffd")


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1
