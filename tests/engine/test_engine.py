"""The engine's laws: a batch answers as its rows alone do, a mixed batch as each adapter alone, padding changes nothing."""

import dataclasses

import pytest
import torch

from lab.core import ModelError, TrainingError
from lab.engine.adapters import new_adapter, save_adapter, trainable_parameters
from lab.engine.bank import BASE, AdapterBank
from lab.engine.devices import precision, settle
from lab.engine.generate import batches, generate
from lab.engine.likelihood import continuation_logps
from lab.engine.load import load_base

QUESTIONS = ["What is the capital of France?", "What is 3 plus 4?", "How do you say dog in Spanish?",
             "Passage: Tomi Vela lives in Balor. Tomi Vela is a baker.\nWhat is the job of Tomi Vela?"]


@pytest.fixture
def loaded(shipped_base):
    return load_base(shipped_base, settle())


def shared_other(tmp_path):
    """Another base: the shipped one's tokenizer with a body of other layer names."""
    import shutil

    from transformers import GPT2Config, GPT2LMHeadModel

    from lab import store
    folder = tmp_path / "other"
    shutil.copytree(store.SHIPPED / "bases" / store.bases.shipped()[0], folder)
    GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=1024, eos_token_id=0, bos_token_id=0)).save_pretrained(folder)
    return folder


def prompts(loaded):
    return [loaded.encode(loaded.template.render([{"role": "user", "content": q}], True)) for q in QUESTIONS]


def disturbed(loaded, seed):
    """The base with an adapter that changes its answers."""
    model = new_adapter(loaded, 4, 8, 0.0, seed)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(seed))
    return dataclasses.replace(loaded, model=model.eval())


def test_a_batch_answers_as_its_rows_do_alone(loaded):
    together = generate(loaded, prompts(loaded), 12)
    alone = [generate(loaded, [ids], 12)[0] for ids in prompts(loaded)]
    assert [a.ids for a in together] == [a.ids for a in alone] and [a.ended for a in together] == [a.ended for a in alone]


def test_answers_agree_with_the_librarys_own_greedy_decoding(loaded):
    for ids, ours in zip(prompts(loaded), generate(loaded, prompts(loaded), 12)):
        theirs = loaded.model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False, pad_token_id=loaded.pad)[0, len(ids):].tolist()
        assert [token for token in theirs if token not in loaded.ends][: len(ours.ids)] == ours.ids


def test_tokens_are_told_as_they_come_and_stopping_stops(loaded):
    told = []
    answers = generate(loaded, prompts(loaded)[:2], 12, on_token=lambda row, token: told.append((row, token)))
    assert [[t for r, t in told if r == row] for row in (0, 1)] == [a.ids for a in answers]
    short = generate(loaded, prompts(loaded)[:1], 12, should_stop=lambda: True)
    assert len(short[0].ids) <= 1


def test_a_mixed_batch_answers_as_each_adapter_alone(shipped_base, tmp_path):
    folders, alone = [], []
    for seed in (1, 2):
        one = disturbed(load_base(shipped_base, settle()), seed)
        save_adapter(one.model, tmp_path / str(seed))
        folders.append(tmp_path / str(seed))
        alone.append([a.ids for a in generate(one, prompts(one), 8)])
    plain = load_base(shipped_base, settle())
    base = [a.ids for a in generate(plain, prompts(plain), 8)]
    bank = AdapterBank(plain)
    for name, folder in zip("ab", folders):
        bank.add(name, folder)
    names = ["a"] * 4 + [BASE] * 4 + ["b"] * 4
    answers = [a.ids for a in generate(plain, prompts(plain) * 3, 8, bank=bank, adapters=names)]
    assert answers == [*alone[0], *base, *alone[1]] and alone[0] != base != alone[1]


def test_an_adapter_of_another_base_is_refused(loaded, tmp_path):
    save_adapter(disturbed(loaded, 1).model, tmp_path / "a")
    with pytest.raises(ModelError, match="another base"):
        AdapterBank(load_base(shared_other(tmp_path), settle())).add("a", tmp_path / "a")


def test_a_continuations_probability_does_not_depend_on_its_neighbours(loaded):
    rows = [(ids, loaded.encode(text)) for ids, text in zip(prompts(loaded), ["Paris", "7", "perro", "a much longer answer than the rest"])]
    together = continuation_logps(loaded, rows)
    for row, (total, count) in zip(rows, together):
        assert continuation_logps(loaded, [row])[0] == (pytest.approx(total, abs=1e-3), count) and count == len(row[1])


def test_summed_log_probabilities_are_the_models_loss(loaded):
    prompt, answer = prompts(loaded)[0], loaded.encode("Paris")
    ids = torch.tensor([prompt + answer])
    labels = torch.tensor([[-100] * len(prompt) + answer])
    with torch.inference_mode():
        loss = loaded.model(input_ids=ids, labels=labels).loss.item()
    total, count = continuation_logps(loaded, [(prompt, answer)])[0]
    assert -total / count == pytest.approx(loss, rel=1e-4, abs=1e-5)


def test_a_fresh_adapter_changes_nothing(loaded):
    before = [a.ids for a in generate(loaded, prompts(loaded), 8)]
    fresh = dataclasses.replace(loaded, model=new_adapter(loaded, 4, 8, 0.0, 0).eval())
    assert [a.ids for a in generate(fresh, prompts(fresh), 8)] == before
    assert 0 < trainable_parameters(fresh.model) < 0.2 * sum(p.numel() for p in fresh.model.parameters())


def test_an_adapter_that_is_not_finite_is_not_kept(loaded, tmp_path):
    broken = disturbed(loaded, 1)
    next(p for n, p in broken.model.named_parameters() if "lora_B" in n).data[0, 0] = float("nan")
    with pytest.raises(TrainingError, match="not finite"):
        save_adapter(broken.model, tmp_path / "a")


def test_batches_hold_every_place_once_within_their_limits():
    lengths = [5, 900, 3, 3, 40, 7000, 12, 41] * 9
    groups = batches(lengths, rows=8, tokens=8000)
    assert sorted(place for group in groups for place in group) == list(range(len(lengths)))
    assert all(len(group) <= 8 and (len(group) == 1 or len(group) * max(lengths[p] for p in group) <= 8000) for group in groups)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_base(tmp_path, settle())


def test_the_cpu_keeps_full_precision():
    assert precision(torch.device("cpu")) is torch.float32


def test_a_base_from_elsewhere_loads_and_answers(shared):
    loaded = load_base(shared / "model_stories260K" / "hf", settle())
    assert loaded.template.source == "plain" and loaded.context == 512
    told = loaded.decode(generate(loaded, [loaded.encode("<s>Once upon a time")], 24)[0].ids)
    assert len(told.split()) > 5
