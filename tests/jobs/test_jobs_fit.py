"""The memory estimate's laws, how a batch is cut to find room, and what is refused before anything is queued."""

import json

import pytest

from lab import jobs, store
from lab.core import Dpo, MemoryError_, ModelError, Sft, System, adapter_key, system_key
from lab.core.fit import Batch, badge
from lab.jobs import fit, fitting, plans
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


def test_on_a_cpu_more_tokens_never_need_less_also_where_the_heap_changes_its_ways(shape):
    needs = [fit.training(shape, "lora", Batch(rows=16, tokens=tokens, answers=16), "cpu").total for tokens in range(16, 4096, 16)]
    assert needs == sorted(needs)


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
    machine(64 * GIB, GIB // 4)
    assert jobs.check(wanted) == [] and "free now" in jobs.tight(wanted)[0].what
    machine(GIB // 4, GIB // 4)
    failure = next(failure for failure in jobs.check(wanted) if failure.kind == "memory")
    assert "Toy" in failure.what and "Mine" in failure.where and "smaller base" in failure.do
    with pytest.raises(MemoryError_):
        jobs.launch(wanted)
    assert store.runs.ids() == []


def test_levers_say_more_for_full_than_for_lora(shipped):
    found = {lever.name: lever for lever in fitting.levers(shipped)}
    assert set(found) == {"Answer", "LoRA", "DPO", "Full"} and all(lever.least <= lever.estimate.total for lever in found.values())
    assert found["Full"].estimate.optimizer > found["LoRA"].estimate.optimizer


def test_qlora_is_offered_where_there_is_a_gpu(shipped):
    gpu = Device(name="Toy", kind="cuda", index=0, memory_total=24 * GIB, memory_free=20 * GIB)
    found = {lever.name: lever for lever in fitting.levers(shipped, [gpu])}
    assert found["QLoRA"].estimate.weights < found["LoRA"].estimate.weights


def room(large, stage, free, tokens=512):
    """The plan for a stage on a GPU with that much free."""
    return plans.plan(large, stage, "cuda", [Batch(rows=stage.batch_size, tokens=tokens, answers=128)], free)


def test_a_batch_is_cut_only_as_far_as_needed_and_recomputed_last(large):
    chosen = [room(large, Sft(), free * GIB) for free in (80, 40, 24, 18)]
    sizes = [plan.micro_batch or 16 for plan in chosen[:3]]
    assert chosen[0].micro_batch == 0 and sizes == sorted(sizes, reverse=True) and 16 > sizes[1] > sizes[2]
    assert all(plan.estimate.total <= 0.9 * plan.free for plan in chosen[:3])
    assert not any(plan.checkpointing for plan in chosen[:3]) and "examples at a time" in chosen[2].why and "would be needed otherwise" in chosen[2].why
    assert chosen[3].checkpointing and "a second time" in chosen[3].why, "one row without it does not fit"


def test_a_stage_that_says_how_is_followed(large):
    assert room(large, Sft(micro_batch=2), 80 * GIB).micro_batch == 2 and room(large, Sft(checkpointing="on"), 200 * GIB).checkpointing
    starved = room(large, Sft(checkpointing="off"), 10 * GIB)
    assert starved.micro_batch == 1 and not starved.checkpointing and "may be too much" in starved.why


def test_nothing_is_tried_where_nine_tenths_stay_free(large):
    assert not room(large, Sft(), 2000 * GIB).dry_run and room(large, Sft(), 80 * GIB).dry_run
    unknown = plans.plan(None, Sft(), "cpu", [Batch(rows=16, tokens=512)], GIB)
    assert unknown.dry_run and unknown.estimate is None


@pytest.mark.parametrize(("stage", "free", "words"), [
    (Sft(), 24, "Examples at a time"), (Sft(micro_batch=1, checkpointing="off"), 20, "gradient checkpointing on"),
    (Sft(tuning="full", micro_batch=1, checkpointing="on"), 40, "LoRA in place of all weights"),
    (Sft(micro_batch=1, checkpointing="on"), 8, "smaller base")])
def test_the_way_out_names_a_setting_that_fits_by_the_estimate(large, stage, free, words):
    assert words in room(large, stage, free * GIB).way_out


def shared_need(shape, tuning, devices, sharding="full", rows=8):
    return fit.stage_estimate(shape, Sft(tuning=tuning, devices=devices, sharding=sharding), "cuda", Batch(rows=rows, tokens=512, answers=128))


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_what_is_shared_out_needs_less_of_each_gpu_and_never_more_with_another_one(large, tuning):
    one, *more = (shared_need(large, tuning, devices) for devices in (1, 2, 4, 8))
    assert shared_need(large, tuning, 1, "none") == one and shared_need(large, tuning, 8, "none") == one, "without sharding each holds all weights"
    assert one.total > more[0].total > more[1].total > more[2].total
    assert [one.optimizer // estimate.optimizer for estimate in more] == [2, 4, 8]


def test_before_it_is_shared_out_a_stage_stands_whole_on_each_gpu(large):
    many = shared_need(large, "full", 64, rows=1)
    assert many.optimizer == 0 and many.weights == 6 * large.parameters, "the base in half precision and its copy in full"


def test_joined_rows_need_room_for_a_mask_of_the_whole_row(large):
    batch = Batch(rows=8, tokens=512, answers=128)
    padded, joined = (fit.stage_estimate(large, Sft(packing=packing), "cpu", batch) for packing in ("auto", "on"))
    assert joined.activations > padded.activations + 7 * 8 * 512 ** 2 * 4 * large.layers and joined.weights == padded.weights


def test_sharing_the_weights_out_is_named_where_it_would_fit(large):
    stage = Sft(tuning="full", devices=4, micro_batch=1, checkpointing="on")
    assert room(large, stage, 80 * GIB).way_out == "Sharding full with examples at a time: 1 and gradient checkpointing on fits by the estimate"
    assert "Sharding" not in room(large, stage.model_copy(update={"devices": 1}), 80 * GIB).way_out


def test_ewc_and_few_bits_are_refused_where_the_weights_are_shared_out(shipped, small_task, experiment, monkeypatch):
    with pytest.raises(ValueError, match="all weights on every GPU"):
        Sft(tuning="full", ewc=1, devices=2, sharding="full")
    assert Sft(tuning="full", ewc=1, sharding="full").sharded is False, "one device shares nothing out"
    gpus = [Device(name="Toy", kind="cuda", index=place, memory_total=24 * GIB, memory_free=20 * GIB) for place in (0, 1)]
    for room in ("checking", "fitting"):
        monkeypatch.setattr(f"lab.jobs.{room}.devices", lambda: gpus)
    wanted = experiment("x", tasks=(small_task.task.id,))
    system = wanted.systems[0].model_copy(update={"base": shipped, "quantisation": "nf4", "training": (Sft(devices=2, sharding="full"),)})
    said = [failure.what for failure in jobs.check(wanted.model_copy(update={"systems": (system,)}))]
    assert any("cannot be shared out" in what for what in said)


def test_how_a_step_is_computed_never_counts_in_a_key(shipped, small_task):
    task, keys = small_task.task, set()
    for more in ({}, {"micro_batch": 2}, {"checkpointing": "on"}, {"devices": 4}, {"devices": 4, "sharding": "full"}, {"packing": "on"}):
        system = System(name="s", base=shipped, training=(Sft(**more), Dpo(**more)))
        keys.add((system_key(system, task), adapter_key(system, task, 1), adapter_key(system, task, 2)))
    assert len(keys) == 1


def test_rows_are_tokenised_once_for_the_same_content(shipped, small_task, monkeypatch):
    system = System(name="s", base=shipped, training=(Sft(), Dpo()))
    first = fitting.longest_rows(system, small_task)
    monkeypatch.setattr(fitting, "tokenizer_of", lambda folder: pytest.fail("it was asked again"))
    assert fitting.longest_rows(system.model_copy(update={"name": "other"}), small_task) == first and len(first) == 2
    with pytest.raises(BaseException, match="asked again"):
        fitting.longest_rows(system.model_copy(update={"training": (Sft(examples=3),)}), small_task)
