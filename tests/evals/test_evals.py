"""Scorers and evaluation: each item once, a missing score is None, and raw text does not care about prompts."""

import pytest

from lab import store
from lab.core import Base, Item, Prompting, Retrieval, Scorer, Stopped, Suite, System
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.evals.evaluate import TIMED_ITEMS, evaluate
from lab.evals.scorers import normalised, score_answer
from lab.methods.asking import Asker
from lab.methods.retrieval import Searcher, build_index

BASE = Base(kind="folder", ref="/m", fingerprint="f")


def scored(kind, gold, answer, **more):
    item = Item(id="i", prompt="p", answer=gold, slices=more.pop("slices", {}))
    return score_answer((Scorer(kind=kind, **more),), item, answer)[0][kind]


@pytest.mark.parametrize(("kind", "gold", "answer", "value"), [
    ("exact_match", "Paris", " Paris\n", 1), ("exact_match", "Paris", "paris", 0),
    ("normalised_match", "The Eiffel Tower", "eiffel tower.", 1), ("normalised_match", "Paris", "Paris, France", 0),
    ("contains_answer", "Paris", "It is Paris, of course.", 1), ("contains_answer", "Par", "It is Paris.", 0),
    ("json_valid", '{"a": 1}', '{"b": 2}', 1), ("json_valid", '{"a": 1}', "{'b': 2}", 0), ("json_valid", '{"a": 1}', "3", 0),
    ("json_valid", '{"a": 1}', '{"a": NaN}', 0), ("json_valid", '{"a": 1}', "[" * 100_000, 0),
    ("json_fields", '{"a": 1, "b": "x"}', '{"a": 1, "b": "y"}', 0.5), ("json_fields", '{"a": 1}', "no", 0),
    ("json_match", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}', 1), ("json_match", '{"a": 1}', '{"a": 1, "c": 3}', 0)])
def test_scorers(kind, gold, answer, value):
    assert scored(kind, gold, answer) == value


def test_a_rule_looks_for_its_phrases_and_the_value_may_stand_apart():
    assert scored("rule", "", "CERTAINLY. Paris", phrases=("certainly", "gladly")) == 1
    assert scored("rule", "", "Paris", phrases=("certainly",)) == 0
    assert scored("contains_answer", "Certainly. It is Paris.", "Paris!", slices={"value": "Paris"}) == 1


def test_normalising_keeps_letters_of_every_script():
    assert normalised("Ｔｈｅ  Größe, 東京!") == "grösse 東京"


@pytest.fixture(scope="module")
def loaded():
    return load_base(store.SHIPPED / "bases" / store.bases.shipped()[0], settle())


def asker(loaded, **parts):
    return Asker(System(name="s", base=BASE, **parts), loaded, store.tasks.load("facts").split("train"), None)


def small(name, count=12):
    suite = store.tasks.load_suite(name) if name in store.tasks.suite_names() else store.tasks.load(name).test_suite()
    return suite.model_copy(update={"items": suite.items[:count]})


@pytest.mark.parametrize("name", ["facts", "form", "tone", "capitals", "words", "sums", "grammar", "known_people", "reading", "text_loss"])
def test_every_suite_scores_every_item_once_and_the_same_again(loaded, name):
    suite = small(name)
    first, second = (evaluate(asker(loaded), suite, "k") for _ in range(2))
    assert [score.item for score in first.scores] == [item.id for item in suite.items]
    assert [score.values for score in first.scores] == [score.values for score in second.scores]
    assert all(set(score.values) == {scorer.kind for scorer in suite.scorers} for score in first.scores)
    assert all(value is not None for score in first.scores for value in score.values.values())


def test_latency_is_measured_on_a_few_single_answers_and_nowhere_else(loaded):
    scores = evaluate(asker(loaded), small("facts", 20), "k").scores
    assert sum(score.seconds is not None for score in scores) == TIMED_ITEMS
    assert all(score.prompt_tokens > 0 and score.answer_tokens >= 0 and score.ended is not None for score in scores)


def test_passages_are_recorded_and_hits_counted(loaded, tmp_path):
    task = store.tasks.load("facts")
    build_index(Retrieval(), task.documents, tmp_path)
    found = Asker(System(name="r", base=BASE, retrieval=Retrieval(top_k=1)), loaded, (), Searcher(Retrieval(top_k=1), tmp_path))
    scores = evaluate(found, small("facts"), "k").scores
    assert all(score.hit in (0.0, 1.0) and len(score.passages) == 1 and score.passages[0].text in score.prompt for score in scores)


def test_raw_text_does_not_see_the_prompt(loaded):
    plain, prompted = (evaluate(asker(loaded, prompting=p), small("text_loss"), "k") for p in (None, Prompting(instruction="x", shots=2)))
    assert plain.column() == prompted.column() and all(0 < value < 20 for value in plain.column())


def test_the_right_choice_must_be_more_probable_than_every_other(loaded):
    items = (Item(id="a", prompt="", answer="The dog sleeps.", choices=("The dog sleeps.", "zqx dog qqq the!")),
             Item(id="b", prompt="", answer="same", choices=("same", "same "[:4])), Item(id="c", prompt="", answer="x", choices=()))
    suite = Suite(name="s", title="S", role="retention", scorers=(Scorer(kind="multiple_choice"),), items=items)
    values = evaluate(asker(loaded), suite, "k").column()
    assert values[0] == 1.0 and values[2] is None, "an item without choices is not measured, which is not zero"


def test_the_answer_loss_is_small_where_the_base_knows_the_answer(loaded):
    capitals = small("capitals").model_copy(update={"scorers": (Scorer(kind="answer_loss"),)})
    right = evaluate(asker(loaded), capitals, "k").column()
    wrong_items = tuple(item.model_copy(update={"answer": other.answer}) for item, other in
                        zip(capitals.items, (*capitals.items[1:], capitals.items[0])) if item.answer != other.answer)
    wrong = evaluate(asker(loaded), capitals.model_copy(update={"items": wrong_items}), "k").column()
    assert sum(right) / len(right) < 1.0 < sum(wrong) / len(wrong)


def test_a_stop_is_obeyed_between_batches(loaded):
    with pytest.raises(Stopped):
        evaluate(asker(loaded), small("facts"), "k", should_stop=lambda: True)
