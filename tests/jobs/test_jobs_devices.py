"""Runs that share several devices: given to them together, never twice, and refused where the machine has fewer. The GPUs are pretended."""

import itertools
import sys
import time

import pytest
from jobs_help import toy_lines

from lab import jobs, store
from lab.core import Dpo, Run, Sft, System, system_key
from lab.jobs import hardware
from lab.jobs.hardware import Device
from lab.jobs.supervisor import Supervisor

GIB = 1 << 30


def gpus(count):
    return [Device(name=f"Toy {index}", kind="cuda", index=index, memory_total=24 * GIB, memory_free=20 * GIB) for index in range(count)]


def test_a_slot_of_several_devices_names_and_shows_them():
    assert hardware.joined(["cuda:0", "cuda:2"]) == "cuda:0,2" and hardware.parts("cuda:0,2") == ["cuda:0", "cuda:2"]
    assert hardware.parts("cpu:1") == ["cpu:1"] and hardware.joined(["cpu:1"]) == "cpu:1"
    assert hardware.slot_environment("cuda:0,2", ["cuda:0", "cuda:1", "cuda:2"])["CUDA_VISIBLE_DEVICES"] == "0,2"


def test_what_is_free_is_that_of_the_tightest_device(monkeypatch):
    found = [device.model_copy(update={"memory_free": (3 - device.index) * GIB}) for device in gpus(3)]
    monkeypatch.setattr(hardware, "devices", lambda: found)
    assert (hardware.free("cuda:0"), hardware.free("cuda:0,2"), hardware.free("cuda:1")) == (3 * GIB, GIB, 2 * GIB)


def test_a_run_holds_as_many_devices_as_its_widest_stage_asks_for(base, task):
    system = System(name="s", base=base, training=(Sft(devices=2), Dpo()))
    assert Run(id="r", system=system, task=task.id, created=0).devices == 2


def test_runs_of_several_devices_never_share_one_and_are_not_starved(toys, base, task, monkeypatch):
    monkeypatch.setattr(hardware, "devices", lambda: gpus(3))
    wanted = [("sleep 0.5", 1), ("sleep 0.4", 2), ("sleep 0.3", 3), ("sleep 0.2", 1), ("sleep 0.1", 2)]
    for number, (name, devices) in enumerate(wanted):
        system = System(name=name, base=base, training=(Sft(devices=devices),))
        store.runs.create(Run(id=f"run-{number}", system=system, system_key=system_key(system, task), task=task.id, created=time.time() + number))
    supervisor, deadline = Supervisor(), time.monotonic() + 60
    while any(store.runs.state(run_id).name != "finished" for run_id in store.runs.ids()) or supervisor.live:
        assert time.monotonic() < deadline, [store.runs.state(run_id) for run_id in store.runs.ids()]
        supervisor.beat()
    supervisor.parent.close()
    lines = toy_lines()
    held = {line["run"]: (line["at"], next(end["at"] for end in lines if end["run"] == line["run"] and end["what"] == "end"),
                          hardware.parts(line["slot"])) for line in lines if line["what"] == "start"}
    assert [len(held[f"run-{number}"][2]) for number in range(5)] == [devices for _, devices in wanted]
    for (begun, ended, mine), (start, end, theirs) in itertools.combinations(held.values(), 2):
        assert not set(mine) & set(theirs) or ended <= start or end <= begun, "no device has two owners"
    assert held["run-3"][0] > held["run-2"][0], "a small run does not overtake one that waits for all devices"


@pytest.mark.parametrize(("count", "said"), [(0, "this machine has 0"), (1, "this machine has 1")])
def test_more_devices_than_there_are_is_refused_before_anything_is_queued(experiment, monkeypatch, count, said):
    wanted = experiment("x")
    cpu = [Device(name="CPU", kind="cpu", index=0, memory_total=64 * GIB, memory_free=32 * GIB)]
    monkeypatch.setattr("lab.jobs.checking.devices", lambda: gpus(count) or cpu)
    wanted = wanted.model_copy(update={"systems": (wanted.systems[0].model_copy(update={"training": (Sft(devices=2),)}),)})
    (failure,) = jobs.check(wanted)
    assert "asks for 2 GPUs" in failure.what and said in failure.what and "1 device" in failure.do + "1 device" * count


def test_few_bits_without_a_gpu_or_with_full_tuning_are_refused_with_a_way_out(experiment, monkeypatch):
    wanted = experiment("x")
    system = wanted.systems[0].model_copy(update={"quantisation": "nf4", "training": (Sft(tuning="full"),)})
    wanted = wanted.model_copy(update={"systems": (system,)})
    said = [(failure.what, failure.do) for failure in jobs.check(wanted)]
    assert any("CUDA device" in what and "as it is" in do for what, do in said) and any("LoRA" in do for _, do in said)
    monkeypatch.setattr("lab.jobs.checking.devices", lambda: gpus(1))
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # as if it were not installed
    assert any("bitsandbytes" in failure.what for failure in jobs.check(wanted))
