"""Column shapes in the wild are recognised; where two readings are as good, none is picked."""

import pytest

from lab import corpus
from lab.core import DataError
from lab.corpus import Mapping, Table

CHAT = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Bye?"}, {"role": "assistant", "content": "Bye."}]
SHARE = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]


def made(*rows):
    return Table(name="t", columns=tuple(dict.fromkeys(key for row in rows for key in row)), rows=rows)


@pytest.mark.parametrize("row, prompt, answer", [
    ({"prompt": "P", "completion": "A"}, "P", "A"),
    ({"prompt": "P", "answer": "A"}, "P", "A"),
    ({"Question": "P", "Answer": "A", "Category": "c"}, "P", "A"),
    ({"instruction": "P", "input": "I", "output": "A"}, "P\nI", "A"),
    ({"instruction": "P", "input": "", "output": "A"}, "P", "A"),
    ({"instruction": "P", "input": "I", "response": "A"}, "P\nI", "A"),
    ({"instruction": "P", "context": "C", "response": "A", "category": "qa"}, "P\nC", "A"),
    ({"text": "P", "label": 3}, "P", "3"),
    ({"text": "P", "category": "A"}, "P", "A"),
    ({"text": "P", "intent": "A"}, "P", "A"),
    ({"mr": "P", "ref": "A"}, "P", "A"),
    ({"prompt": "P", "output": {"a": 1}}, "P", '{"a": 1}'),
    ({"question": "P", "context": "word " * 30, "answers": {"text": ["A", "B"], "answer_start": [1]}}, "P", "A"),
    ({"messages": CHAT}, "Be short.\n\nuser: Hi\nassistant: Hello\nuser: Bye?", "Bye."),
    ({"conversations": SHARE}, "Hi", "Hello"),
    ({"prompt": CHAT[1:2], "completion": CHAT[2:3]}, "Hi", "Hello"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": None, "tool_calls": [
        {"function": {"name": "f"}}]}]}, "Hi", '[{"name": "f"}]'),
])
def test_examples(row, prompt, answer):
    mapping = corpus.guess_mapping(made(row))
    assert mapping.kind == "examples", mapping.reason
    example = corpus.to_examples(made(row), mapping)[0][0]
    assert (example.prompt, example.answer) == (prompt, answer)


@pytest.mark.parametrize("row, prompt", [
    ({"prompt": "P", "chosen": "C", "rejected": "R"}, "P"),
    ({"system": "S", "question": "P", "chosen": "C", "rejected": "R"}, "S\n\nP"),
    ({"instruction": "P", "input": "I", "chosen": "C", "rejected": "R"}, "P\nI"),
    ({"conversations": SHARE[:1], "chosen": {"from": "gpt", "value": "C"}, "rejected": {"from": "gpt", "value": "R"}}, "Hi"),
    ({"chosen": [CHAT[1], {"role": "assistant", "content": "C"}], "rejected": [CHAT[1], {"role": "assistant", "content": "R"}]}, "Hi"),
    ({"chosen": "\n\nHuman: Hi\n\nAssistant: C", "rejected": "\n\nHuman: Hi\n\nAssistant: R"}, "Hi"),
    ({"input": {"messages": CHAT[:2]}, "preferred_output": [{"role": "assistant", "content": "C"}],
      "non_preferred_output": [{"role": "assistant", "content": "R"}]}, "Be short.\n\nHi"),
])
def test_preferences(row, prompt):
    mapping = corpus.guess_mapping(made(row))
    assert mapping.kind == "preferences", mapping.reason
    pair = corpus.to_preferences(made(row), mapping)[0][0]
    assert (pair.prompt, pair.chosen, pair.rejected) == (prompt, "C", "R")


@pytest.mark.parametrize("row, reason", [
    ({"question": "P", "completion": "A", "response": "B", "output": "C"}, "Three columns could be the answer: completion, output"),
    ({"prompt": "P", "question": "Q", "answer": "A"}, "Two columns could be the prompt"),
    ({"text": "P", "label": "A", "category": "B"}, "Two columns could be the answer"),
    ({"one": "P", "two": "A"}, "known for the prompt: choose among one, two"),
    ({"text": "only texts"}, "known for the answer"),
    ({"prompt": "P", "chosen": "C"}, "none for the other"),
    ({"chosen": "C", "rejected": "R"}, "known for the prompt"),
    ({"messages": CHAT, "label": True}, "KTO"),
    ({"prompt": "P", "completion": "A", "label": False}, "KTO"),
])
def test_unclear_says_why_and_is_refused(row, reason):
    mapping = corpus.guess_mapping(made(row))
    assert mapping.kind == "unclear" and reason in mapping.reason
    with pytest.raises(DataError):
        corpus.to_examples(made(row), mapping)


def test_thumbs_are_never_preferences_whatever_the_mapping():
    mapping = Mapping(prompt="{messages:prompt}", chosen="{messages:answer}", rejected="{messages:answer}")
    with pytest.raises(DataError, match="KTO data"):
        corpus.to_preferences(made({"messages": CHAT, "label": True}), mapping)


def test_a_mapping_by_hand_with_braces_paths_and_free_words():
    rows = made({"a b": "X", "deep": {"list": [{"v": 1}, {"v": 2}]}})
    example = corpus.to_examples(rows, Mapping(prompt="Say {a b} as {{json}}", answer="{deep.list.1.v}"))[0][0]
    assert (example.prompt, example.answer) == ("Say X as {json}", "2")


@pytest.mark.parametrize("mapping", [Mapping(prompt="{nope}", answer="{a}"), Mapping(prompt="{a}", answer="{a}", split_column="nope"),
                                     Mapping(prompt="{a}", answer="{nope:answer}"), Mapping(prompt="{a}", answer="{a}", entity_column="x")])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(mapping):
    with pytest.raises(DataError, match="not there: '(nope|nope:answer|x)'.*Columns: a"):
        corpus.to_examples(made({"a": "1"}), mapping)


def test_split_entity_and_document_columns_are_found():
    row = {"question": "Q", "answer": "A", "split": "dev", "entity": "e", "source": "docs/a.md"}
    mapping = corpus.guess_mapping(made(row))
    assert (mapping.split_column, mapping.entity_column, mapping.document_column) == ("split", "entity", "source")
    mapping = corpus.guess_mapping(made({**row, "split": "north", "source": "the web"}))
    assert (mapping.split_column, mapping.document_column) == ("", "")
