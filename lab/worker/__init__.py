"""One run's process: makes a System real and scores it. Wires methods, evals and the store; decides nothing else.

Called as work(run, attempt, slot) in a child of the warm parent, or as `python -m lab.worker RUN ATTEMPT SLOT`. With a stage's number
behind these it is a further process of a stage that several devices share: it computes its part and writes nothing.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from contextlib import suppress

import psutil

from lab import store
from lab.core import Stopped, failure_of
from lab.worker import pretraining, scoring, training
from lab.worker.job import Job


def prepare() -> None:
    """The heavy imports, once, in the warm parent. Starts no thread pool, so that forking stays safe."""
    import torch
    torch.set_num_threads(1)
    from transformers import GPTNeoXForCausalLM, LlamaForCausalLM  # noqa: F401  (the classes of the shipped and the usual bases)

    import lab.engine.embed  # noqa: F401
    import lab.evals.evaluate  # noqa: F401
    import lab.methods.dpo  # noqa: F401
    import lab.methods.sft  # noqa: F401
    import lab.world.pretrain  # noqa: F401


def work(run_id: str, attempt: int, slot: str) -> int:
    """Run to the end and write the final state. Returns the exit code: 0 finished or stopped, 1 failed."""
    job = Job(run_id, attempt, slot)
    signal.signal(signal.SIGTERM, lambda *_: job.stop.set())
    now = time.time()
    store.runs.move(run_id, "running", attempt=attempt, pid=os.getpid(), pid_created=psutil.Process().create_time(), slot=slot,
                    started=now, ended=None, failure=None)
    try:
        kept = execute(job)
        store.runs.move(run_id, "stopped" if kept else "finished", ended=time.time(), kept=attempt if kept else 0)
        return 0
    except Stopped:
        store.runs.move(run_id, "stopped", ended=time.time())
        return 0
    except BaseException as error:  # the boundary: every failure becomes the run's recorded state
        traceback.print_exc()
        job.fail(failure_of(error, where=job.stage))
        return 1


def execute(job: Job) -> bool:
    """Build the parts, score them. True where the user stopped the training and kept what was there."""
    if job.run.pretraining:
        return pretraining.make(job)
    data = store.tasks.load(job.run.task)
    if not store.bases.has_files(job.run.system.base):
        scoring.score(job, job.endpoint(data), None)
        return job.kept
    job.note("load", "Loading the base model")
    loaded, asker = job.load(data)
    weights = training.train(job, loaded, data, asker) if job.run.system.training else None
    scoring.score(job, asker, weights and weights.bank)
    if weights and job.run.checkpoints and not job.kept:
        scoring.score_checkpoints(job, data, asker, weights)
    return job.kept


def share(run_id: str, attempt: int, slot: str, number: int) -> int:
    """A further process of a stage; the first one hears of a failure by the exit code and reads the reason in the log."""
    with suppress(Stopped):
        training.share(Job(run_id, attempt, slot, silent=True), number)
    return 0
