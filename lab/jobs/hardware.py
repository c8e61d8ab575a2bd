"""What this machine can give: devices, slots, cores, and whether the system has been killing for memory.

By NVML and psutil, never by torch: asking torch for a GPU would take memory on it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import psutil
import pynvml

from lab.core import Value

MOST_CORES = 8  # more threads than this do not help one small model's training


class Device(Value):
    """A processor that can hold a run. Memory in bytes."""

    name: str
    kind: Literal["cpu", "cuda"]
    index: int
    memory_total: int
    memory_free: int


def devices() -> list[Device]:
    """Every GPU that may be used, else the CPU."""
    return _gpus() or [_cpu()]


def _cpu() -> Device:
    memory = psutil.virtual_memory()
    return Device(name=f"CPU, {cores()} cores", kind="cpu", index=0, memory_total=memory.total, memory_free=memory.available)


def _gpus() -> list[Device]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # no library, no driver, no permission: all mean no GPU for us
        return []
    try:
        return [_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()) if _allowed(index)]
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Device:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    name, memory = pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Device(name=name if isinstance(name, str) else name.decode(), kind="cuda", index=index, memory_total=memory.total,
                  memory_free=memory.free)


def _allowed(index: int) -> bool:
    """CUDA_VISIBLE_DEVICES of whoever started us holds here too (numbers; other forms are left to CUDA)."""
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None:
        return True
    names = [name.strip() for name in asked.split(",") if name.strip()]
    return str(index) in names if all(name.lstrip("-").isdigit() for name in names) else True


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parts(slot: str) -> list[str]:
    """The slots that a slot of several GPUs (cuda:0,1) is made of; a single one is itself."""
    kind, _, indices = slot.partition(":")
    return [f"{kind}:{index}" for index in indices.split(",")]


def joined(wanted: list[str]) -> str:
    """One slot of several, for a run whose stage they share."""
    return f"{wanted[0].partition(':')[0]}:{','.join(slot.partition(':')[2] for slot in wanted)}"


def free(slot: str) -> int:
    """Bytes free on the slot's device now; of several the least."""
    found = devices()
    wanted = {f"{device.kind}:{device.index}": device.memory_free for device in found}
    return min((wanted[name] for name in parts(slot) if name in wanted), default=min(device.memory_free for device in found))


def slots(cpu_slots: int, found: list[Device]) -> list[str]:
    """The device pool: each GPU is one slot; without a GPU as many CPU slots as asked for."""
    gpus = [f"cuda:{device.index}" for device in found if device.kind == "cuda"]
    return gpus or [f"cpu:{number}" for number in range(max(1, cpu_slots))]


def slot_environment(slot: str, pool: list[str]) -> dict[str, str]:
    """What a worker on this slot sees of the machine. One core stays free for the app where there are enough."""
    kind, _, index = slot.partition(":")
    threads = max(1, min(MOST_CORES, (cores() - 1) // len(pool)))
    return {"CUDA_VISIBLE_DEVICES": index if kind == "cuda" else "", "OMP_NUM_THREADS": str(threads)}


def memory_kills() -> int | None:
    """How often the system has killed for memory in our control group; None where it does not say."""
    for path in _memory_files():
        try:
            rows = dict(line.split() for line in path.read_text().splitlines())
            return int(rows["oom_kill"])
        except (OSError, ValueError, KeyError):
            continue
    return None


def _memory_files() -> list[Path]:
    """Where the counter may stand: control groups version 2, then version 1; our own group, then the root's."""
    root = Path("/sys/fs/cgroup")
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:
        return []
    second = [root / path.lstrip("/") / "memory.events" for _, kind, path in groups if not kind]
    first = [root / "memory" / path.lstrip("/") / "memory.oom_control" for _, kind, path in groups if "memory" in kind.split(",")]
    return [*second, root / "memory.events", *first, root / "memory" / "memory.oom_control"]
