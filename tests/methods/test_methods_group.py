"""Two processes that share a stage end where one alone does; one that fails is named, and nothing hangs."""

import os
import sys

import pytest
from safetensors.torch import load_file

from lab import store
from lab.core import Dpo, Sft, TrainingError, adapter_key
from lab.methods import group
from tests.methods.shared_runs import ADAPTER, few, finished, points, queued

STAGES = (Sft(epochs=1, learning_rate=3e-3, batch_size=7, replay=0.2, **ADAPTER), Dpo(epochs=1, learning_rate=1e-3, batch_size=5, **ADAPTER))


def worked(home, base, task, monkeypatch, **computed):
    """The adapters that a worker made in a workspace of its own, what was measured, and the run's events."""
    run, task = queued(home, base, task, STAGES, monkeypatch, **computed)
    finished(run)
    keys = [adapter_key(run.system, task, number) for number in (1, 2)]
    return keys, [load_file(store.artifacts.find(key) / "adapter_model.safetensors") for key in keys], points(run), store.runs.events(run.id)[0]


@pytest.mark.parametrize("sharding", ["none", "full"], ids=["each holds all weights", "the weights are shared out"])
def test_two_processes_end_at_the_weights_of_one(tmp_path, small_task, monkeypatch, sharding):
    base, data = store.bases.resolve("shipped", store.bases.shipped()[0]), few(small_task)
    keys, one, measured, told = worked(tmp_path / "1", base, data, monkeypatch)
    same, two, other, more = worked(tmp_path / "2", base, data, monkeypatch, devices=2, sharding=sharding)
    assert keys == same, "how many devices share a stage, and how, never counts in a key"
    for alone, shared in zip(one, two):
        moved = sum(tensor.norm().item() ** 2 for name, tensor in alone.items() if "lora_B" in name) ** 0.5  # it began at zero
        apart = sum((tensor - shared[name]).norm().item() ** 2 for name, tensor in alone.items()) ** 0.5
        assert moved > 0 and apart < 0.02 * moved
    assert len(measured) == len(other), "only the first process speaks"
    for mine, theirs in zip(measured, other):
        names = [name for name in mine if "accuracy" not in name]
        assert mine.keys() == theirs.keys()
        assert {name: mine[name] for name in names} == pytest.approx({name: theirs[name] for name in names}, rel=1e-2, abs=3e-3)
    notes = [event for event in more if "memory_measured" in event.get("values", {})]
    assert [note["stage"] for note in notes] == ["sft", "dpo"] and all(note["values"]["memory_measured"] > 100 << 20 for note in notes)
    assert store.artifacts.about(keys[0])["memory"].keys() == {"estimated", "measured"}


def test_a_process_that_cannot_start_ends_the_stage_with_its_last_words(tmp_path):
    command = [sys.executable, "-c", "import sys; sys.exit('no such base here')"]
    with pytest.raises(TrainingError, match="no such base here"), group.together(2, command, tmp_path):
        raise AssertionError("it began without the other")
    assert "RANK" not in os.environ and group.size() == 1


def test_alone_everything_is_the_identity(tmp_path):
    with group.together(1, [], tmp_path) as others:
        assert (group.size(), group.rank(), group.agreed(2), group.backend(), others.started) == (1, 0, 2, None, [])
