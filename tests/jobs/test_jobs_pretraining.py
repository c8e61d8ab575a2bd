"""A pretraining is a Run like any other: queued, watched, stopped, resumed. Real processes, a toy worker."""

import time

import pytest
from jobs_help import state, toy_lines, until

from lab import jobs, store
from lab.core import DiskError, Event, Pretraining, Run
from lab.jobs import checking, deaths, watch


def test_it_is_launched_stopped_and_resumed_like_any_run(toys):
    run = jobs.launch_pretraining(Pretraining(steps=1, seed=3))
    assert (run.seed, run.system, run.task, run.experiment) == (3, None, "", "") and store.runs.load(run.id) == run
    until(lambda: state(run.id) == "finished")
    long = jobs.launch_pretraining(Pretraining(steps=60, objective="masked"))
    until(lambda: state(long.id) == "running" and [line for line in toy_lines() if line["run"] == long.id])
    jobs.stop(long.id, keep=True)
    assert next(view for view in jobs.views() if view.run.id == long.id).doing.startswith("Stopping, and keeping")
    until(lambda: state(long.id) == "stopped")
    jobs.resume(long.id)
    until(lambda: state(long.id) == "running" and store.runs.state(long.id).attempt == 2)
    jobs.stop(long.id)
    until(lambda: state(long.id) == "stopped")
    assert [view.run.id for view in jobs.views("")] == [run.id, long.id]


def test_a_run_resumed_before_its_end_was_seen_stays_queued(workspace):
    run = Run(id=store.new_id("run"), pretraining=Pretraining(), created=0.0)
    store.runs.create(run)
    for name in ("running", "stopped", "queued"):
        store.runs.move(run.id, name, attempt=1)
    store.runs.write_exit(run.id, 1, 0)
    assert deaths.derive(run.id, 1, None) == "queued" and store.runs.state(run.id).failure is None
    store.runs.write_exit(run.id, 2, 1)  # an attempt that ended before it had said that it runs is still a failure
    assert deaths.derive(run.id, 2, None) == "failed"


def test_no_room_is_said_before_anything_is_written(toys, monkeypatch):
    monkeypatch.setattr(checking, "FREE_BYTES", 1 << 60)
    with pytest.raises(DiskError):
        jobs.launch_pretraining(Pretraining())
    assert store.runs.ids() == [] and not jobs.supervisor_alive()


def event(stage, kind, step=None, total=None, attempt=1, **values):
    return Event(at=time.time(), attempt=attempt, kind=kind, stage=stage, step=step, total=total, values=values).model_dump()


def test_progress_rises_and_says_what_is_done(workspace):
    run = Run(id="run-1", pretraining=Pretraining(), created=0.0)
    follower, seen = watch.Follower(), []
    assert watch.progress(run, follower) is None and watch.doing(run, follower) == "Starting"
    for one in (event("pretrain", "note"), event("pretrain", "metric", 20, 2300, loss=5.0), event("pretrain", "metric", 500, 2300, loss=2.0),
                event("pretrain", "metric", 2300, 2300, eval_loss=1.0), event("evaluate", "progress", 9, 18, suite="probes"),
                event("evaluate", "progress", 18, 18, suite="probes")):
        follower.take(one)
        seen.append((watch.progress(run, follower), watch.doing(run, follower)))
    shares = [share for share, _ in seen[1:]]
    assert shares == sorted(set(shares)) and shares[-1] == 1.0 and shares[0] < 0.01
    assert seen[2][1] == "Pretraining, 500 of 2300" and seen[4][1] == "Answering probes, 9 of 18"
    follower.take(event("pretrain", "metric", 240, 2300, attempt=2, loss=3.0))
    assert watch.progress(run, follower) < shares[1]  # a resumed run counts from its own state
