"""What the tests of processes look at and wait for."""

import os
import time

import psutil

from lab import jobs, store
from lab.jobs import importing, office


def of_workspace(folder):
    """Living processes that were started for this workspace."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("LAB_HOME") == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def toy_lines():
    return store.files.read_lines(store.home() / "toy.jsonl")[0]


def until(happened, seconds=15.0):
    """Wait for a condition; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = happened()
        if found:
            return found
        time.sleep(0.02)
    log = office.log().read_text() if office.log().exists() else ""
    raise AssertionError(f"not within {seconds} s; states {[v.state.name for v in jobs.views()]}; supervisor's log:\n{log[-3000:]}")


def state(run_id):
    return store.runs.state(run_id).name


def supervisor():
    return psutil.Process(office.who()["pid"])


def warm_parent():
    found = [process for process in of_workspace(store.home()) if process.cmdline()[1:] == ["-m", "lab.warm"]
             and process.ppid() == supervisor().pid]
    return found[0]


def ended(job, seconds=60):
    """How far a background import is when it has ended, or when that took too long."""
    until = time.monotonic() + seconds
    while (found := importing.progress(job)) and found.state == "running" and time.monotonic() < until:
        time.sleep(0.05)
    return found
