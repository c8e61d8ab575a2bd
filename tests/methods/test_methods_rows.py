"""Training rows as token ids: the same ones from a Task in memory and from one that is read row by row, at 4 bytes a token."""

import pytest

from lab import store
from lab.core import DataError, Example, Prompting, Scorer, System, Task, TaskData, training_rows
from lab.core.rows import Rows
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.methods import sft
from lab.methods.asking import Asker
from lab.methods.order import ByLength
from lab.store import tasks


@pytest.fixture(scope="module")
def base():
    found = store.bases.resolve("shipped", store.bases.shipped()[0])
    return found, load_base(store.bases.folder_of(found), settle())


@pytest.fixture
def both(monkeypatch):
    """A Task in memory, and the same as it is read row by row."""
    rows = tuple(Example(id=f"e{n}", prompt=f"How many boxes has house {n}?" + " Tell me." * (n % 7), answer=f"{n} boxes", split="train") for n in range(60))
    saved = store.tasks.save(TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=rows))
    monkeypatch.setattr(tasks, "IN_MEMORY", 10)
    monkeypatch.setattr(sft, "PIECE", 16)
    large = store.tasks.load("t")
    assert isinstance(large.split("train"), Rows)
    return saved, large


def test_the_tokens_are_those_of_the_rows_one_by_one(base, both):
    asker = Asker(System(name="s", base=base[0]), base[1], (), None)
    found = [sft.rows_of(base[1], asker.training_messages(False), training_rows(data.split("train")), 400) for data in both]
    assert found[0].to_list() == found[1].to_list() and found[0].features["prompt_ids"].feature.dtype == "int32"
    for place, example in enumerate(both[0].examples):
        prompt, answer = base[1].template.training_text([{"role": "user", "content": example.prompt}], example.answer)
        row = found[1][place]
        assert (row["prompt_ids"], row["answer_ids"]) == (base[1].encode(prompt), base[1].encode(answer))
        assert row["length"] == len(row["prompt_ids"]) + len(row["answer_ids"])
    assert sorted(ByLength(list(found[1]["length"]), 4, 0)) == list(range(60))


def test_no_rows_are_an_empty_table_and_long_ones_are_named(base, both):
    messages = Asker(System(name="s", base=base[0]), base[1], (), None).training_messages(False)
    assert len(sft.rows_of(base[1], messages, (), 400)) == 0
    with pytest.raises(DataError, match="60 of 60 examples are longer than 5 tokens.*e0 "):
        sft.rows_of(base[1], messages, both[1].split("train"), 5)


@pytest.mark.parametrize("choice", ["random", "similar"])
def test_shots_are_the_same_and_only_they_are_read(base, both, choice):
    system = System(name="s", base=base[0], prompting=Prompting(shots=3, choice=choice, seed=5))
    asked = [Asker(system, base[1], data.split("train"), None).ask("How many boxes has house 7?", 8).text for data in both]
    assert asked[0] == asked[1] and asked[0].count("boxes has house") == 4
