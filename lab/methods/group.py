"""Several processes that train one stage together, one device each (data parallel, through accelerate and torch.distributed).

The worker is the first of them: it alone writes, decides and measures. The others are started by it with the same run, do the same
arithmetic on their share of every batch, and end with the stage. Outside a group everything here is the identity.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Sequence

import torch
import torch.distributed as distributed
from accelerate.state import AcceleratorState, GradientState, PartialState

from lab.core import TrainingError

PLACES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torch.distributed reads
READY = "LAB_GROUP_READY"  # names the file by which a process says that it has loaded everything
LEAVE = 60.0  # seconds for the others to end after the stage


def size() -> int:
    """Processes that share the stage; 1 outside a group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def backend() -> str | None:
    """How the group's processes speak with each other; None outside a group."""
    return distributed.get_backend() if size() > 1 else None


def summed(value: torch.Tensor) -> torch.Tensor:
    """The sum over the group."""
    if size() > 1:
        distributed.all_reduce(value)
    return value


def agreed(wish: int) -> int:
    """The first process's wish, known to all."""
    if size() == 1:
        return wish
    words = torch.tensor([wish], device="cuda" if backend() == "nccl" else "cpu")
    distributed.broadcast(words, 0)
    return int(words)


def wait() -> None:
    """Until all processes are here."""
    if size() > 1:
        distributed.barrier()


@dataclass
class Others:
    """The processes that the first one started, and where each writes."""

    started: list[subprocess.Popen] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def check(self) -> None:
        """Raises TrainingError where one of them has ended too early: the rest would wait for it for ever."""
        for number, (process, log) in enumerate(zip(self.started, self.logs), start=1):
            if process.poll():
                said = log.read_bytes()[-600:].decode("utf-8", "replace") if log.exists() else ""
                raise TrainingError(f"Process {number + 1} of {len(self.started) + 1} that train together has ended (code {process.returncode}): "
                                    f"{said.strip()}", str(log), "Run again, or set the stage's number of GPUs to 1")

    def wait_until_ready(self) -> None:
        """Until each has loaded what it needs; meeting them before that would wait blindly for one that failed."""
        while not all(_sign(log).exists() for log in self.logs):
            self.check()
            time.sleep(0.1)

    def leave(self) -> None:
        """Wait for their ends; whoever stays is killed."""
        deadline = time.monotonic() + LEAVE
        for process in self.started:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def together(devices: int, command: Sequence[str], logs: Path) -> Iterator[Others]:
    """A group of `devices` processes while the block lasts; this one is its first. `command` starts another: it finds its place in the
    environment and calls `joined`. Where the block fails, the others are killed. Raises TrainingError where they do not start."""
    others = Others()
    if devices == 1:
        yield others
        return
    places = {"WORLD_SIZE": str(devices), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    logs.mkdir(parents=True, exist_ok=True)
    for number in range(1, devices):
        log = logs / f"process-{number + 1}.txt"
        _sign(log).unlink(missing_ok=True)
        with log.open("ab") as output:
            others.started.append(subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                                   env={**os.environ, **places, "RANK": str(number), "LOCAL_RANK": str(number),
                                                        READY: str(_sign(log))}))
        others.logs.append(log)
    os.environ.update(places, RANK="0", LOCAL_RANK="0")
    try:
        others.wait_until_ready()
        with joined():
            yield others
    except BaseException:
        for process in others.started:
            process.kill()
        raise
    finally:
        others.leave()
        for name in PLACES:
            os.environ.pop(name, None)


@contextmanager
def joined() -> Iterator[None]:
    """Membership in the group that the environment names. The library's trainers find it by themselves."""
    _forget()
    place = int(os.environ["LOCAL_RANK"])
    if os.environ.get(READY):
        Path(os.environ[READY]).touch()
    on_gpu = torch.cuda.is_available() and bool(os.environ.get("CUDA_VISIBLE_DEVICES", "x"))
    if on_gpu:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()
        _forget()


def _forget() -> None:
    """accelerate keeps the state of the process it first saw; a stage alone and a stage in a group differ in it."""
    GradientState._reset_state()
    AcceleratorState._reset_state(reset_partial_state=True)
    PartialState._reset_state()


def _sign(log: Path) -> Path:
    """The file by which a process says that it is ready."""
    return log.with_suffix(".ready")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
