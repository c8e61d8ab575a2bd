"""Files that were made to hurt are refused with their reason, and the process that asked stays small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab import corpus
from lab.core import DataError
from lab.corpus import child, guard
from lab.corpus.limits import LIMITS, Refused

HOSTILE = {
    "empty.csv": (b"", "empty"),
    "blank.json": (b" \n\t\n", "empty"),
    "header.csv": (b"q,a\n", "no usable row"),
    "binary.csv": (bytes(range(256)) * 50, "binary"),
    "picture.csv": (b"\x89PNG\r\n\x1a\n" + b"x" * 50, "picture"),
    "book.csv": (b"PK\x03\x04" + b"x" * 50, "zip archive"),
    "page.csv": (b"<!DOCTYPE html><html><body>q,a</body></html>", "web page"),
    "wide.csv": (b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n1\n", "1,000,000 columns"),
    "utf16.csv": ("q,a\nä,ö\n".encode("utf-16-le"), "UTF-16 without a byte-order mark"),
    "deep.json": (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 50"),
    "deepish.json": (b'[{"a":' + b"[" * 60 + b"]" * 60 + b"}]", "nested deeper than 50"),
    "torn.json": (b'[{"q": "a"}, {"q": "b"', "not valid JSON"),
    "nan.json": (b'[{"q": 1},\n{"q": Infinity}]', r"Infinity is not a JSON value \(line 2\)"),
    "digits.json": (b'[{"q": ' + b"1" * 4_000 + b"}]", "4,000 digits"),
    "numbers.json": (b"[1, 2]", "no usable row"),
    "wide.json": (json.dumps([{str(number): 1 for number in range(1_001)}]).encode(), "different keys"),
    "long cell.json": (json.dumps([{"q": "x" * 1_000_001}]).encode(), "1,000,001 letters"),
    "long cell.csv": (b"q,a\n" + b"x" * 1_000_001 + b",1\n", "field larger"),
    "rows.csv": (b"q,a\n" + b"1,2\n" * 200_002, "200,000 rows"),
    "cells.json": (json.dumps([{"q": [1] * 700_000}] * 3).encode(), "2,000,000 values"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_with_its_reason(tmp_path, name):
    content, reason = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        corpus.read_table(tmp_path / name)
    assert name in caught.value.failure.where and caught.value.failure.do


def test_a_quote_that_never_closes_names_its_line(tmp_path):
    (tmp_path / "q.csv").write_text('q,a\n1,2\n3,"open\n' + "4,5\n" * 1_000)
    with pytest.raises(DataError, match="never closed") as caught:
        corpus.read_table(tmp_path / "q.csv")
    assert caught.value.failure.where == "q.csv, line 3"


def test_no_file_and_too_large_a_file(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        corpus.read_table(tmp_path / "none.csv")
    with (tmp_path / "large.csv").open("wb") as file:  # a hole: large to read, nothing on the disk
        file.truncate(LIMITS.file_bytes + 1)
    with pytest.raises(DataError, match="50 MB are the most"):
        corpus.read_table(tmp_path / "large.csv")


def test_the_limits_hold_and_are_named(tmp_path):
    path = tmp_path / "many.json"
    path.write_bytes(b"[" + b"[]," * 3_000_000 + b"[]]")
    with pytest.raises(DataError, match="more than 200 MiB of memory"):
        corpus.read_table(path, limits=LIMITS._replace(memory_bytes=200 << 20))
    with pytest.raises(DataError, match="longer than 0.01 seconds"):
        corpus.read_table(path, limits=LIMITS._replace(wall_seconds=0.01))
    with pytest.raises(DataError, match="seconds of processor time"):
        corpus.read_table(path, limits=LIMITS._replace(cpu_seconds=0))


def program(folder: Path, text: str) -> str:
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


@pytest.mark.parametrize("text, reason", [("kill -9 $$", "killed, most likely for memory"), ("kill -11 $$", "crashed .signal 11"),
                                          ("echo out of luck >&2; exit 3", "exit code 3.*out of luck")])
def test_a_child_that_dies_is_a_data_error(tmp_path, monkeypatch, text, reason):
    (tmp_path / "a.csv").write_text("q,a\n1,2\n")
    monkeypatch.setattr(guard.sys, "executable", program(tmp_path, text))
    with pytest.raises(DataError, match=reason) as caught:
        corpus.read_table(tmp_path / "a.csv")
    assert caught.value.failure.where == "a.csv"


def test_the_child_gets_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "canary-4711")
    monkeypatch.setattr(guard.sys, "executable", program(tmp_path, 'printf \'{"refused": ["[%s]", "", ""]}\' "$SOME_TOKEN" > "$6"'))
    (tmp_path / "a.csv").write_text("q,a\n1,2\n")
    with pytest.raises(DataError) as caught:
        corpus.read_table(tmp_path / "a.csv")
    assert caught.value.failure.what == "[]"


ASKING = """
import pathlib, resource, sys
from lab import corpus
from lab.core import DataError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, refused = peak(), 0
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        corpus.read_table(path)
    except DataError:
        refused += 1
print(refused, (peak() - before) // 1024)
"""


def test_the_asking_process_stays_small(tmp_path):
    (tmp_path / "wide.csv").write_bytes(b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n1\n")
    (tmp_path / "deep.json").write_bytes(b'{"a":' * 100_000)
    (tmp_path / "line.csv").write_bytes(b"q,a\n" + b"x" * 40_000_000)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", ASKING, str(tmp_path)], cwd=root, capture_output=True, text=True, check=True)
    refused, grown = map(int, done.stdout.split())
    assert refused == 3 and grown < 30  # MiB; the files have 8, 1 and 40


def test_json_suite(shared):
    """The public suite of hard JSON files: what is no JSON is refused, what is JSON is read or holds no rows (in this process)."""
    files = sorted((shared / "hostile_json_suite" / "test_parsing").glob("*.json"))
    assert len(files) > 300
    for path in files:
        try:
            child.READERS["table"](path, ".json", LIMITS)
            read = True
        except Refused as refusal:
            read = False
            if path.name.startswith("y_"):
                assert "no usable row" in refusal.what or "one value, not rows" in refusal.what, path.name
        assert not (read and path.name.startswith("n_")), path.name
