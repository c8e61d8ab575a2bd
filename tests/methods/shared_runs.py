"""Runs of the real worker whose stages one process trains, or several together."""

import os
import subprocess
import sys
import time

from lab import store
from lab.core import Run, System, system_key
from lab.worker import work

ADAPTER = dict(max_length=256, lora_rank=4, lora_alpha=8, evaluations=1)


def few(task):
    """15 rows and 6 pairs: the last batches leave one of two processes without a row."""
    return task.model_copy(update={"examples": (*task.split("train")[:15], *task.split("validation")[:3], *task.split("test")[:2]),
                                   "preferences": task.preferences[:6]})


def queued(home, base, task, stages, monkeypatch, **computed):
    """A run in a workspace of its own and its task; `computed`: settings that each stage takes."""
    monkeypatch.setenv("LAB_HOME", str(home))
    task = store.tasks.save(task).task
    system = System(name="s", base=base, training=tuple(stage.model_copy(update=computed) for stage in stages))
    run = Run(id="run-1", system=system, system_key=system_key(system, task), task=task.id, created=time.time())
    store.runs.create(run)
    return run, task


def started(run, attempt=1, **environment):
    """The worker in a process of its own: a group leaves its marks on the libraries."""
    return subprocess.Popen([sys.executable, "-m", "lab.worker", run.id, str(attempt), "cpu:0"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            text=True, env={**os.environ, **environment})


def ended(child):
    """Wait for its end. Fails with its last words where it failed."""
    words = child.communicate(timeout=200)[1]
    assert child.returncode == 0, words[-3000:]


def finished(run):
    """Run to the end, alone in this process, or as a group."""
    if run.devices == 1:
        assert work(run.id, 1, "cpu:0") == 0, store.runs.state(run.id).failure
    else:
        ended(started(run))


def points(run):
    """What was measured, point by point."""
    return [event["values"] for event in store.runs.events(run.id)[0] if event["kind"] == "metric" and "epoch" in event["values"]]
