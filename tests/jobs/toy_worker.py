"""A worker without a model: the System's name says what it does; a pretraining sleeps as many seconds as it has steps.

LAB_WORKER=toy_worker:work puts it in the real worker's place.
Each start takes the slot's lock for life and says so in toy.jsonl; finding it taken is said too: no slot may have two owners.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time

from lab import store
from lab.core import Event
from lab.jobs import processes

HELD = []


def work(run_id, attempt, slot):
    run = store.runs.load(run_id)
    verb, _, number = (run.system.name if run.system else f"sleep {run.pretraining.steps}").partition(" ")
    record(run_id, attempt, slot, "start" if take(slot) else "double")
    store.runs.move(run_id, "running", attempt=attempt, pid=os.getpid(), pid_created=processes.started(), slot=slot, started=time.time())
    store.runs.emit(run_id, Event(at=time.time(), attempt=attempt, kind="progress", stage="sft", step=1, total=4))
    BEHAVIOUR[verb](run_id, attempt, float(number or 0))
    store.runs.move(run_id, "finished", ended=time.time())
    record(run_id, attempt, slot, "end")


def take(slot):
    HELD.append(open(store.home() / f"toy-{slot.replace(':', '-')}.lock", "w"))
    try:
        fcntl.flock(HELD[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def record(run_id, attempt, slot, what):
    store.files.append_line(store.home() / "toy.jsonl", {"run": run_id, "attempt": attempt, "slot": slot, "what": what,
                            "pid": os.getpid(), "at": time.time(), "threads": os.environ.get("OMP_NUM_THREADS")})


def quick(run_id, attempt, number):
    """Ends at once."""


def sleep(run_id, attempt, number):
    """Sleeps; SIGTERM is a wish to stop, and obeyed."""
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    until = time.monotonic() + number
    while time.monotonic() < until:
        if asked:
            store.runs.move(run_id, "stopped", ended=time.time())
            sys.exit(0)
        time.sleep(0.02)


def stubborn(run_id, attempt, number):
    """Ignores SIGTERM, and has a grandchild in a session of its own, one forked and one started."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    if not os.fork():
        os.setsid()
        if not os.fork():
            time.sleep(300)
        os._exit(0)
    os.wait()
    record(run_id, attempt, "", "dug in")
    time.sleep(300)


def secrets(run_id, attempt, number):
    """Says which variables with secrets it was given, and what their values add up to; never the values."""
    given = {name: len(value) for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN")) and name != processes.TOKEN}
    store.files.append_line(store.home() / "given.jsonl", {"run": run_id, "given": given})


def crash(run_id, attempt, number):
    raise RuntimeError("the toy broke")


def suicide(run_id, attempt, number):
    """Dies by SIGKILL in its first `number` attempts."""
    if attempt <= number:
        os.kill(os.getpid(), signal.SIGKILL)


BEHAVIOUR = {"quick": quick, "secrets": secrets, "sleep": sleep, "stubborn": stubborn, "crash": crash, "suicide": suicide}

if __name__ == "__main__":
    work(sys.argv[1], int(sys.argv[2]), sys.argv[3])
