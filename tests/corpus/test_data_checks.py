"""Each fault of a Task's rows is found, counted and shown; a clean Task has no findings."""

import pytest

from lab import corpus
from lab.core import Document, Example, Preference, Scorer, Task, TaskData
from lab.corpus.check_rows import fitting

CLEAN = [Example(id=f"e{number}", prompt=f"question number {number}", answer=f"answer {number}", split=split)
         for number, split in enumerate(["train"] * 40 + ["validation"] * 10 + ["test"] * 40)]


def task(*extra, examples=CLEAN, preferences=(), documents=()):
    about = Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),))
    return TaskData(task=about, examples=(*examples, *extra), preferences=tuple(preferences), documents=tuple(documents))


def row(prompt, answer="x", split="train"):
    return Example(id="new", prompt=prompt, answer=answer, split=split)


def pair(prompt="p", chosen="c", rejected="r"):
    return Preference(id="p1", prompt=prompt, chosen=chosen, rejected=rejected)


def test_a_clean_task_has_no_findings():
    assert corpus.check(task(preferences=[pair()]), count=lambda *texts: sum(map(len, texts)), max_length=1_000) == ()


@pytest.mark.parametrize("data, level, words, count", [
    (task(row("Question  NUMBER 60")), "refuse", "also stands in the test split", 1),
    (task(row("question number 61", split="validation")), "refuse", "also stands in the test split", 1),
    (task(preferences=[pair("question number 60")]), "refuse", "preference pair also stands in the test", 1),
    (task(row("question number 3", split="validation")), "warn", "validation row is also trained", 1),
    (task(row("question number 3", "answer 3"), row("question number 3", "answer 3")), "warn", "stand twice in the train split", 2),
    (task(row("question number 60", "answer 60", "test")), "warn", "stand twice in the test split", 1),
    (task(row("question number 60", "other", "test")), "note", "several answers in the test split", 1),
    (task(row("", "x")), "refuse", "is empty", 1),
    (task(row("I am {{name}}")), "warn", "{{name}}", 1),
    (task(row("key hf_" + "a" * 34)), "warn", "access token", 1),
    (task(documents=[Document(id="d1", name="d", text="a\U000e0041b")]), "warn", "Invisible letters", 1),
    (task(documents=[Document(id="d1", name="d", text=" ")]), "warn", "document is empty", 1),
    (task(preferences=[pair(chosen="same", rejected=" same")]), "refuse", "are the same", 1),
    (task(preferences=[pair(prompt=" ")]), "refuse", "empty prompt or answer", 1),
    (task(row("a b c d e f g h i j k l m n"), row("z a b c d e f g h i j k l m", split="test")), "warn", "13 words in a row", 1),
    (task(examples=CLEAN[:55]), "warn", "Only 5 rows", 5),
    (task(examples=[e.model_copy(update={"answer": ":answer"}) for e in CLEAN]), "warn", "Every answer is the same text", 90),
    (task(examples=CLEAN[:50]), "refuse", "No row is in the test split", 0),
    (task(examples=CLEAN[40:]), "warn", "No row is in the training split", 0),
    (task(examples=[e for e in CLEAN if e.split != "validation"]), "warn", "No row is in the validation split", 0),
    (task(examples=[]), "refuse", "no examples", 0),
])
def test_each_fault_is_found(data, level, words, count):
    found = [finding for finding in corpus.check(data) if words in finding.what]
    assert [(finding.level, finding.count) for finding in found] == [(level, count)]
    assert found[0].do and len(found[0].examples) <= 3 and all(len(text) <= 130 for text in found[0].examples)


def words(*texts):
    return sum(len(text.split()) for text in texts)


def test_rows_that_build_refuses_are_said_with_their_length_and_can_be_left_out():
    data = task(row("long " * 100), row("test " * 45, split="test"), row("fits " * 40, split="test"), preferences=[pair(chosen="word " * 200), pair()])
    found = corpus.check(data, count=words, max_length=50, answer=10)
    assert [(f.level, f.count, f.mend) for f in found[:3]] == [("refuse", 1, "long")] * 3
    assert "1 of 51 examples have more than 50 tokens: Build refuses them" == found[0].what and "101 tokens" in found[0].do
    assert "1 of 2 preference pairs" in found[1].what and "more than 40 tokens, with 10 of the base's 50 kept" in found[2].what
    left = fitting(data, words, 50, 10)
    assert len(left.split("test")) == 41 and len(left.split("train")) == 40 and len(left.preferences) == 1
    assert not [f for f in corpus.check(left, count=words, max_length=50, answer=10) if f.mend == "long"]


def test_where_the_score_reads_the_right_answers_those_of_the_test_must_fit_too():
    data = task(row("short", split="test").model_copy(update={"answer": "word " * 60}))
    assert not [f for f in corpus.check(data, count=words, max_length=50, answer=10) if f.mend == "long"], "a written answer is only stopped"
    [found] = [f for f in corpus.check(data, count=words, max_length=50, answer=0, reads=True) if f.mend == "long"]
    assert found.count == 1 and "which the score reads" in found.what
    assert len(fitting(data, words, 50, 0, True).split("test")) == len(data.split("test")) - 1


def test_a_form_of_words_is_no_leak():
    frame = "please turn this record into one line of strict json with these keys and nothing else"
    rows = [row(f"{frame} {number}", split="train" if number < 50 else "test") for number in range(60)]
    assert not [f for f in corpus.check(task(*rows)) if "13 words" in f.what]


def test_leaks_are_taken_out_of_training_never_out_of_the_test():
    data = task(row("question number 60"), row("QUESTION number 61", split="validation"), row("question number 3", split="validation"),
                preferences=[pair("question number 60"), pair("free")])
    clean = corpus.without_leaks(data)
    assert clean.split("test") == data.split("test") and len(clean.examples) == len(data.examples) - 3
    assert [p.prompt for p in clean.preferences] == ["free"] and clean.task.counts["preferences"] == 1
    assert not [f for f in corpus.check(clean) if f.level == "refuse"]
    assert clean.split("train") == tuple(e for e in CLEAN if e.split == "train")


def test_the_gravest_come_first():
    levels = [finding.level for finding in corpus.check(task(row("question number 60"), row("{{x}}"), row("question number 3", "other")))]
    assert levels == ["refuse", "warn", "note"]
