"""A worker's process is gone and its run is not in a final state: what follows from it. The one place that says how a worker died.

A stop that was asked for ends as "stopped". A death by a signal is the machine's doing: the run is queued again and resumes, up to
three times in a row. Any other end is the run's own failure.
"""

from __future__ import annotations

import signal
import time

from lab import store
from lab.core import FINAL, Event, Failure
from lab.jobs import hardware, watch

TRIES = 3
LOG_BYTES, LOG_LINES = 4_000, 6


def derive(run_id: str, attempt: int, kills_before: int | None) -> str:
    """Write down what became of a run whose process has ended, and return the new state's name.

    `kills_before`: the count of kills for memory when the worker started. Final states are never touched, nor is a
    run that was resumed since.
    """
    now = store.runs.state(run_id)
    resumed = now.name == "queued" and now.attempt >= attempt  # it had ended well, and somebody was quicker than we
    if now.name in FINAL or resumed:
        return now.name
    code = store.runs.read_exit(run_id, attempt)
    if store.runs.asked_to_stop(run_id):
        return _move(run_id, "stopped", attempt=attempt, ended=time.time())
    if code is not None and code >= 0:
        return _move(run_id, "failed", attempt=attempt, ended=time.time(), failure=_own_fault(run_id, attempt, code))
    failure = _killed(run_id, code, kills_before)
    if deaths_in_a_row(run_id, attempt) >= TRIES:
        return _move(run_id, "failed", attempt=attempt, ended=time.time(), failure=failure)
    store.runs.emit(run_id, Event(at=time.time(), attempt=attempt, kind="note",
                                  message=f"{failure.what}. The run is queued again and resumes from its newest checkpoint."))
    return _move(run_id, "queued", attempt=attempt, pid=None, pid_created=None, slot="")


def _move(run_id: str, name: str, **changes) -> str:
    return store.runs.move(run_id, name, **changes).name


def deaths_in_a_row(run_id: str, attempt: int) -> int:
    """How many attempts up to this one ended by a signal (or with nobody there to see the end) without another end between."""
    count = 0
    for number in reversed([each for each in store.runs.attempts(run_id) if each <= attempt]):
        code = store.runs.read_exit(run_id, number)
        if code is not None and code >= 0:
            break
        count += 1
    return count


def _stage(run_id: str) -> str:
    stages = watch.follow(run_id).stages
    return f"During: {watch.STAGES.get(stages[-1], stages[-1])}" if stages else "Before its first step"


def _killed(run_id: str, code: int | None, kills_before: int | None) -> Failure:
    where = _stage(run_id)
    if code is None:
        return Failure(kind="lab", what="The worker's process is gone and nobody saw how it ended (a restart of the machine, or a kill)",
                       where=where, do="Resume the run: it goes on from its newest complete checkpoint")
    if code != -signal.SIGKILL:
        return Failure(kind="lab", what=f"The worker was ended by signal {-code} ({signal.strsignal(-code) or 'unknown'})", where=where,
                       do="Resume the run: it goes on from its newest complete checkpoint; its log may say more")
    now = hardware.memory_kills()
    certain = now is not None and kills_before is not None and now > kills_before
    cause = "because memory ran out" if certain else "most often because memory ran out"
    return Failure(kind="memory", what=f"The system killed the worker (signal 9), {cause}", where=where,
                   do="Use a smaller batch size or a smaller base model, or resume the run when the machine has more memory free")


def _own_fault(run_id: str, attempt: int, code: int) -> Failure:
    lines = store.runs.log_tail(run_id, attempt, LOG_BYTES).strip().splitlines()[-LOG_LINES:]
    said = "\n".join(lines) or "its log is empty"
    return Failure(kind="lab", what=f"The worker ended with exit code {code} and recorded no reason. The end of its log:\n{said}",
                   where=_stage(run_id), do="The run's log has the full trace")
