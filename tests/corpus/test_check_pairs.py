"""Pairs from which a model would learn something else than what is preferred are told apart from those that are fine."""

import random

import pytest

from lab import corpus
from lab.core import Preference, Scorer, Task, TaskData
from lab.corpus.check_pairs import pair_findings


def found(*pairs):
    about = Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),))
    return [(f.level, f.what, f.count) for f in pair_findings(TaskData(task=about, preferences=tuple(
        Preference(id=f"p{n}", prompt=prompt, chosen=chosen, rejected=rejected) for n, (prompt, chosen, rejected) in enumerate(pairs))))]


def of_lengths(chosen, rejected, count=40):
    return [(f"p{n}", f"{n} " + "c" * chosen, f"{n} " + "r" * rejected) for n in range(count)]


def test_longer_chosen_answers_are_a_bias():
    assert [(level, "longer in 100%" in what, count) for level, what, count in found(*of_lengths(60, 40))] == [("warn", True, 40)]
    assert [(level, "shorter in 80%" in what, count) for level, what, count in found(*of_lengths(40, 60), *((f"q{n}", f"{n} " + "c" * 60, f"{n} r")
            for n in range(10)))] == [("warn", True, 40)]


@pytest.mark.parametrize("pairs", [of_lengths(44, 40), of_lengths(60, 40, 15), of_lengths(40, 40)], ids=["hardly longer", "too few", "equal"])
def test_small_differences_are_none(pairs):
    assert found(*pairs) == []


def test_chance_is_no_bias():
    draw = random.Random(0)
    assert found(*((f"p{n}", f"{n} " + "c" * draw.randint(10, 90), f"{n} " + "r" * draw.randint(10, 90)) for n in range(200))) == []


@pytest.mark.parametrize("pairs, level, words, count", [
    ([("p", "a", "b"), ("P ", "b", "a")], "warn", "other way round", 1),
    ([("p", "a", "b"), ("p", "a ", "b"), ("p", "a", "c")], "warn", "stand twice", 1),
    ([("Say hello", "say  hello", "b")], "warn", "repeats the prompt", 1),
    ([("p", "same", "same ")], "refuse", "are the same", 1),
    ([(f"p{n}", f"Certainly {n}", f"{n} Certainly") for n in range(20)], "note", "begins with the same word", 20),
])
def test_each_fault_is_found(pairs, level, words, count):
    assert [(a, words in b, c) for a, b, c in found(*pairs)] == [(level, True, count)]


def test_real_pairs(shared):
    def of(name):
        table = corpus.read_table(shared / name)
        return found(*((p.prompt, p.chosen, p.rejected) for p in corpus.to_preferences(table, corpus.guess_mapping(table))[0]))

    assert [(what.split(":")[0], count) for _, what, count in of("pref_orca_dpo/validation.jsonl")] == \
        [("The chosen answer is shorter in 82% of the pairs", 232)]
    assert [count for _, what, count in of("pref_dpo_en_demo/dpo_en_demo.json") if "stand twice" in what] == [5]
