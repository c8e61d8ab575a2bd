"""Reading options as a tree: the same numbers as row by row, for every shape of model, with adapters too, and each shared token once."""

import random
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import store
from lab.engine.adapters import new_adapter, save_adapter
from lab.engine.bank import BASE, AdapterBank
from lab.engine.choices import plant, read_choices, reads_trees
from lab.engine.devices import settle
from lab.engine.likelihood import continuation_logps
from lab.engine.load import load_base


def folder_of(tmp_path, model):
    """A model's folder with the shipped tokenizer."""
    folder = tmp_path / type(model).__name__
    shutil.copytree(store.SHIPPED / "bases" / store.bases.shipped()[0], folder)
    model.save_pretrained(folder)
    return folder


def neox():
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
    return GPTNeoXForCausalLM(GPTNeoXConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, vocab_size=1024,
                                            initializer_range=0.2, max_position_embeddings=512, eos_token_id=0, bos_token_id=0))


def llama():
    from transformers import LlamaConfig, LlamaForCausalLM
    return LlamaForCausalLM(LlamaConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
                                        vocab_size=1024, initializer_range=0.2, max_position_embeddings=512, eos_token_id=0))


def gpt2():
    from transformers import GPT2Config, GPT2LMHeadModel
    return GPT2LMHeadModel(GPT2Config(n_embd=64, n_layer=3, n_head=4, vocab_size=1024, initializer_range=0.2, n_positions=512, eos_token_id=0,
                                      bos_token_id=0))


def windowed():
    from transformers import MistralConfig, MistralForCausalLM
    return MistralForCausalLM(MistralConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4,
                                            num_key_value_heads=2, vocab_size=1024, initializer_range=0.2, sliding_window=8, eos_token_id=0))


def questions(count=12, seed=0):
    """Rows of several items: long and short prompts, some begun alike, options that share their beginnings, one of no token."""
    chance = random.Random(seed)
    shots = [chance.randrange(5, 1000) for _ in range(40)]
    found = []
    for number in range(count):
        prompt = (shots if number % 2 else []) + [chance.randrange(5, 1000) for _ in range(chance.randrange(1, 70))]
        start = [chance.randrange(5, 1000) for _ in range(3)]
        found += [(prompt, start + [chance.randrange(5, 1000) for _ in range(chance.randrange(0, 6))]) for _ in range(4)]
    return [*found, (shots, [])]


def one_by_one(loaded, rows):
    return [continuation_logps(loaded, [row])[0] for row in rows]


@pytest.mark.parametrize(("make", "trees"), [(neox, True), (llama, True), (gpt2, True), (windowed, False)])
def test_options_read_together_are_worth_what_each_is_alone(tmp_path, make, trees):
    torch.manual_seed(1)
    loaded = load_base(folder_of(tmp_path, make()), settle())
    rows = questions()
    found, alone = read_choices(loaded, rows), one_by_one(loaded, rows)
    assert reads_trees(loaded) is trees
    for reading, (total, tokens) in zip(found, alone):
        assert reading.tokens == tokens and reading.total == pytest.approx(total, abs=1e-4 * max(1, tokens))
    assert len({round(reading.total, 2) for reading in found}) > 30, "options of this model differ"


@pytest.mark.parametrize("make", [None, neox])
def test_the_same_with_an_adapter_on(tmp_path, shipped_base, make):
    folder = folder_of(tmp_path, make()) if make else shipped_base
    tuned = load_base(folder, settle())
    model = new_adapter(tuned, 4, 8, 0.0, 0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    save_adapter(model, tmp_path / "adapter")
    loaded, rows = load_base(folder, settle()), questions(6)
    bank = AdapterBank(loaded)
    bank.add("tuned", tmp_path / "adapter")
    bank.choose([BASE])
    base = read_choices(loaded, rows)
    bank.choose(["tuned"])
    found, alone = read_choices(loaded, rows), one_by_one(loaded, rows)
    assert [reading.total for reading in found] == [pytest.approx(total, abs=1e-3) for total, _ in alone]
    assert [reading.total for reading in found] != [pytest.approx(reading.total, abs=1e-2) for reading in base]


def test_greedy_is_what_the_model_would_write(shipped_base):
    from lab.engine.generate import generate
    loaded = load_base(shipped_base, settle())
    prompt = loaded.encode(loaded.template.render([{"role": "user", "content": "What is the capital of France?"}], True))
    written = generate(loaded, [prompt], 12)[0].ids
    right, wrong = read_choices(loaded, [(prompt, written), (prompt, [*written[:-1], 5])])
    assert right.greedy and not wrong.greedy and right.total > wrong.total


def test_progress_is_told_between_passes_and_can_stop(shipped_base):
    loaded, told = load_base(shipped_base, settle()), []
    rows = questions(40)
    read_choices(loaded, rows, told.append)
    assert told[0] == 0 and told[-1] == len(rows) and told == sorted(told) and len(told) > 3

    def stop(done):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        read_choices(loaded, rows, stop)
    assert read_choices(loaded, []) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.lists(st.integers(0, 3), max_size=5)), max_size=30),
       st.integers(4, 40))
def test_every_row_stands_once_in_the_trees_and_no_beginning_twice_in_one(rows, width):
    planted = plant(rows, width)
    assert sorted(place for trees in planted for place in trees.places) == list(range(len(rows)))
    for trees in planted:
        for place, way in zip(trees.places, trees.ways):
            assert [trees.ids[node] for node in way] == rows[place][0] + rows[place][1][:-1]
            assert [trees.positions[node] for node in way] == list(range(len(way)))
        beginnings = {tuple(trees.ids[node] for node in way[: end + 1]) for way in trees.ways for end in range(len(way))}
        assert len(beginnings) == len(trees.ids) <= max(width, 2 * max(len(way) for way in trees.ways))
