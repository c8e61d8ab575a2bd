"""Lines that a kill tore: wherever it struck, every whole line before and behind it is read, and nothing else."""

import json

from lab import store

ROWS = [{"at": 1.5, "text": 'a "quoted" [word], {brace}', "values": {"loss": [1, {"x": None}]}}, {"at": 2, "text": "é\\"}, [1, 2], "three", 4]


def parsed(line: bytes):
    try:
        return [json.loads(line)] if line.strip() else []
    except ValueError:
        return []


def test_a_line_torn_anywhere_hides_no_other(tmp_path):
    path = tmp_path / "events.jsonl"
    whole = [json.dumps(row, ensure_ascii=False).encode() for row in ROWS]
    for torn in whole:
        for cut in range(len(torn) + 1):
            lines = [whole[0], torn[:cut], *whole]
            path.write_bytes(b"\n".join(lines) + b"\n")
            assert store.files.read_lines(path) == ([row for line in lines for row in parsed(line)], path.stat().st_size), torn[:cut]


def test_two_values_on_a_line_are_no_row(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n1, 2\n{"a": 2}\n')
    assert store.files.read_lines(path)[0] == [{"a": 1}, {"a": 2}]
