"""Examples with another, wrong answer: which of both a System finds more probable can be asked."""

import pytest

from lab.core import Example, Scorer, Task, TaskData
from lab.corpus import suggest_scorer, to_examples
from lab.corpus.garbled import mended
from lab.corpus.guess import examples_of_pairs, guess_mapping
from lab.corpus.mapping import Mapping
from lab.corpus.private import masked
from lab.corpus.values import Table

PAIRS = [{"prompt": f"Say {n}?", "chosen": f"Certainly, {n}.", "rejected": str(n)} for n in range(40)]


def table(rows):
    return Table(name="pairs.jsonl", columns=tuple(rows[0]), rows=tuple(rows))


def task(examples, kind="multiple_choice"):
    return TaskData(task=Task(id="t", name="T", scorers=(Scorer(kind=kind),)), examples=tuple(examples)).sealed()


def test_pairs_read_as_examples_keep_the_rejected_answer_as_the_other_choice():
    mapping = examples_of_pairs(guess_mapping(table(PAIRS)))
    examples, _ = to_examples(table(PAIRS), mapping)
    assert mapping.kind == "examples" and mapping.other == "{rejected}"
    assert all(row.choices == (row.answer, row.answer.removeprefix("Certainly, ").removesuffix(".")) for row in examples)
    assert suggest_scorer(examples).kind == "multiple_choice"
    suite = task(examples).test_suite()
    assert suite.chance == 0.5 and all(item.answer in item.choices for item in suite.items)


def test_without_another_answer_nothing_is_to_choose_and_the_fingerprint_is_what_it_was():
    rows = [{"prompt": "a?", "answer": "b", "other": other} for other in ("", "b", "c")]
    examples, _ = to_examples(table(rows), Mapping(prompt="{prompt}", answer="{answer}", other="{other}"))
    assert [row.choices for row in examples] == [None, None, ("b", "c")]
    plain = Example(id="e", prompt="a?", answer="b", split="test")
    assert task([plain]).task.fingerprints == task([plain.model_copy(update={"choices": None})]).task.fingerprints
    assert task([plain]).task.fingerprints != task([plain.model_copy(update={"choices": ("b", "c")})]).task.fingerprints
    assert task([plain]).test_suite().chance == 0.0 and task([plain], "exact_match").test_suite().chance == 0.0


@pytest.mark.parametrize("change, text, expected", [(masked, "mail anna.b@firma-eins.de", "mail [email]"), (mended, "caf\u00c3\u00a9", "caf\u00e9")])
def test_the_right_answer_stays_among_the_choices_when_texts_are_mended(change, text, expected):
    row = Example(id="e", prompt="a?", answer=text, split="test", choices=(text, "no"))
    found = change(task([row])).examples[0]
    assert found.answer == expected and found.choices == (expected, "no")
