"""Joined rows are read as each row alone: the same log-probabilities and gradients, whatever the architecture; one that mixes rows is found out."""

import dataclasses

import pytest
import torch
from transformers import BloomConfig, BloomForCausalLM, GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM

from lab.engine.adapters import new_adapter
from lab.engine.devices import settle
from lab.engine.likelihood import answer_logps, keeps_rows_apart, padded
from lab.engine.load import load_base

SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, vocab_size=1024, max_position_embeddings=128)
MODELS = {"llama": lambda: LlamaForCausalLM(LlamaConfig(intermediate_size=64, num_key_value_heads=2, **SIZES)),
          "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(intermediate_size=64, **SIZES))}
ROWS = [([5, 6, 7, 8], [9, 10, 11]), ([12], [13]), ([14, 15, 16, 17, 18, 19, 20], [21, 22]), ([23, 24], [25, 26, 27, 28, 29, 30])]


def of(shipped_base, made):
    torch.manual_seed(0)
    loaded = load_base(shipped_base, settle())
    return dataclasses.replace(loaded, model=made().eval())


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("architecture", MODELS)
def test_joined_rows_have_the_log_probabilities_and_gradients_of_padded_ones(shipped_base, architecture, kernel):
    loaded, found = of(shipped_base, MODELS[architecture]), []
    loaded.model.set_attn_implementation(kernel)
    batch, keep = padded(ROWS, loaded.pad, loaded.device)
    for packed in (False, True):
        loaded.model.zero_grad()
        logps, trained = answer_logps(loaded.model, batch, keep, packed)
        (-logps.sum() / trained.sum()).backward()
        found.append((logps.detach(), trained, [parameter.grad.clone() for parameter in loaded.model.parameters()]))
    (logps, trained, gradients), (same, also, joined) = found
    assert torch.equal(trained, also) and torch.allclose(logps, same, atol=1e-5) and not same[~also].any()
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in zip(gradients, joined))


def test_vocabulary_runs_over_the_trained_positions_alone(shipped_base):
    loaded, seen = of(shipped_base, MODELS["llama"]), []
    loaded.model.lm_head.register_forward_hook(lambda *passed: seen.append(passed[2].shape))
    batch, keep = padded(ROWS, loaded.pad, loaded.device)
    answer_logps(loaded.model, batch, keep, packed=True)
    assert seen == [(1, sum(len(answer) for _, answer in ROWS), 1024)]


@pytest.mark.parametrize(("made", "apart"), [(MODELS["llama"], True), (MODELS["gpt_neox"], True), (
    lambda: BloomForCausalLM(BloomConfig(hidden_size=32, n_layer=2, n_head=4, vocab_size=1024)), False), (
    lambda: MambaForCausalLM(MambaConfig(hidden_size=32, num_hidden_layers=2, vocab_size=1024)), False)], ids=["llama", "gpt_neox", "bloom", "mamba"])
def test_an_architecture_whose_joined_rows_see_each_other_is_found_out(shipped_base, made, apart):
    assert keeps_rows_apart(of(shipped_base, made)) is apart


def test_asking_a_model_leaves_it_in_its_mode_and_dropout_does_not_mislead(shipped_base):
    loaded = load_base(shipped_base, settle())
    adapted = dataclasses.replace(loaded, model=new_adapter(loaded, 4, 8, 0.5, 0).train())
    assert keeps_rows_apart(adapted) and adapted.model.training
