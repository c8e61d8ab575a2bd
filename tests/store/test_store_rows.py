"""A large Task is read row by row: the same rows, the same keys, and nothing of them in memory."""

import json
import random

import pytest

from lab import store
from lab.core import DataError, Document, Example, Preference, Scorer, Task, TaskData, training_rows
from lab.core.rows import Rows
from lab.store import rows, tasks

SPLITS = ["test"] * 3 + ["validation", "train"] * 20 + ["train"] * 7


def data():
    examples = tuple(Example(id=f"e{number}", prompt=f"ä {number}\u2028", answer=str(number), split=SPLITS[number], slices={"half": str(number % 2)})
                 for number in range(len(SPLITS)))
    pairs = tuple(Preference(id=f"p{number}", prompt="p", chosen=str(number), rejected="n", split="validation" if number % 5 else "train")
                  for number in range(30))
    return TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=examples, preferences=pairs,
                    documents=(Document(id="d0001", name="d", text="x"),)).sealed()


@pytest.fixture
def read(monkeypatch):
    """The Task as it was saved, and as it is read row by row."""
    whole = store.tasks.save(data())
    monkeypatch.setattr(tasks, "IN_MEMORY", 10)
    return whole, store.tasks.load("t")


def test_the_rows_keys_and_suite_of_a_large_task_are_those_that_were_saved(read):
    whole, large = read
    assert isinstance(large.examples, Rows) and isinstance(large.preferences, Rows)
    assert large.task == whole.task and large.sealed().task == whole.task
    assert tuple(large.examples) == whole.examples and tuple(large.preferences) == whole.preferences and large.documents == whole.documents
    for name in ("train", "validation", "test"):
        assert tuple(large.split(name)) == whole.split(name) and len(large.split(name)) == whole.task.counts[name]
    assert tuple(large.pairs("validation")) == whole.pairs("validation") and len(whole.pairs("train")) == 6
    assert large.test_suite().fingerprint == whole.test_suite().fingerprint


def test_a_seed_draws_the_same_shots_and_a_stage_the_same_rows(read):
    whole, large = read
    for count in (1, 3, 15, 27):
        assert random.Random(4).sample(large.split("train"), count) == random.Random(4).sample(whole.split("train"), count)
    for wanted, most in (("", 0), ("", 5), ("half=1", 0), ("half = 0|1", 4), ("half=7", 0)):
        assert tuple(training_rows(large.split("train"), wanted, most)) == tuple(training_rows(whole.split("train"), wanted, most))
    some = large.split("train")[5:20]
    assert tuple(some[::-2]) == whole.split("train")[5:20][::-2] and some[-1] == whole.split("train")[19] and not large.split("train")[:0]
    assert tuple(some.of("train")) == whole.split("train")[5:20] and not some.of("test")


def test_a_task_reads_no_row_until_somebody_asks_for_one(monkeypatch):
    store.tasks.save(data())
    monkeypatch.setattr(tasks, "IN_MEMORY", 10)
    monkeypatch.setattr(rows._File, "_read_through", lambda self: pytest.fail("the rows were read"))
    found = store.tasks.load("t")
    assert found.task.counts["train"] == 27 and found.split("train") is not None


def test_rows_that_were_changed_by_hand_get_a_new_fingerprint(read, workspace):
    whole, _ = read
    path = workspace / "tasks" / "t" / "examples.jsonl"
    path.write_text(path.read_text("utf-8").replace('"answer": "49"', '"answer": "48"'), "utf-8")
    changed = store.tasks.load("t").task.fingerprints
    assert changed["train"] != whole.task.fingerprints["train"] and changed["test"] == whole.task.fingerprints["test"]


def test_a_page_holds_the_rows_that_it_shows_again_and_again(read):
    whole, _ = read
    assert store.tasks.glance("t") == whole and isinstance(store.tasks.glance("t").examples, tuple)


def test_a_torn_last_line_is_no_row_and_a_broken_one_is_named(read, workspace):
    path = workspace / "tasks" / "t" / "examples.jsonl"
    with path.open("ab") as file:
        file.write(b'\n{"id": "e99", "split": "train", "color": 1}\n{"id": "e98"')
    found = store.tasks.load
    with pytest.raises(DataError, match="cannot be read"):
        found("t")  # its rows are fingerprinted, for the file is another one
    path.write_text("\n".join(path.read_text("utf-8").split("\n")[:-3]) + '\n{"id": "e98"', "utf-8")
    assert len(found("t").examples) == len(SPLITS)


def test_a_run_goes_on_with_the_rows_that_it_began_with(read, workspace):
    whole, large = read
    assert len(large.split("train")) == 27
    (workspace / "tasks" / "t" / "examples.jsonl").unlink()
    assert tuple(large.split("train")) == whole.split("train")


def test_the_file_of_rows_is_plain_json(read, workspace):
    lines = (workspace / "tasks" / "t" / "examples.jsonl").read_text("utf-8").split("\n")[:-1]
    assert [json.loads(line)["id"] for line in lines] == [row.id for row in read[0].examples]
