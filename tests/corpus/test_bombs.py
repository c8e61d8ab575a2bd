"""Small files that were made to unpack to what no machine holds: refused in words, within seconds, by whichever reader meets them."""

import io
import struct
import time
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import corpus
from lab.core import DataError
from lab.corpus import parquet, tables
from lab.corpus.limits import LIMITS

TABLE = b"q,a\n" + b"question,answer\n" * 50


def stored(name, content):
    """(archive, where its list of files begins)"""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, content)
    return out.getvalue(), out.getvalue().index(b"PK\x01\x02")


def listed(entry, offset):
    """An entry of the list with another place."""
    return entry[:42] + struct.pack("<I", offset) + entry[46:]


def quoted(depth=12, name="{:02d}.csv"):
    """Fifield's quoted overlap: each file's content begins with the next file's header, so all of them end with the same bytes."""
    inner, start = stored(name.format(depth), TABLE)
    body, entries, lengths = inner[:start], [inner[start:inner.index(b"PK\x05\x06")]], [len(inner[:start])]
    for number in range(depth - 1, 0, -1):
        outer, start = stored(name.format(number), body)
        entries.insert(0, outer[start:outer.index(b"PK\x05\x06")])
        body = outer[:start]
        lengths.insert(0, len(body))
    whole = b"".join(listed(entry, len(body) - length) for entry, length in zip(entries, lengths))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, depth, depth, len(whole), len(body), 0)
    return body + whole + end


@pytest.mark.parametrize("read", [corpus.read_table, tables.read_head])
def test_an_archive_whose_tables_overlap_is_refused_by_that_name(tmp_path, read):
    path = tmp_path / "overlap.zip"
    path.write_bytes(quoted())
    assert len(zipfile.ZipFile(path).infolist()) == 12, "an honest list of files, as every program shows it"
    with pytest.raises(DataError, match="lie on top of each other") as caught:
        read(path)
    assert "01.csv and 02.csv" in caught.value.failure.where and "Do not open it" in caught.value.failure.do


def test_documents_that_overlap_come_in_nowhere(tmp_path):
    path = tmp_path / "overlap.zip"
    path.write_bytes(quoted(name="{:02d}.txt"))
    with pytest.raises(DataError, match="lie on top of each other"):
        corpus.read_documents(path)


def test_archives_of_all_kinds_do_not_overlap(tmp_path):
    path = tmp_path / "t.zip"
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        with zipfile.ZipFile(path, "w", packing) as archive:
            for name in ("empty/", "b.md", "a.md", "c d.md"):
                archive.writestr(name, b"" if name.endswith("/") else b"text " * 100)
            with archive.open("stream.md", "w") as member:
                member.write(b"written without knowing its size")
        assert len(corpus.read_documents(path)[0]) == 4


def repeated(path, letters, rows):
    """A table of a few kilobytes: one text in a dictionary, named by every row."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * letters]))
    pq.write_table(pa.table({"q": column, "a": ["y"] * rows}), path, compression="zstd")
    assert path.stat().st_size < 10_000
    return path


@pytest.mark.parametrize("letters, rows, reason", [(900_000, 20_000, "MiB of memory"), (9_000, 150_000, "far more than the file's size")])
def test_a_parquet_file_that_says_one_text_a_million_times(tmp_path, letters, rows, reason):
    begun = time.monotonic()
    with pytest.raises(DataError, match=reason) as caught:
        corpus.read_table(repeated(tmp_path / "t.parquet", letters, rows))
    assert caught.value.failure.do and time.monotonic() - begun < 30


def test_labels_that_repeat_are_no_bomb(tmp_path):
    table = corpus.read_table(repeated(tmp_path / "t.parquet", 40, 150_000))
    assert len(table.rows) == 150_000 and parquet._SMALL == LIMITS.unpacked_bytes


def test_a_parquet_page_that_is_larger_than_its_list_of_contents_says(tmp_path):
    path = tmp_path / "page.parquet"
    pq.write_table(pa.table({"q": ["x" * 400_000_000], "a": ["y"]}), path, compression="zstd", use_dictionary=False, write_statistics=False)
    group, data = pq.ParquetFile(path).metadata.row_group(0), path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    about = data[footer:]
    for size in {group.total_byte_size, group.column(0).total_uncompressed_size}:
        about = about.replace(varint(size), varint(134_217_733))  # the least that is written in as many bytes
    path.write_bytes(data[:footer] + about)
    assert path.stat().st_size < 20_000 and pq.ParquetFile(path).metadata.row_group(0).total_byte_size < LIMITS.unpacked_bytes
    with pytest.raises(DataError, match="400 MiB of memory"):
        corpus.read_table(path, limits=LIMITS._replace(memory_bytes=400 << 20))


def varint(number):
    """As Thrift's compact protocol writes a number."""
    number, out = number * 2, b""
    while number >= 128:
        number, out = number // 128, out + bytes([number % 128 | 128])
    return out + bytes([number])
