"""Parquet, .gz and .zip: the same rows come out as from the plain file, and what was packed to hurt is refused with its reason."""

import gzip
import io
import json
import struct
import zipfile
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import corpus
from lab.core import DataError
from lab.corpus import child, guard
from lab.corpus.limits import LIMITS, Refused

CSV = b"q,a\n" + b"".join(b"question %d,answer %d\n" % (n, n) for n in range(40))
LINES = b"".join(json.dumps({"q": f"question {n}", "a": f"answer {n}"}).encode() + b"\n" for n in range(40))
MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


def in_this_process(path, limits=LIMITS):
    """What the child finds, without a child for each of the small files."""
    return child.READERS["table"](path, guard.ending_of(path.name), limits)


def parquet(columns, **how):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **how)
    return out.getvalue()


def packed(*members, **how):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data, **how)
    return out.getvalue()


def link():
    member = zipfile.ZipInfo("t.csv")
    member.external_attr = 0o120777 << 16
    return member


def encrypted():
    data = bytearray(packed(("t.csv", CSV)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


ROWS = [{"q": f"question {n}", "a": f"answer {n}"} for n in range(40)]
PARQUET = parquet({"q": [row["q"] for row in ROWS], "a": [row["a"] for row in ROWS]}, row_group_size=7)


@pytest.mark.parametrize("name, data", [
    ("t.parquet", PARQUET), ("t.csv.gz", gzip.compress(CSV)), ("t.jsonl.gz", gzip.compress(LINES)), ("t.gz", gzip.compress(LINES)),
    ("T.CSV.GZ", gzip.compress(CSV)), ("t.parquet.gz", gzip.compress(PARQUET)), ("two parts.csv.gz", gzip.compress(CSV[:50]) + gzip.compress(CSV[50:])),
    ("t.zip", packed(("folder/t.csv", CSV), ("folder/", b""), ("__MACOSX/._t.csv", b"x"), ("README.md", b"hello"))),
    ("t.zip", packed(("t.jsonl", LINES))), ("t.zip", packed(("t.parquet", PARQUET))),
])
def test_the_same_rows_whatever_they_are_packed_in(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert in_this_process(tmp_path / name)["rows"] == ROWS


def test_an_archive_of_splits_is_one_table_with_a_split_column(tmp_path):
    path = tmp_path / "t.zip"
    path.write_bytes(packed(("data/train-00000-of-00002.csv", CSV), ("data/train-00001-of-00002.csv", b"q,a\nx,y\n"), ("data/dev.csv", b"q,a\nv,w\nbad\n"),
                            ("data/test.jsonl", b'{"a": "2", "q": "1"}\n')))
    table = corpus.read_table(path)
    splits = [row["split"] for row in table.rows]
    assert (splits.count("train"), splits.count("validation"), splits.count("test"), table.refused) == (41, 1, 1, 1)
    assert "data/dev.csv" in table.problems[0].reason
    mapping = corpus.guess_mapping(table.model_copy(update={"columns": ("question", "answer", "split"), "rows": tuple(
        {"question": row["q"], "answer": row["a"], "split": row["split"]} for row in table.rows)}))
    assert mapping.kind == "examples" and mapping.split_column == "split"


def test_parquet_cells_become_what_json_knows(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(parquet({"messages": [MESSAGES], "day": [date(2024, 2, 29)], "price": [Decimal("1.50")], "no": [float("nan")],
                              "text": [b"caf\xc3\xa9"], "picture": [b"\x89\xff"], "n": [3]}))
    table = corpus.read_table(path)
    assert table.rows == ({"messages": MESSAGES, "day": "2024-02-29", "price": "1.50", "no": None, "text": "café", "picture": None, "n": 3},)
    assert table.encoding == "parquet" and "'picture' are bytes" in table.problems[0].reason
    example = corpus.to_examples(table, corpus.guess_mapping(table))[0][0]
    assert (example.prompt, example.answer) == ("Hi", "Hello")


HOSTILE = {
    "footer.parquet": (PARQUET[:-30] + b"\xff" * 22 + PARQUET[-8:], "damaged"),
    "length.parquet": (PARQUET[:-8] + struct.pack("<I", 0x7fffffff) + b"PAR1", "damaged"),
    "torn.parquet": (PARQUET[:200], "damaged"),
    "page.parquet": (PARQUET[:4] + b"\xff" * 60 + PARQUET[64:], "damaged"),
    "no.parquet": (b"q,a\n1,2\n", "damaged or of an unknown kind"),
    "empty.parquet": (parquet({"q": pa.array([], pa.string())}), "no usable row"),
    "wide.parquet": (parquet({f"c{n}": [1] for n in range(1_001)}), "1,001 columns"),
    "rows.parquet": (parquet({"q": pa.nulls(200_001, pa.int8())}), "200,001 rows"),
    "bomb.csv.gz": (gzip.compress(b"a,b\n" + b"1,2\n" * 2_000_000), "100 times its size"),
    "torn.csv.gz": (gzip.compress(CSV)[:-12], "damaged"),
    "plain.csv.gz": (CSV, "no gzip file"),
    "twice.csv.gz": (gzip.compress(gzip.compress(CSV)), "archive inside the archive"),
    "t.tar.gz": (gzip.compress(b"t.csv".ljust(257, b"\0") + b"ustar".ljust(255, b"\0")), "archive inside the archive"),
    "nested.zip": (packed(("t.csv", CSV), ("more.zip", packed(("t.csv", CSV)))), "archive inside the archive"),
    "hidden nested.zip": (packed(("t.csv", packed(("t.csv", CSV)))), "archive inside the archive"),
    "bomb.zip": (packed(("t.csv", b"1,2\n" * 2_000_000)), "100 times its size"),
    "way out.zip": (packed(("../../t.csv", CSV)), "leads out"),
    "absolute.zip": (packed(("/etc/t.csv", CSV)), "leads out"),
    "link.zip": (packed((link(), b"/etc/passwd")), "link or a device"),
    "encrypted.zip": (encrypted(), "encrypted"),
    "pictures.zip": (packed(("a.png", b"x")), "holds no table"),
    "two.zip": (packed(("cats.csv", CSV), ("dogs.csv", CSV)), "2 tables.*cats.csv.*no split"),
    "columns.zip": (packed(("train.csv", CSV), ("test.csv", b"x,y\n1,2\n")), "different columns"),
    "torn.zip": (packed(("t.csv", CSV))[:-30], "cannot be read as a zip"),
    "damaged.zip": (packed(("t.csv", CSV)).replace(CSV[:4], b"", 1)[:40] + b"\xff" * 30 + packed(("t.csv", CSV))[70:], "damaged"),
    "crowd.zip": (packed(*((f"{n}.csv", b"") for n in range(1_001))), "1,001 files"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_its_reason(tmp_path, name):
    content, reason = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused, match=reason) as caught:
        in_this_process(tmp_path / name)
    assert caught.value.do


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_with_one_name(tmp_path):
    (tmp_path / "t.zip").write_bytes(packed(("t.csv", CSV), ("t.csv", b"q,a\n1,2\n")))
    with pytest.raises(DataError, match="same name"):
        corpus.read_table(tmp_path / "t.zip")


def test_what_comes_out_is_counted_not_believed(tmp_path):
    content = b"".join(b"%d,%x\n" % (n, n * n) for n in range(100_000))
    for name, data in (("t.csv.gz", gzip.compress(content)), ("t.zip", packed(("train.csv", content), ("test.csv", content)))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Refused, match="more than 1 MB"):
            in_this_process(tmp_path / name, LIMITS._replace(file_bytes=max(1_200_000, len(data))))
