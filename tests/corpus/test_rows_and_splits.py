"""Splits are a partition by the seed alone; no question stands on both sides; every row that stays out is named."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import corpus
from lab.core import DataError, Document
from lab.corpus import Mapping, Table
from lab.corpus.splits import NAMES, assign, prompt_key

WORD = st.sampled_from(["Aa", "aa", " aa ", "b", "c", "d", "e", "f", "g", "h"])
ROWS = st.lists(st.tuples(WORD, st.sampled_from("xyz"), st.sampled_from(["", "", "one", "two"])), min_size=1, max_size=40)


def made(rows, *columns):
    return Table(name="t", columns=columns, rows=tuple(dict(zip(columns, row)) for row in rows))


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(0, 3), st.sampled_from([(.8, .1, .1), (.5, .25, .25), (.9, .1, 0.0), (1.0, 0.0, 0.0)]))
def test_splits_are_a_partition_that_tears_nothing_apart(rows, seed, fractions):
    prompts, answers, entities = zip(*rows)
    splits = assign(prompts, answers, entities, seed, fractions)
    assert len(splits) == len(rows) and set(splits) <= {name for name, share in zip(NAMES, fractions) if share}
    assert splits == assign(prompts, answers, entities, seed, fractions)
    for keys in ([prompt_key(prompt) for prompt in prompts], entities):
        homes = {}
        for key, split in zip(keys, splits):
            assert not key or homes.setdefault(key, split) == split


def test_shares_hold_for_every_label_and_the_seed_matters():
    rows = [(f"question {number}", f"label {number % 7}") for number in range(1_400)]
    mapping = Mapping(prompt="{q}", answer="{a}")
    examples, problems = corpus.to_examples(made(rows, "q", "a"), mapping, seed=1)
    assert not problems and Counter(e.split for e in examples) == {"train": 1120, "validation": 140, "test": 140}
    assert all(19 <= count <= 21 for count in Counter(e.answer for e in examples if e.split == "test").values())
    other = corpus.to_examples(made(rows, "q", "a"), mapping, seed=2)[0]
    assert [e.split for e in other] != [e.split for e in examples]


def test_three_questions_are_enough_for_three_splits():
    examples, _ = corpus.to_examples(made([("a", "1"), ("b", "2"), ("c", "3")], "q", "a"), Mapping(prompt="{q}", answer="{a}"))
    assert {e.split for e in examples} == {"train", "validation", "test"}


def test_a_split_column_is_respected_and_what_it_lacks_comes_out_of_training():
    rows = [(f"q{number}", "a", "test" if number < 20 else "Train") for number in range(120)] + [("odd", "a", "north")]
    examples, problems = corpus.to_examples(made(rows, "q", "a", "s"), Mapping(prompt="{q}", answer="{a}", split_column="s"))
    assert {e.prompt for e in examples if e.split == "test"} == {f"q{number}" for number in range(20)}
    assert Counter(e.split for e in examples) == {"train": 89, "test": 20, "validation": 11}
    assert len(problems) == 1 and "row 121" in problems[0].reason and "north" in problems[0].reason


def test_rows_that_stay_out_are_named_and_ids_follow_the_rows():
    table = made([("q", "a"), ("", "a"), ("q", None), ("r", "b")], "q", "a")
    examples, problems = corpus.to_examples(table, Mapping(prompt="{q}", answer="{a}"))
    assert [e.id for e in examples] == ["e00001", "e00004"]
    assert [p.reason for p in problems] == ["row 2: the prompt is empty", "row 3: the answer is empty"]
    with pytest.raises(DataError, match="No row has both"):
        corpus.to_examples(made([("", "")], "q", "a"), Mapping(prompt="{q}", answer="{a}"))


def test_documents_are_linked_by_name_by_ending_and_by_text():
    documents = [Document(id=f"d{number}", name=name, text=name) for number, name in
                 enumerate(["index.md", "plugins/index.md", "plugins/setup.md"], 1)]
    table = made([("q1", "a", ["docs/index.md", "docs/plugins/index.md"]), ("q2", "a", "setup.md"), ("q3", "a", "gone.md")], "q", "a", "f")
    mapping = Mapping(prompt="{q}", answer="{a}", document_column="f")
    examples, problems = corpus.to_examples(table, mapping, documents=documents)
    assert [e.documents for e in examples] == [("d1", "d2"), ("d3",), ()]
    assert "1 times a row names a document that is not there (gone.md)" in problems[0].reason
    text = "one two three " * 10
    table = made([("q1", "a", text), ("q2", "a", text), ("q3", "a", "other " + text)], "q", "a", "context")
    mapping = Mapping(prompt="{q}", answer="{a}", document_column="context")
    assert [d.id for d in corpus.documents_of(table, mapping)] == ["d0001", "d0002"]
    assert [e.documents for e in corpus.to_examples(table, mapping)[0]] == [("d0001",), ("d0001",), ("d0002",)]


def test_preferences_keep_one_prompt_on_one_side():
    rows = [(f"q{number % 30}", f"c{number}", f"r{number}") for number in range(120)]
    pairs, _ = corpus.to_preferences(made(rows, "q", "good", "bad"), Mapping(prompt="{q}", chosen="{good}", rejected="{bad}"))
    sides = {split: {p.prompt for p in pairs if p.split == split} for split in ("train", "validation")}
    assert not sides["train"] & sides["validation"] and len(sides["validation"]) == 3 and len(pairs) == 120


@pytest.mark.parametrize("answers, kind", [
    (['{"a": 1}', '{"b": 2}', '[3]'], "json_match"),
    (["yes", "no", "yes"], "exact_match"),
    (["card not working at all"] * 5 + ["lost"] * 5, "exact_match"),
    (["in the year 1976", "the Denver Broncos team", "308"], "contains_answer"),
    (["an answer of one sentence that has some fourteen words or so in it", "another answer of the same kind, which has about as many words in it"],
     "normalised_match"),
    (["a long answer " * 10, "another long answer " * 9], "answer_loss")])
def test_the_scorer_fits_the_answers(answers, kind):
    table = made([(f"q{number}", answer) for number, answer in enumerate(answers)], "q", "a")
    assert corpus.suggest_scorer(corpus.to_examples(table, Mapping(prompt="{q}", answer="{a}"))[0]).kind == kind
