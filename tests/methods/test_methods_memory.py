"""How a step is computed never changes what it computes; the dry run finds a lack of memory before the first step and leaves no trace."""

import dataclasses
import json
import subprocess
import sys

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM

from lab import store
from lab.core import DataError, Dpo, MemoryError_, Sft, TrainingError
from lab.core.fit import Estimate, Plan
from lab.engine.adapters import new_adapter
from lab.engine.devices import attention, settle
from lab.engine.load import load_base
from lab.engine.weights import trainable_copy
from lab.methods import memory
from lab.methods.packing import packs
from lab.methods.replay import General
from lab.methods.stages import run_stage
from lab.methods.training import Hooks

ADAPTER = dict(epochs=1, max_length=256, lora_rank=4, lora_alpha=8, evaluations=1)
SFT, DPO = Sft(learning_rate=3e-3, batch_size=16, **ADAPTER), Dpo(learning_rate=1e-3, batch_size=7, **ADAPTER)
GUARDED = SFT.model_copy(update={"tuning": "full", "learning_rate": 1e-3, "replay": 0.3, "ewc": 5.0, "ewc_samples": 2})
WHOLE = Plan()
TEXTS = [f"Once there was a house with {number} rooms, and in each of them somebody was asleep." for number in range(9)]


@pytest.fixture(scope="module")
def loaded(shipped_base):
    return load_base(shipped_base, settle())


@pytest.fixture
def few():
    """22 rows, so that the last batch is a short one; 11 pairs."""
    whole = store.tasks.load("form")
    return whole.model_copy(update={"examples": (*whole.split("train")[:22], *whole.split("validation")[:5]), "preferences": whole.preferences[:11]})


def plain(question):
    return [{"role": "user", "content": question}]


def trained(loaded, data, folder, settings, plan=WHOLE):
    """(what was trained, its numbers before and after in one row each, the metrics)."""
    model = trainable_copy(loaded.model) if settings.full else new_adapter(loaded, 4, 8, settings.lora_dropout, 0)
    points, weights = [], [p for p in model.parameters() if p.requires_grad]
    before = torch.cat([p.detach().flatten().clone() for p in weights])
    hooks = Hooks(metric=lambda step, total, values: points.append((step, values)), plan=lambda batches: plan)
    try:
        run_stage(dataclasses.replace(loaded, model=model), settings, plain, data, folder, hooks, General(TEXTS, loaded))
        return before, torch.cat([p.detach().flatten().clone() for p in weights]), points
    finally:
        if not settings.full:
            model.unload()


@pytest.mark.parametrize("settings", [SFT, DPO, GUARDED], ids=["SFT", "DPO", "full with replay and EWC"])
def test_micro_batches_end_at_the_same_weights_and_say_the_same_numbers(loaded, few, tmp_path, settings):
    start, whole, points = trained(loaded, few, tmp_path / "a", settings)
    _, cut, other = trained(loaded, few, tmp_path / "b", settings, Plan(micro_batch=3))
    assert (whole - start).norm() > 0 and (whole - cut).norm() < 0.02 * (whole - start).norm()
    assert [step for step, _ in points] == [step for step, _ in other], "as many steps: the effective batch is kept"
    for (_, one), (_, two) in zip(points, other):
        assert one.keys() == two.keys()
        told = [name for name in one if "accuracy" not in name]  # at the start every margin is zero but for rounding
        assert {name: one[name] for name in told} == pytest.approx({name: two[name] for name in told}, rel=1e-2, abs=2e-3)


@pytest.mark.parametrize("settings", [SFT, DPO, GUARDED], ids=["SFT", "DPO", "full with replay and EWC"])
def test_joined_rows_end_at_the_same_weights_and_say_the_same_numbers(loaded, few, tmp_path, settings):
    start, padded, points = trained(loaded, few, tmp_path / "a", settings.model_copy(update={"packing": "off"}))
    _, joined, other = trained(loaded, few, tmp_path / "b", settings.model_copy(update={"packing": "on"}), Plan(micro_batch=5))
    assert not torch.equal(padded, joined) and (padded - joined).norm() < 0.02 * (padded - start).norm()
    assert [values["loss"] for _, values in points if "loss" in values] == pytest.approx([values["loss"] for _, values in other if "loss" in values], rel=1e-2)


def test_a_cpu_keeps_to_padded_batches_of_similar_lengths_by_itself(loaded):
    assert not packs(loaded, SFT) and packs(loaded, SFT.model_copy(update={"packing": "on"}))


def test_packing_is_refused_for_an_architecture_whose_rows_would_see_each_other(loaded):
    mixing = dataclasses.replace(loaded, model=MambaForCausalLM(MambaConfig(hidden_size=32, num_hidden_layers=2, vocab_size=1024)).eval())
    with pytest.raises(TrainingError, match="see each other"):
        packs(mixing, SFT.model_copy(update={"packing": "on"}))
    assert not packs(mixing, SFT)


def test_recomputed_activations_end_at_the_same_weights_and_are_switched_off_afterwards(loaded, few, tmp_path):
    start, kept, _ = trained(loaded, few, tmp_path / "a", SFT)
    _, recomputed, _ = trained(loaded, few, tmp_path / "b", SFT, Plan(checkpointing=True))
    assert (kept - recomputed).norm() < 0.01 * (kept - start).norm()
    assert not any(getattr(module, "gradient_checkpointing", False) for module in loaded.model.modules())


@pytest.mark.parametrize("settings", [SFT.model_copy(update={"lora_dropout": 0.2}), DPO, GUARDED], ids=["SFT with dropout", "DPO", "full"])
def test_the_dry_run_leaves_no_trace(loaded, few, tmp_path, settings):
    _, without, points = trained(loaded, few, tmp_path / "a", settings, Plan(micro_batch=4))
    _, with_it, other = trained(loaded, few, tmp_path / "b", settings, Plan(micro_batch=4, dry_run=True))
    assert torch.equal(without, with_it) and points == other


STARVED = """
import json, os, resource, sys, tempfile
from pathlib import Path
from lab import store
from lab.core import LabError, Sft
from lab.core.fit import Estimate, Plan
from lab.engine.adapters import new_adapter
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.methods.stages import run_stage
from lab.methods.training import Hooks
import dataclasses
loaded = load_base(Path(sys.argv[1]), settle())
data, points = store.tasks.load("form"), []
plan = Plan(dry_run=True, estimate=Estimate(weights=3 << 30), free=1 << 30, way_out="Examples at a time: 2 fits by the estimate")
def chosen(batches):
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (150 << 20),) * 2)
    return plan
hooks = Hooks(metric=lambda *point: points.append(point), plan=chosen)
work = dataclasses.replace(loaded, model=new_adapter(loaded, 16, 32, 0.0, 0))
try:
    run_stage(work, Sft(batch_size=512, epochs=1), lambda q: [{"role": "user", "content": q}], data, Path(tempfile.mkdtemp()), hooks)
except LabError as error:
    print(json.dumps({"failure": error.failure.model_dump(), "points": len(points)}))
"""


def test_too_little_memory_shows_before_the_first_step_with_what_fits(shipped_base):
    done = subprocess.run([sys.executable, "-c", STARVED, str(shipped_base)], capture_output=True, text=True, timeout=120)
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["failure"]["kind"] == "memory" and said["points"] == 0, "no step was made, nothing was measured"
    assert "dry run of the longest" in said["failure"]["what"] and "3.0 GB are needed and 1.0 GB were free" in said["failure"]["what"]
    assert said["failure"]["do"] == "Examples at a time: 2 fits by the estimate"


def test_other_errors_are_not_called_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), memory.limits(Plan(), "here"):
        raise RuntimeError("shapes do not fit")
    with pytest.raises(DataError), memory.limits(Plan(), "here"):
        raise DataError("x")
    with pytest.raises(MemoryError_, match="Memory ran out in here"), memory.limits(Plan(estimate=Estimate(weights=1)), "here"):
        raise MemoryError


def test_the_peak_is_that_of_the_block_alone():
    with memory.measured(torch.device("cpu")) as before:
        pass
    with memory.measured(torch.device("cpu")) as high:
        torch.ones(100 << 20)  # 400 MB, given back at once
    with memory.measured(torch.device("cpu")) as after:
        pass
    assert high.measured - before.measured > 380 << 20 and after.measured < high.measured - (300 << 20)


def test_training_in_bfloat16_follows_the_full_precision(loaded, few, tmp_path, monkeypatch):
    _, _, full = trained(loaded, few, tmp_path / "a", SFT)
    monkeypatch.setattr("lab.methods.training.precision", lambda device: torch.bfloat16)
    start, moved, half = trained(loaded, few, tmp_path / "b", SFT)
    curves = [[values["eval_loss"] for _, values in points if "eval_loss" in values] for points in (full, half)]
    assert (moved - start).norm() > 0 and curves[0] != curves[1] and curves[1] == pytest.approx(curves[0], rel=0.03)


def test_a_cpu_keeps_to_the_fused_kernel():
    assert attention(torch.device("cpu")).name == "sdpa" and "GPU" in attention(torch.device("cpu")).why
