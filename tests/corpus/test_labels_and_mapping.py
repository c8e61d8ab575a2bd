"""Names for labels, and mappings that a Task keeps for the next file of the same shape."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lab import corpus
from lab.core import DataError, Scorer, Task
from lab.corpus.labels import labels_of, named_labels
from lab.corpus.mapping import Mapping, recalled, stored
from lab.corpus.values import Table

NUMBERS = tuple({"text": f"row {number}", "label": str(number % 3)} for number in range(30))


def table(rows=NUMBERS, **more):
    return Table(name="t.csv", columns=tuple(rows[0]), rows=tuple(rows), **more)


def task(mapping, name="a"):
    return Task(id=name, name=name, scorers=(Scorer(kind="exact_match"),), mapping=mapping)


def test_a_parquet_file_of_the_datasets_library_names_its_labels(tmp_path):
    label = {"names": ["negative", "neutral", "positive"], "_type": "ClassLabel"}
    about = {"info": {"features": {"text": {"dtype": "string", "_type": "Value"}, "label": label}}}
    columns = pa.table({"text": [row["text"] for row in NUMBERS], "label": [int(row["label"]) for row in NUMBERS]})
    pq.write_table(columns.replace_schema_metadata({"huggingface": json.dumps(about)}), tmp_path / "t.parquet")
    found = corpus.read_table(tmp_path / "t.parquet")
    mapping = corpus.guess_mapping(found)
    assert mapping.labels == {"0": "negative", "1": "neutral", "2": "positive"}
    examples, _ = corpus.to_examples(found, mapping)
    assert {example.answer for example in examples} == {"negative", "neutral", "positive"}


@pytest.mark.parametrize("text", ["{", "[]", '{"info": 1}', '{"info": {"features": {"label": {"_type": "ClassLabel", "names": 3}}}}'])
def test_metadata_that_is_something_else_names_nothing(text):
    from lab.corpus.parquet import label_names
    assert label_names({b"huggingface": text.encode()}) == {}


def test_a_column_beside_the_labels_names_them():
    names = ["bad", "so so", "good"]
    rows = tuple({**row, "label_text": names[int(row["label"])]} for row in NUMBERS)
    assert named_labels(table(rows), "{label}") == {"0": "bad", "1": "so so", "2": "good"}
    torn = (*rows[:-1], {**rows[-1], "label_text": "other"})
    assert named_labels(table(torn), "{label}") == {}, "a value with two names has none"


def test_only_few_different_short_answers_are_labels():
    assert labels_of(table(), "{label}") == ["0", "1", "2"]
    assert labels_of(table(), "{text}") == [] and labels_of(table(), "{text} {label}") == []


def test_a_new_file_with_the_same_columns_gets_the_mapping_of_the_newest_task():
    first = Mapping(prompt="{title}\n\n{body}", answer="{kind}", labels={"0": "bug"}, entity_column="title")
    pairs = Mapping(prompt="{q}", chosen="{good}", rejected="{bad}")
    tasks = [task(stored(first, ("title", "body", "kind"), pairs, ("q", "good", "bad")), "new"),
             task(stored(Mapping(prompt="{body}", answer="{kind}"), ("title", "body", "kind")), "old")]
    mapping, found = recalled(tasks, ("kind", "title", "body"), "examples")
    assert mapping == first and found.name == "new", "the order of columns does not count"
    assert recalled(tasks, ("q", "good", "bad"), "preferences")[0] == pairs
    assert recalled(tasks, ("title", "body"), "examples") is None and recalled(tasks, ("title", "body", "kind"), "preferences") is None


@pytest.mark.parametrize("mapping", [{}, {"columns": 3}, {"columns": ["q"], "prompt": 7}, {"columns": ["q"], "prompt": "{q}"}])
def test_what_is_no_mapping_is_not_recalled(mapping):
    assert recalled([task(mapping)], ("q",), "examples") is None


def test_a_template_over_columns_and_one_that_names_an_unknown_column():
    rows = tuple({"title": f"T{number}", "body": "text", "kind": "x"} for number in range(12))
    examples, _ = corpus.to_examples(table(rows), Mapping(prompt="{title}\n\n{body}", answer="{kind}"))
    assert examples[0].prompt == "T0\n\ntext"
    with pytest.raises(DataError, match="not there: 'headline'") as caught:
        corpus.to_examples(table(rows), Mapping(prompt="{headline}", answer="{kind}"))
    assert "title, body, kind" in caught.value.failure.do
