"""The matrix of imports says of every table what the lab made of it, and replaces only its own block of a page."""

import pytest

from lab.core import DataError
from lab.jobs import imports


def test_what_comes_in_and_what_does_not(tmp_path):
    (tmp_path / "qa.csv").write_text("question,answer\n" + "".join(f"q{n},a{n}\n" for n in range(9)) + "q,\n")
    (tmp_path / "odd|.csv").write_text("a,b\n1,2\n")
    found = {one.file: one for one in imports.imports_of(tmp_path)}
    assert found["qa.csv"][2:4] == (9, 1) and found["qa.csv"].seen == "examples: {question} -> {answer}" and "empty" in found["qa.csv"].reason
    assert not found["odd|.csv"].seen and found["odd|.csv"].refused == 1 and found["odd|.csv"].reason
    page = tmp_path / "page.md"
    page.write_text(f"before\n{imports.BEGIN}\nold\n{imports.END}\nafter\n")
    imports.save(list(found.values()), page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text and "| odd/.csv | not taken as it is | 0 | 1 |" in text


def test_no_table_and_no_place(tmp_path):
    with pytest.raises(DataError, match="no table"):
        list(imports.imports_of(tmp_path))
    with pytest.raises(DataError, match="no place"):
        imports.save([], tmp_path / "page.md")
