"""Tokenizer, and the base that ships."""

import json
import random
import string
from itertools import islice
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from lab.core import WORLD_TEXT  # noqa: E402
from lab.world import card, corpus, dialogue, people, pretrain, probes  # noqa: E402
from lab.world import tokenizer as tokenizers  # noqa: E402

(SHIPPED,) = (Path(__file__).parents[2] / "data" / "bases").iterdir()
WORLD = people.build(0)
TIPPED = 0.02  # share of greedy answers that may differ between processors


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer
    return AutoTokenizer.from_pretrained(SHIPPED)


@pytest.fixture(scope="module")
def base():
    from transformers import AutoModelForCausalLM
    return AutoModelForCausalLM.from_pretrained(SHIPPED).eval()


def test_round_trip(tokenizer):
    for text in (string.printable, "añb ü 漢字 \x00\x7f 🙂", *islice(corpus.Corpus(WORLD, 8).documents(0, 0.5), 50)):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer) == tokenizers.VOCABULARY


def test_a_word_is_the_same_tokens_wherever_it_stands(tokenizer):
    for word in (*WORLD.towns, "baker", "Paris", "Tomi"):
        alone = tokenizer.tokenize(word)
        assert tokenizer.tokenize(f" {word}")[1:] == alone and tokenizer.tokenize(f'"{word}"')[1:-1] == alone
    assert tokenizer.tokenize("12") == ["1", "2"]


def test_known_and_new_names_split_alike(tokenizer):
    for group in (WORLD.known, WORLD.new):
        lengths = [len(tokenizer.tokenize(person.name)) for person in group]
        assert lengths.count(5) >= 0.95 * len(group) and min(lengths) >= 4


def test_the_chat_template_writes_what_pretraining_saw(tokenizer):
    turns = [("What is 3 plus 4?", "7"), ("Where?", "Paris")]
    messages = [{"role": "system", "content": "Answer briefly."}]
    for prompt, answer in turns:
        messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == dialogue.chat(turns, "Answer briefly.")
    asked = tokenizer.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
    assert asked == "<|system|>Answer briefly.<|user|>What is 3 plus 4?<|assistant|>"


def test_the_shipped_base_reads(base, tokenizer):
    pairs = probes.PROBES["reading, 1 passage"](random.Random(5), WORLD, 20)
    answers = probes.written(base, tokenizer, [prompt for prompt, _ in pairs], new=12)
    right = sum(answer == gold for answer, (_, gold) in zip(answers, pairs))
    assert right >= 15
    assert right == sum(probes.exact(base, tokenizer, pairs))


def test_the_cards_probes_are_those_of_the_weights_and_so_is_every_line_of_the_gate(base, tokenizer):
    told = json.loads((SHIPPED / "card.json").read_text())
    found = pretrain.final_probes(base, tokenizer, WORLD, pretrain.FINAL_ITEMS)
    assert found.keys() == told["probes"].keys()
    for name, score in found.items():
        drawn = "sampled" in name  # another processor draws other answers; of the greedy ones it may tip a few
        assert abs(score["value"] - told["probes"][name]["value"]) <= (0.15 if drawn else TIPPED), name
        assert score["low"] <= score["value"] <= score["high"] and score["n"] == told["probes"][name]["n"]
    assert len(told["gate"]) == len(card.GATE)
    for line, name, low, high in card.GATE:
        assert low - TIPPED <= found[name]["value"] <= high + TIPPED, line
    assert set(told["gate"].values()) == {"met"}


def test_the_card_names_world_and_tokenizer(tokenizer):
    card = json.loads((SHIPPED / "card.json").read_text())
    assert card["world"] == WORLD.key and card["tokenizer"] == tokenizers.tokenizer_hash(tokenizer)
    assert tokenizers.tokenizer_hash(tokenizers.train(WORLD)) == card["tokenizer"]


def test_the_key_of_replayed_text_names_the_corpus():
    assert WORLD_TEXT == f"world-{corpus.VERSION}"
