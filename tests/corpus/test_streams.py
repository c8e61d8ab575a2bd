"""A large table read row by row gives the same rows as the same table read at once, and is refused where it was made to hurt."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import corpus
from lab.core import DataError
from lab.corpus import json_stream, streams, tables
from lab.corpus.limits import LARGE, Notes, Refused

ROWS = [{"q": f'ask "{number}", größer\nsecond line', "a": f"answer {number}"} for number in range(300)]


def csv_bytes(delimiter=",", encoding="utf-8"):
    import csv
    file = io.StringIO()
    writer = csv.DictWriter(file, ["q", "a"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return file.getvalue().encode(encoding)


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._x.csv", b"junk")
        archive.writestr(name, content)
    return file.getvalue()


def parquet_bytes():
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), file, row_group_size=7)
    return file.getvalue()


SQUAD = {"version": "v2.0", "data": [{"title": "T", "paragraphs": [{"context": "c", "qas": [
    {"id": f"{number}", "question": f"q {number}", "answers": [{"text": "a", "answer_start": 0}]} for number in range(200)]}]}]}
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
FILES = {"a.csv": csv_bytes(), "a.tsv": csv_bytes("\t"), "semicolons.csv": csv_bytes(";"), "old.csv": csv_bytes(encoding="cp1252"),
         "marked.csv": csv_bytes(encoding="utf-16"), "sig.csv": csv_bytes(encoding="utf-8-sig"), "a.jsonl": LINES, "lines.json": LINES,
         "list.json": json.dumps(ROWS).encode(), "pretty.json": json.dumps(ROWS, indent=2).encode(), "a.parquet": parquet_bytes(),
         "object.json": json.dumps({"about": "x", "data": ROWS, "size": 2}).encode(), "strings.json": json.dumps(["x"] * 200).encode(),
         "pretty object.json": json.dumps({"version": 1.1, "data": ROWS}, indent=1).encode(),
         "splits.json": json.dumps({"train": ROWS, "test": ROWS[:5]}, indent=1).encode(), "squad.json": json.dumps(SQUAD, indent=1).encode(),
         "a.parquet.gz": gzip.compress(parquet_bytes()), "parquet.zip": zipped("folder/a.parquet", parquet_bytes()),
         "a.csv.gz": gzip.compress(csv_bytes()), "a.jsonl.gz": gzip.compress(LINES), "a.zip": zipped("folder/a.csv", csv_bytes()),
         "no end.jsonl": LINES + b"\n\n", "torn.jsonl": LINES[:5_000] + b"\nno json\n[1]\n" + LINES[5_001:], "short.csv": csv_bytes() + b"one cell\r\n"}


def rows_of(path, limits=LARGE):
    notes = Notes(1_000)
    suffix = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    source = streams.Source(path, suffix, limits, notes)
    return [row for _, row in source.rows()], notes, source


@pytest.mark.parametrize("name", FILES)
def test_row_by_row_is_the_same_as_at_once(tmp_path, name, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = tmp_path / name
    path.write_bytes(FILES[name])
    found, notes, source = rows_of(path)
    whole = corpus.read_table(path)
    assert found == list(whole.rows) and len(found) > 100
    assert notes.refused == whole.refused and notes.all() == [(problem.line, problem.reason) for problem in whole.problems]
    assert source.seen() <= source.size and source.encoding == whole.encoding
    assert not list((tmp_path / "work").iterdir()), "what was unpacked on the way is gone"


def test_a_list_is_cut_anywhere_and_stays_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(json_stream, "PIECE", 64)
    for indent in (None, 1):
        (tmp_path / "a.json").write_text(json.dumps(ROWS[:40], indent=indent))
        assert rows_of(tmp_path / "a.json")[0] == ROWS[:40]


HURTS = {
    "line.csv": (b"q,a\n" + b"x" * 15_000_000, "more than 10,000,000 letters"),
    "line.jsonl": (b'{"q": "' + b"x" * 15_000_000, "more than 10,000,000 letters"),
    "value.json": (b'[{"q": "' + b"x" * 15_000_000, "more than 10,000,000 letters"),
    "wide.csv": (b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n1\n", "1,000,000 columns"),
    "deep.json": (b"[" * 100_000, "nested deeper than 50"),
    "torn.json": (b'[{"q": 1}, {"q"', "ends in the middle"),
    "commas.json": (b'[{"q": 1} {"q": 2}]', "comma is missing"),
    "object.json": (json.dumps({"data": {"rows": ROWS}, "about": ["x"]}, indent=1).encode(), "one large object, and no list of objects"),
    "two.json": (json.dumps({"data": ROWS, "more": ROWS}, indent=1).encode(), "several lists (data, more)"),
    "behind.json": (json.dumps(ROWS).encode() + b"[1]", "behind the end"),
    "colon.json": (b'{"data" [1]}', "a colon is missing"),
    "keys.json": (b'{"data": [{"q": 1}] "more": 1}', "a comma is missing between two keys"),
    "utf16.csv": ("q,a\nä,ö\n".encode("utf-16-le"), "UTF-16 without"),
    "zero.csv": (b"q,a\n" + b"1,2\n" * 400_000 + b"1,\x002\n", "zero byte"),
    "bomb.csv.gz": (gzip.compress(b"q,a\n" + b"1,2\n" * 3_000_000), "100 times its size"),
    "bomb.zip": (zipped("a.csv", b"q,a\n" + b"1,2\n" * 3_000_000), "100 times its size"),
    "nested.zip": (zipped("inner.zip", zipped("a.csv", b"q,a\n1,2\n")), "archive inside"),
    "disguised.zip": (zipped("a.csv", zipped("a.csv", b"q,a\n1,2\n")), "archive inside"),
    "out.zip": (zipped("../../a.csv", b"q,a\n1,2\n"), "leads out of it"),
    "no.csv.gz": (b"q,a\n1,2\n", "no gzip file"),
    "damaged.csv.gz": (gzip.compress(csv_bytes())[:-20], "damaged"),
    "no.parquet": (b"PAR1" + b"x" * 100, "damaged"),
    "page.csv": (b"<!DOCTYPE html><html>" + b" " * 100, "web page"),
    "quote.csv": (b'q,a\n1,2\n3,"open\n' + b"4,5\n" * 100, "never closed"),
}


@pytest.mark.parametrize("name", HURTS)
def test_what_was_made_to_hurt_is_refused_with_its_reason(tmp_path, name):
    path = tmp_path / name
    content, reason = HURTS[name]
    path.write_bytes(content)
    with pytest.raises(Refused) as caught:
        rows_of(path)
    assert reason in caught.value.what and caught.value.do


def test_a_line_of_a_gigabyte_is_refused_by_its_beginning_in_the_child(tmp_path):
    path = tmp_path / "line.csv"
    with path.open("wb") as file:  # its end is a hole: large to read, little on the disk
        file.write(b"q,a\n" + b"x" * 12_000_000)
        file.truncate(1_000_000_000)
    with pytest.raises(DataError, match="more than 10,000,000 letters"):
        tables.read_head(path)


def test_overlapping_members_are_refused(tmp_path):
    """Two entries of the directory that point to the same bytes (Fifield 2019, "A better zip bomb")."""
    one = zipped("a.csv", csv_bytes())
    start = one.index(b"PK\x01\x02")
    entry = one[start:one.index(b"PK\x05\x06")]
    end = bytearray(one[one.index(b"PK\x05\x06"):])
    count = int.from_bytes(end[8:10], "little") + 2
    end[8:10] = end[10:12] = count.to_bytes(2, "little")
    end[12:16] = (len(entry) * 2).to_bytes(4, "little")
    (tmp_path / "overlap.zip").write_bytes(one[:start] + entry + entry.replace(b"a.csv", b"b.csv") + bytes(end))
    with pytest.raises(DataError) as caught:
        corpus.read_table(tmp_path / "overlap.zip")
    assert caught.value.failure.do


def test_the_head_of_a_table_is_its_first_rows(tmp_path):
    (tmp_path / "a.csv").write_bytes(csv_bytes())
    table = tables.read_head(tmp_path / "a.csv")
    assert list(table.rows) == ROWS[:LARGE.head_rows] and table.columns == ("q", "a")
