"""A base whose weights are held in 8 or 4 bits is trained by LoRA: the code for a GPU, run on a CPU, where bitsandbytes computes too."""

import dataclasses
import sys

import pytest
import torch

from lab import store
from lab.core import Dpo, ModelError, Sft
from lab.engine.adapters import new_adapter, save_adapter, saved_adapter
from lab.engine.devices import settle
from lab.engine.likelihood import continuation_logps
from lab.engine.load import load_base
from lab.methods.stages import run_stage
from lab.methods.training import Hooks

ADAPTER = dict(epochs=1, max_length=256, lora_rank=4, lora_alpha=8, evaluations=1)
SFT, DPO = Sft(learning_rate=3e-3, batch_size=8, **ADAPTER), Dpo(learning_rate=1e-3, batch_size=4, **ADAPTER)


@pytest.fixture
def few_bits(shipped_base, monkeypatch):
    """few_bits("nf4"): the shipped base so, on the CPU, in the format it has on a GPU (the library's own one for CPUs only answers)."""
    monkeypatch.setattr("lab.engine.load.FEW_BITS_ON", ("cuda", "cpu"))

    def load(held):
        loaded = load_base(shipped_base, settle(), held=held)
        for module in loaded.model.modules():
            module.support_avx512bf16_for_cpu = False
        return loaded
    return load


def trained(loaded, stage, folder):
    """The adapter's model and the validation losses before and after."""
    whole, losses = store.tasks.load("form"), []
    data = whole.model_copy(update={"examples": (*whole.split("train")[:24], *whole.split("validation")[:5]), "preferences": whole.preferences[:8]})
    model = new_adapter(loaded, 4, 8, 0.0, 0)
    hooks = Hooks(metric=lambda step, total, values: losses.append(values["eval_loss"]) if "eval_loss" in values else None)
    run_stage(dataclasses.replace(loaded, model=model), stage, lambda q: [{"role": "user", "content": q}], data, folder, hooks)
    return model, losses


@pytest.mark.parametrize(("held", "stage"), [("nf4", SFT), ("int8", SFT), ("nf4", DPO)], ids=["SFT on 4 bits", "SFT on 8 bits", "DPO on 4 bits"])
def test_few_bits_learn_nearly_what_all_bits_learn_and_stay_as_they_are(shipped_base, few_bits, tmp_path, held, stage):
    loaded = few_bits(held)
    layer = loaded.model.model.layers[0].self_attn.q_proj
    assert layer.weight.dtype == (torch.uint8 if held == "nf4" else torch.int8), "the weights are held in few bits"
    before = layer.weight.data.clone()
    model, losses = trained(loaded, stage, tmp_path)
    _, exact = trained(load_base(shipped_base, settle()), stage, tmp_path / "exact")
    assert torch.equal(layer.weight.data, before)
    assert losses[-1] < losses[0] and exact != losses and losses == pytest.approx(exact, rel=0.2)
    rows = [([5, 6, 7], [8, 9, 10])]
    told = continuation_logps(dataclasses.replace(loaded, model=model.eval()), rows)[0][0]
    save_adapter(model, tmp_path / "adapter")
    fresh = few_bits(held)
    again = continuation_logps(dataclasses.replace(fresh, model=saved_adapter(fresh, tmp_path / "adapter").eval()), rows)[0][0]
    assert again == pytest.approx(told, rel=0.01), "the saved adapter stands on the same bits"


def test_without_a_gpu_or_the_library_few_bits_are_refused_with_the_way_out(shipped_base, monkeypatch):
    with pytest.raises(ModelError, match="CUDA device"):
        load_base(shipped_base, settle(), held="nf4")
    monkeypatch.setattr("lab.engine.load.FEW_BITS_ON", ("cpu",))
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelError, match="not installed") as refused:
        load_base(shipped_base, settle(), held="nf4")
    assert "pip install bitsandbytes" in refused.value.failure.do
