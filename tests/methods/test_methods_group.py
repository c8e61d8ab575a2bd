"""Two processes that share a stage end where one alone does; one that fails is named, and nothing hangs."""

import os
import subprocess
import sys
import time

import pytest
from safetensors.torch import load_file

from lab import store
from lab.core import Dpo, Run, Sft, System, TrainingError, adapter_key, system_key
from lab.methods import group
from lab.worker import work

ADAPTER = dict(epochs=1, max_length=256, lora_rank=4, lora_alpha=8, evaluations=1)
STAGES = (Sft(learning_rate=3e-3, batch_size=7, replay=0.2, **ADAPTER), Dpo(learning_rate=1e-3, batch_size=5, **ADAPTER))


def worked(home, base, task, devices, monkeypatch):
    """The adapters that a worker made in a workspace of its own, and the run's events. The last batches leave a process without a row."""
    monkeypatch.setenv("LAB_HOME", str(home))
    task = store.tasks.save(task).task
    system = System(name="s", base=base, training=tuple(stage.model_copy(update={"devices": devices}) for stage in STAGES))
    run = Run(id="run-1", system=system, system_key=system_key(system, task), task=task.id, created=time.time())
    store.runs.create(run)
    if devices == 1:
        assert work(run.id, 1, "cpu:0") == 0, store.runs.state(run.id).failure
    else:  # in a process of its own: a group leaves its marks on the libraries
        done = subprocess.run([sys.executable, "-m", "lab.worker", run.id, "1", "cpu:0"], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr[-3000:]
    keys = [adapter_key(system, task, number) for number in (1, 2)]
    return keys, [load_file(store.artifacts.find(key) / "adapter_model.safetensors") for key in keys], store.runs.events(run.id)[0]


def test_two_processes_end_at_the_weights_of_one(tmp_path, small_task, monkeypatch):
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    data = small_task.model_copy(update={"examples": (*small_task.split("train")[:15], *small_task.split("validation")[:3],
                                                      *small_task.split("test")[:2]), "preferences": small_task.preferences[:6]})
    (keys, one, told), (same, two, other) = (worked(tmp_path / str(count), base, data, count, monkeypatch) for count in (1, 2))
    assert keys == same, "how many devices share a stage never counts in a key"
    for alone, shared in zip(one, two):
        moved = sum(tensor.norm().item() ** 2 for name, tensor in alone.items() if "lora_B" in name) ** 0.5  # it began at zero
        apart = sum((tensor - shared[name]).norm().item() ** 2 for name, tensor in alone.items()) ** 0.5
        assert moved > 0 and apart < 0.02 * moved
    points, more = ([event["values"] for event in events if event["kind"] == "metric" and "epoch" in event["values"]] for events in (told, other))
    assert len(points) == len(more), "only the first process speaks"
    for mine, theirs in zip(points, more):
        names = [name for name in mine if "accuracy" not in name]
        assert mine.keys() == theirs.keys()
        assert {name: mine[name] for name in names} == pytest.approx({name: theirs[name] for name in names}, rel=1e-2, abs=3e-3)
    notes = [event for event in told if "memory_measured" in event.get("values", {})]
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
