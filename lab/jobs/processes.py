"""Processes of the machine: who is alive, who belongs to a run, how to end them all, how to start one that outlives us.

Knows nothing of queues and states. A pid alone may be someone else's by now, so a process is named by pid and start time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from lab import store
from lab.jobs import keys

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "LAB_RUN_TOKEN"
MARK = "lab-run:"  # a forked worker keeps a nameless file of this name open, see `mark`
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
              "TOKENIZERS_PARALLELISM": "false"}
CLOCK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
SAME_TICK, SAME_CLOCK = 0.02, 2.0  # seconds; the epoch form moves with the system's clock


def _stat(pid: int) -> tuple[str, float] | None:
    """The kernel's one-letter status and the start in seconds since boot; None without such a process (or without /proc)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0].decode(), int(fields[19]) / CLOCK


def started(pid: int | None = None) -> float:
    """When a process started, untouched by changes of the clock where the system can say so (seconds since boot), else in
    seconds since the epoch. Raises psutil.NoSuchProcess."""
    pid = pid or os.getpid()
    found = _stat(pid)
    return found[1] if found else psutil.Process(pid).create_time()


def alive(pid: int | None, created: float | None) -> bool:
    """Whether this very process lives; a zombie does not. `created` is `started()` or psutil's create_time()."""
    if not pid or created is None:
        return False
    found = _stat(pid)
    if found and (found[0] in "ZX" or abs(found[1] - created) <= SAME_TICK):
        return found[0] not in "ZX"
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) <= SAME_CLOCK and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def mark(run_id: str) -> int | None:
    """Mark this process, and all that it forks, as the run's: the environment that the system shows is that of the last exec,
    so a forked worker's token cannot be read from outside. Returns the descriptor to keep."""
    return os.memfd_create(MARK + run_id) if hasattr(os, "memfd_create") else None


def _belongs(process: psutil.Process, run_id: str) -> bool:
    try:
        if process.environ().get(TOKEN) == run_id:
            return True
        folder = f"/proc/{process.pid}/fd"
        return any(_link(f"{folder}/{name}").startswith(f"/memfd:{MARK}{run_id} ") for name in os.listdir(folder))
    except (psutil.Error, OSError):  # ended meanwhile, or another user's
        return False


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def of_run(run_id: str) -> list[psutil.Process]:
    """Every living process that carries the run's token, wherever in the process tree it is by now."""
    found = [process for process in psutil.process_iter() if process.pid != os.getpid() and _belongs(process, run_id)]
    return [process for process in found if _lives(process)]


def family(pid: int | None) -> list[psutil.Process]:
    """A process with all its descendants; empty where it is gone."""
    try:
        process = psutil.Process(pid) if pid else None
        return [process, *process.children(recursive=True)] if process else []
    except psutil.Error:
        return []


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end_all(run_id: str, known: list[psutil.Process], seconds: float = 5.0) -> list[psutil.Process]:
    """Kill what carries the run's token, the processes already known, and their descendants. Returns what would not die."""
    deadline = time.monotonic() + seconds
    while True:
        doomed = {process for process in (*of_run(run_id), *known) if _lives(process)}
        doomed |= {child for process in doomed for child in family(process.pid) if child.pid != os.getpid()}
        if not doomed or time.monotonic() > deadline:
            return sorted(doomed, key=lambda process: process.pid)
        for process in doomed:
            send(process, "kill")
        psutil.wait_procs([process for process in doomed if _lives(process)], timeout=0.2)


def send(process: psutil.Process, verb: str) -> None:
    """`kill` or `terminate`; psutil checks that the pid is still this process's."""
    try:
        getattr(process, verb)()
    except psutil.NoSuchProcess:
        return


def dismiss(pid: int | None, created: float | None, leave: float) -> None:
    """Ask this very process, if it lives, to end, and after `leave` seconds end it with all its descendants."""
    if not alive(pid, created):
        return
    members = family(pid)
    for process in members[:1]:
        send(process, "terminate")
    for process in psutil.wait_procs(members, timeout=leave)[1]:
        send(process, "kill")
    psutil.wait_procs(members, timeout=leave)


def environment(*secrets: str, **extra: str) -> dict[str, str]:
    """The environment of a process of the lab: this workspace, no run's token, and of the secrets those that are named."""
    return {**keys.cleared(secrets), "LAB_HOME": str(store.home()), **extra}


def start_detached(arguments: list[str], log: Path, secrets: tuple[str, ...] = (), **extra: str) -> subprocess.Popen:
    """Start `python <arguments>` in its own session with its output in a file: it outlives us, our terminal and our group. `secrets`:
    names of the variables with secrets that it needs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT,
                                   env=environment(*secrets, **extra), start_new_session=True)
    threading.Thread(target=process.wait, daemon=True).start()  # reaps it, should it end before us
    return process


def wait_for(happened: Callable[[], bool], seconds: float, meanwhile: Callable[[], bool] = lambda: True) -> bool:
    """Wait until something has happened; give up after so many seconds, or as soon as `meanwhile` no longer holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        if not meanwhile():
            return happened()
        time.sleep(0.02)
    return happened()


def tail(path: Path, size: int) -> str:
    """The end of a log; empty where there is none."""
    try:
        return path.read_bytes()[-size:].decode("utf-8", "replace").strip()
    except OSError:
        return ""


def code_stamp() -> int:
    """Changes when a file of the program does: a process that was started from older files must not read newer folders."""
    root = Path(__file__).resolve().parents[1]
    return hash(tuple(sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*.py"))))
