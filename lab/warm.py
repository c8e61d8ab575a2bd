"""The warm parent: heavy imports once, then one fork per run, so that a run starts in milliseconds instead of seconds.

`python -m lab.warm` is started by the supervisor alone. It reads requests as JSON lines from its standard input, answers in JSON
lines, and knows nothing of queues. Each child claims its attempt on disk before it does anything else: that claim, not the request,
is what nobody can have twice. When the supervisor dies (end of input) requests that were not yet served are dropped, the children
go on, their ends are still written down, and the process leaves after the last of them.

Where a fork is not safe (CUDA or threads already running, not Linux) or LAB_SPAWN=1, the child starts a fresh interpreter with
`python -m lab.worker <run> <attempt> <slot>` in its place. LAB_WORKER="module:function" names another worker; for tests only.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from lab import store
from lab.jobs import processes

WORKER = os.environ.get("LAB_WORKER") or "lab.worker:work"
MODULE, _, FUNCTION = WORKER.partition(":")
TELL = 30.0  # seconds between two looks for ended children, should a signal be missed


@dataclass
class Parent:
    """Descriptors of the two channels and of the signal pipe, and the children by pid."""

    requests: int
    answers: int
    bells: tuple[int, int]
    work: Callable[[str, int, str], Any] | None = None  # None: start a fresh interpreter
    children: dict[int, tuple[str, int]] = field(default_factory=dict)
    left_over: bytes = b""

    def answer(self, **message: Any) -> None:
        try:
            os.write(self.answers, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            return  # the supervisor is gone; what counts is on disk


def prepared() -> Callable[[str, int, str], Any] | None:
    """Import the worker and let it import what it needs; its function where forking it is safe, else None."""
    if os.environ.get("LAB_SPAWN") == "1" or sys.platform != "linux":
        return None
    module = importlib.import_module(MODULE)
    getattr(module, "prepare", lambda: None)()
    torch = sys.modules.get("torch")
    if threading.active_count() > 1 or torch is not None and torch.cuda.is_initialized():
        return None
    gc.collect()
    gc.freeze()  # the children share these pages with us; a collection in one of them would copy them all
    return getattr(module, FUNCTION)


def serve(parent: Parent) -> None:
    """Until the supervisor is gone and the last child has ended."""
    connected = True
    while connected or parent.children:
        waiting = [parent.bells[0], *([parent.requests] if connected else [])]
        ready, _, _ = select.select(waiting, [], [], TELL)
        if parent.bells[0] in ready:
            os.read(parent.bells[0], 4096)
        reap(parent)
        if parent.requests in ready:
            lines, connected = drain(parent)
            for line in lines if connected else []:
                start(parent, json.loads(line))


def drain(parent: Parent) -> tuple[list[bytes], bool]:
    """The whole request lines at hand, and whether the supervisor is still there."""
    while True:
        try:
            data = os.read(parent.requests, 65536)
        except BlockingIOError:
            break
        if not data:
            return [], False
        parent.left_over += data
    *lines, parent.left_over = parent.left_over.split(b"\n")
    return lines, True


def reap(parent: Parent) -> None:
    """Write down how each ended child ended, but never over the record of the process that has the attempt."""
    for pid, (run_id, attempt) in list(parent.children.items()):
        found, status = os.waitpid(pid, os.WNOHANG)
        if not found:
            continue
        code = os.waitstatus_to_exitcode(status)
        del parent.children[pid]
        try:
            owner = store.runs.claimed(run_id, attempt)
            mine = bool(owner) and owner["pid"] == pid
            if mine:
                store.runs.write_exit(run_id, attempt, code)
        except (OSError, ValueError) as error:  # a full disk, say: the supervisor is told, the others go on
            mine = False
            print(f"exit of {run_id} attempt {attempt} not written: {error}", file=sys.stderr, flush=True)
        parent.answer(ended=run_id, attempt=attempt, code=code, claimed=mine)


def start(parent: Parent, request: dict[str, Any]) -> None:
    """Fork a worker for one request."""
    run_id, attempt = request["run"], request["attempt"]
    began = time.perf_counter()
    try:
        pid = os.fork()
    except OSError as error:
        parent.answer(refused=run_id, attempt=attempt, reason=str(error))
        return
    if not pid:
        child(parent, request)
    parent.children[pid] = (run_id, attempt)
    parent.answer(started=run_id, attempt=attempt, pid=pid, seconds=time.perf_counter() - began)


def child(parent: Parent, request: dict[str, Any]) -> NoReturn:
    """The forked worker, from its first breath to its last; never returns into the parent's loop."""
    code = 1
    try:
        code = live(parent, **request)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # the edge of the process: the log keeps the trace, the exit code says that it failed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def live(parent: Parent, run: str, attempt: int, slot: str, environment: dict[str, str]) -> int:
    """Become an independent process of the run, then work. Returns the exit code."""
    os.setsid()
    default_signals()
    for handle in (parent.requests, parent.answers, *parent.bells):
        os.close(handle)
    if store.runs.asked_to_stop(run):
        return 0
    about = {"pid": os.getpid(), "created": processes.started(), "slot": slot, "at": time.time()}
    if not store.runs.claim(run, attempt, about):
        return 0
    output_to(run, attempt)
    os.environ.update(environment, **{processes.TOKEN: run})
    token = processes.mark(run)
    if parent.work is None:
        os.execv(sys.executable, [sys.executable, "-m", MODULE, run, str(attempt), slot])
    result = parent.work(run, attempt, slot)
    del token  # kept open until here: it marks the process
    return result if isinstance(result, int) else 0


def default_signals() -> None:
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def output_to(run_id: str, attempt: int) -> None:
    """Nothing to read; what is printed goes to the attempt's log."""
    path = store.runs.log_path(run_id, attempt)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
    sys.stdout.reconfigure(line_buffering=True)
    faulthandler.enable()


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers, bells = os.dup(0), os.dup(1), os.pipe()
    os.dup2(2, 1)  # what libraries print must not look like an answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for handle in (requests, *bells):
        os.set_blocking(handle, False)
    began = time.perf_counter()
    parent = Parent(requests, answers, bells, prepared())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bells[1])
    parent.answer(ready=True, forks=parent.work is not None, seconds=time.perf_counter() - began)
    serve(parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
