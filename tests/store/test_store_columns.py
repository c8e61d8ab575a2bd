"""The numbers beside the answers: always equal to them, made again whenever they are not whole, and "not measured" never becomes zero."""

import math
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import store
from lab.core import MEASURES, Columns, Evaluation, Numbers, Score, Scorer
from lab.store import columns

finite = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64)
whole = st.none() | st.integers(0, 10**6)
words = st.text(max_size=12)
values = st.dictionaries(st.sampled_from(["exact_match", "rule"]), finite)
score = st.builds(Score, item=st.text(min_size=1, max_size=12), entity=words, answer=words, values=values, seconds=finite,
                  prompt_tokens=whole, answer_tokens=whole, ended=st.none() | st.booleans(), hit=finite, kl=finite)
some = st.lists(score, max_size=8, unique_by=lambda one: one.item)


def evaluation(scores, key="s1", fingerprint="f1"):
    return Evaluation(system_key=key, suite="suite", suite_fingerprint=fingerprint, role="task", scorers=(Scorer(kind="exact_match"),), decoding="greedy",
                      scores=tuple(scores))


def answers():
    return [Score(item=f"i{number}", entity="" if number % 2 else "e", answer="x", values={"exact_match": None if number == 2 else number / 7}, seconds=.5,
                  ended=True if number else None) for number in range(5)]


def place():
    return store.evaluations.folder("s1", "f1") / columns.NAME


@settings(max_examples=40, deadline=None)
@given(some)
def test_the_columns_say_what_the_answers_say(scores):
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_HOME", home)
        store.evaluations.save(evaluation(scores))
        found, read = store.evaluations.numbers("s1", "f1"), store.evaluations.find("s1", "f1")
    assert isinstance(found, Numbers) and found.columns == Columns.of(scores) == read.columns
    assert found.columns.items == tuple(one.item for one in scores) and found.columns.clusters == tuple(one.entity or one.item for one in scores)
    for kind in {kind for one in scores for kind in one.values}:
        assert found.column(kind) == [one.values.get(kind) for one in scores]
    for name in MEASURES:
        assert [None if number != number else number for number in found.columns.measures[name]] == [getattr(one, name) for one in scores]


def test_what_was_not_measured_is_never_zero():
    store.evaluations.save(evaluation(answers()))
    found = store.evaluations.numbers("s1", "f1")
    assert found.column()[2] is None and found.column()[0] == 0.0
    assert math.isnan(found.columns.measures["ended"][0]) and all(math.isnan(number) for number in found.columns.measures["kl"])
    assert found.column("rule") == [None] * 5, "a metric that nobody took"


@pytest.mark.parametrize("damage", ["missing", "empty", "torn", "another archive", "of other answers", "words instead"])
def test_columns_that_are_not_whole_are_made_again_from_the_answers(damage):
    store.evaluations.save(evaluation(answers()))
    good = place().read_bytes()
    if damage == "missing":
        place().unlink()
    elif damage == "another archive":
        np.savez(place(), about=np.frombuffer(b"[]", np.uint8))
    elif damage == "of other answers":
        columns.write(place().parent, Columns.of(answers()[:3]), "0" * 64)
    else:
        place().write_bytes({"empty": b"", "torn": good[:len(good) // 2], "words instead": b"hello"}[damage])
    assert store.evaluations.numbers("s1", "f1").columns == Columns.of(answers())
    assert place().read_bytes() == good, "kept for the next reader"


def test_every_flipped_byte_is_either_harmless_or_found():
    store.evaluations.save(evaluation(answers()[:2]))
    good, meant = place().read_bytes(), Columns.of(answers()[:2])
    for at in range(0, len(good), 7):
        place().write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])
        assert store.evaluations.numbers("s1", "f1").columns == meant, at


def test_no_archive_is_unpickled():
    store.evaluations.save(evaluation(answers()))
    np.savez(place(), about=np.array([{"items": "x"}], dtype=object), names=np.array([()], dtype=object), numbers=np.array([None], dtype=object))
    assert columns.read(place().parent, "x") is None and store.evaluations.numbers("s1", "f1").columns == Columns.of(answers())


def test_a_workspace_that_is_only_read_works_without_the_columns(monkeypatch):
    store.evaluations.save(evaluation(answers()))
    place().unlink()

    def refused(*_, **__):
        raise PermissionError("read-only file system")
    monkeypatch.setattr(columns.files, "write_bytes", refused)
    assert store.evaluations.numbers("s1", "f1").columns == Columns.of(answers()) and not place().exists()


def test_losing_the_columns_loses_no_evaluation():
    store.evaluations.save(evaluation(answers()))
    place().write_bytes(b"")
    store.evaluations.save(evaluation(answers()[:1]))
    assert len(store.evaluations.find("s1", "f1").scores) == 5, "what stands is kept: the manifest does not count the columns"


def test_systems_that_answered_one_suite_share_its_names():
    for key in ("s1", "s2"):
        store.evaluations.save(evaluation(answers(), key))
    one, other = (store.evaluations.numbers(key, "f1").columns for key in ("s1", "s2"))
    assert one.items is other.items and one.clusters is other.clusters
    assert store.evaluations.numbers("s3", "f1") is None
