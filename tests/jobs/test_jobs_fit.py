"""The memory estimate's laws, how a batch is cut, and what is refused before anything is queued."""

import json

import pytest

from lab import jobs, store
from lab.core import MemoryError_, ModelError, Sft
from lab.core.fit import Batch, badge
from lab.jobs import fit, fitting
from lab.jobs.hardware import Device

GIB = 1 << 30


@pytest.fixture
def shipped():
    return store.bases.resolve("shipped", store.bases.shipped()[0])


@pytest.fixture
def shape(shipped):
    return fit.shape_of(store.bases.folder_of(shipped), shipped.parameters)


@pytest.fixture
def large(shape):
    """The sizes of a model of seven billion parameters."""
    return shape.model_copy(update={"parameters": 6_738_415_616, "hidden": 4096, "layers": 32, "inner": 11_008, "heads": 32, "kv_heads": 32,
                                    "head_size": 128, "vocabulary": 32_000})


def test_the_sizes_are_those_of_the_loaded_model(shipped, shape, shipped_base):
    from lab.engine.adapters import new_adapter, trainable_parameters
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    loaded = load_base(shipped_base, settle())
    linear = sum(p.numel() for name, p in loaded.model.named_parameters() if "proj" in name)
    assert shape.linear == linear and shape.parameters == sum(p.numel() for p in loaded.model.parameters())
    assert shape.adapter(16) == trainable_parameters(new_adapter(loaded, 16, 32, 0.0, 0))


def test_older_configurations_are_read_and_silent_ones_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 16}))
    found = fit.shape_of(tmp_path, 100)
    assert (found.hidden, found.inner, found.kv_heads, found.head_size, found.gated) == (8, 32, 2, 4, False)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="hidden_size"):
        fit.shape_of(tmp_path, 100)


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("method", ["lora", "qlora", "full", "dpo"])
def test_more_rows_and_longer_ones_never_need_less(large, method, kind):
    def total(rows, tokens):
        return fit.training(large, method, Batch(rows=rows, tokens=tokens), kind).total
    assert total(1, 64) <= total(8, 64) <= total(64, 64) and total(8, 64) < total(8, 128) < total(8, 1024)


def test_a_seven_billion_model_needs_what_is_known_of_it(large):
    batch = Batch(rows=1, tokens=512, answers=128)
    adapter, small, full = (fit.training(large, method, batch, "cuda") for method in ("lora", "qlora", "full"))
    assert 13 * GIB < adapter.total < 24 * GIB and 4 * GIB < small.total < 12 * GIB
    assert full.total > 16 * large.parameters and full.optimizer == 8 * large.parameters
    assert fit.training(large, "lora", batch, "cuda", checkpointing=True).activations < adapter.activations


def test_badges():
    assert [badge(80, 10, 100, 200), badge(95, 10, 100, 200), badge(300, 200, 100, 200), badge(300, 201, 100, 200)] == [
        "Fits", "Tight", "Tight", "Too big"]


def test_a_stage_that_no_device_can_hold_is_refused_and_one_that_fills_it_warned_of(experiment, shipped, small_task, monkeypatch):
    wanted = experiment("x", tasks=(small_task.task.id,))
    trained = wanted.systems[0].model_copy(update={"name": "Mine", "base": shipped, "training": (Sft(),)})
    wanted = wanted.model_copy(update={"systems": (trained,)})

    def machine(total, free):
        found = [Device(name="Toy", kind="cpu", index=0, memory_total=total, memory_free=free)]
        for room in ("checking", "fitting"):
            monkeypatch.setattr(f"lab.jobs.{room}.devices", lambda: found)

    machine(64 * GIB, 32 * GIB)
    assert jobs.check(wanted) == [] and jobs.tight(wanted) == []
    machine(64 * GIB, GIB // 2)
    assert jobs.check(wanted) == [] and "free now" in jobs.tight(wanted)[0].what
    machine(GIB // 2, GIB // 2)
    failure = next(failure for failure in jobs.check(wanted) if failure.kind == "memory")
    assert "Toy" in failure.what and "Mine" in failure.where and "batch size" in failure.do
    with pytest.raises(MemoryError_):
        jobs.launch(wanted)
    assert store.runs.ids() == []


def test_levers_say_more_for_full_than_for_lora(shipped):
    found = {lever.name: lever for lever in fitting.levers(shipped)}
    assert set(found) == {"Answer", "LoRA", "DPO", "Full"} and all(lever.least <= lever.estimate.total for lever in found.values())
    assert found["Full"].estimate.optimizer > found["LoRA"].estimate.optimizer
