"""Whole sets of weights beside adapters: each name answers as its own model does, and a pass holds one set."""

import pytest
import torch

from lab.core import ModelError, TrainingError
from lab.engine.adapters import new_adapter, save_adapter
from lab.engine.bank import AdapterBank
from lab.engine.devices import settle
from lab.engine.generate import generate
from lab.engine.load import load_base
from lab.engine.weights import BASE, WeightSets, save_weights, trainable_copy

QUESTIONS = ["What is the capital of France?", "What is 3 plus 4?"]


@pytest.fixture
def loaded(shipped_base):
    return load_base(shipped_base, settle())


def logits(model):
    with torch.inference_mode():
        return model(torch.tensor([[5, 6, 7, 8]])).logits


def moved(loaded, seed, std=0.02):
    """A copy with other weights."""
    model, chance = trainable_copy(loaded.model), torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data += std * torch.randn(parameter.shape, generator=chance)
    return model


def saved(loaded, model, folder, shipped_base):
    folder.mkdir()
    save_weights(model, folder, shipped_base, loaded.model.dtype)
    return folder


def disturbed_adapter(loaded, folder):
    """A saved adapter that changes answers; the model is left without it. Returns the logits with it."""
    model = new_adapter(loaded, 4, 8, 0.0, 1)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
    save_adapter(model, folder)
    found = logits(model.eval())
    model.unload()
    return found


def test_saved_weights_are_a_model_folder_of_their_own(loaded, shipped_base, tmp_path):
    model = moved(loaded, 1)
    assert model.lm_head.weight is model.model.embed_tokens.weight, "tied weights stay tied"
    alone = load_base(saved(loaded, model, tmp_path / "w", shipped_base), settle())
    assert torch.equal(logits(alone.model), logits(model)) and not torch.equal(logits(loaded.model), logits(model))
    assert alone.template.text == loaded.template.text and alone.encode("a b") == loaded.encode("a b")


def test_base_adapter_weights_and_an_adapter_on_weights_each_answer_as_themselves(loaded, shipped_base, tmp_path):
    base, model = logits(loaded.model), moved(loaded, 1)
    bank = AdapterBank(loaded)
    bank.add_weights("full", saved(loaded, model, tmp_path / "w", shipped_base))
    expected = {BASE: base, "full": logits(model), "adapter": disturbed_adapter(loaded, tmp_path / "a")}
    bank.choose(["full"])
    expected["both"] = disturbed_adapter(loaded, tmp_path / "b")
    bank.add("adapter", tmp_path / "a")
    bank.add("both", tmp_path / "b", on="full")
    with torch.inference_mode():
        for name in ("both", BASE, "adapter", "full", "both", "adapter", BASE):
            bank.choose([name])
            assert torch.allclose(logits(loaded.model), expected[name], atol=1e-5), name
    assert len({tuple(found[0, -1, :5].tolist()) for found in expected.values()}) == 4


def test_a_batch_of_names_is_split_by_the_weights_they_stand_on(loaded, shipped_base, tmp_path):
    folder = saved(loaded, moved(loaded, 1), tmp_path / "w", shipped_base)
    disturbed_adapter(loaded, tmp_path / "a")
    bank = AdapterBank(loaded)
    bank.add_weights("full", folder)
    bank.add("adapter", tmp_path / "a")
    bank.add("both", tmp_path / "a", on="full")
    names = ["adapter", "full", BASE, "both", "adapter"]
    assert bank.groups(names) == [[0, 2, 4], [1, 3]] and bank.groups([BASE] * 3) == [[0, 1, 2]]
    with pytest.raises(ValueError, match="cannot share a pass"):
        bank.choose(names)
    prompts = [loaded.encode(loaded.template.render([{"role": "user", "content": q}], True)) for q in QUESTIONS]
    together = generate(loaded, prompts, 6, bank=bank, adapters=["full", "both"])
    alone = [generate(loaded, [ids], 6, bank=bank, adapters=[name])[0] for ids, name in zip(prompts, ("full", "both"))]
    assert [a.ids for a in together] == [a.ids for a in alone]


def test_few_sets_are_held_and_the_others_come_back_from_disk(loaded, shipped_base, tmp_path):
    sets, expected = WeightSets(loaded, most=2), {BASE: logits(loaded.model)}
    for name in "abc":
        model = moved(loaded, ord(name))
        sets.add(name, saved(loaded, model, tmp_path / name, shipped_base))
        expected[name] = logits(model)
    assert sets.in_memory == ("b", "c")
    for name in ("a", "c", BASE, "b", "a"):
        sets.put_on(name)
        assert torch.equal(logits(loaded.model), expected[name]), name
        assert len(sets.in_memory) <= 2
    assert sets.in_memory == ("b", "a")


def test_weights_of_another_body_are_refused(loaded, tmp_path):
    from transformers import LlamaConfig, LlamaForCausalLM
    for number, heads in enumerate((8, 4)):  # as many numbers in as many tensors, but other heads; and another width
        config = LlamaConfig(**{**loaded.model.config.to_dict(), "num_attention_heads": heads, "num_key_value_heads": heads,
                                "head_dim": 128 // heads, "hidden_size": 128 if heads == 8 else 64})
        LlamaForCausalLM(config).save_pretrained(tmp_path / str(number))
        with pytest.raises(ModelError, match="another shape"):
            WeightSets(loaded).add("x", tmp_path / str(number))
    with pytest.raises(ModelError, match="cannot be loaded"):
        WeightSets(loaded).add("x", tmp_path)


def test_weights_that_are_not_finite_are_not_kept(loaded, shipped_base, tmp_path):
    model = moved(loaded, 1)
    next(model.parameters()).data[0, 0] = float("inf")
    with pytest.raises(TrainingError, match="not finite"):
        saved(loaded, model, tmp_path / "w", shipped_base)


def test_a_copy_to_train_runs_its_own_layers_even_after_a_trainer_was_there(loaded):
    import types
    plain = loaded.model.forward
    loaded.model.forward = types.MethodType(lambda self, *args, **kwargs: plain(*args, **kwargs), loaded.model)
    model = trainable_copy(loaded.model)
    assert logits(model).shape == logits(loaded.model).shape
    assert model(torch.tensor([[5, 6]])).logits.requires_grad
    next(model.parameters()).data.zero_()
    assert not torch.equal(logits(model), logits(loaded.model))


def test_drawn_answers_follow_the_models_distribution(loaded):
    ids = loaded.encode(loaded.template.render([{"role": "user", "content": QUESTIONS[1]}], True))
    with torch.inference_mode():
        wanted = loaded.model(torch.tensor([ids])).logits[0, -1].softmax(-1)
    drawn = generate(loaded, [ids] * 200, 1, chance=torch.Generator().manual_seed(0))
    share = torch.zeros_like(wanted)
    for answer in drawn:
        share[answer.ids[0] if answer.ids else min(loaded.ends)] += 1 / 200
    assert (share - wanted).abs().sum() < 0.45
    again = generate(loaded, [ids] * 200, 1, chance=torch.Generator().manual_seed(0))
    assert [a.ids for a in drawn] == [a.ids for a in again]
