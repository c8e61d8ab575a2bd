"""The last layer's feed-forward part where only some predictions are read: the same logits there, and nothing left behind on the model."""

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from lab.engine.last_layer import feed_forward, predicting

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 100}
IDS = torch.arange(24).view(3, 8)
KEPT = torch.zeros(3, 8, dtype=torch.bool)
KEPT[0, 5:] = KEPT[2, 7] = True


SHAPES = [(LlamaForCausalLM, LlamaConfig(**SIZES)), (GPTNeoXForCausalLM, GPTNeoXConfig(**SIZES)),
          (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=3, n_head=4, vocab_size=100))]


@pytest.mark.parametrize(("kind", "config"), SHAPES)
@torch.inference_mode()
def test_what_is_read_is_unchanged_and_only_that_is_computed(kind, config):
    model = kind(config).eval()
    tokens, whole = [], model(input_ids=IDS).logits
    seen = next(module for module in feed_forward(model).modules() if not list(module.children()))
    counter = seen.register_forward_hook(lambda _, inputs, __: tokens.append(inputs[0].shape[:2].numel()))
    with predicting(model, KEPT):
        some = model(input_ids=IDS).logits
    model(input_ids=IDS)
    counter.remove()
    assert tokens == [int(KEPT.sum()), IDS.numel()]
    torch.testing.assert_close(some[KEPT], whole[KEPT])
    assert not torch.allclose(some, whole)
    torch.testing.assert_close(model(input_ids=IDS).logits, whole)


@torch.inference_mode()
def test_after_a_failure_the_model_is_as_before():
    model = LlamaForCausalLM(LlamaConfig(**SIZES)).eval()
    whole = model(input_ids=IDS).logits
    with pytest.raises(IndexError), predicting(model, KEPT):
        model(input_ids=IDS + 100)
    torch.testing.assert_close(model(input_ids=IDS).logits, whole)


def test_a_mixture_of_experts_is_left_as_it_is():
    model = MixtralForCausalLM(MixtralConfig(**SIZES, num_key_value_heads=2, num_local_experts=2))
    assert feed_forward(model) is None
