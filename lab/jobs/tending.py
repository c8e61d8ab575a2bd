"""One worker, from the request for it until nothing of it is left: has it claimed its attempt, is it to stop, has it ended.

Knows processes and the run's folder; not the queue, not the slots.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psutil

from lab import store
from lab.core import FINAL
from lab.jobs import deaths, hardware, office, processes, watch

EXIT_WAIT = 2.0  # seconds for exit.json to appear after a worker's end
LINGER = 30.0  # seconds that a worker may live on after its run's final state
UNCLAIMED = 60.0  # seconds for a requested worker to claim its attempt
SETTLE = 0.3  # seconds for what a killed process still set off
RETRY = 5.0  # seconds until something that failed (a full disk, say) is tried again


@dataclass
class Live:
    """A slot's present owner. Until its process has claimed the attempt, `pid` is None."""

    run_id: str
    attempt: int
    slot: str
    pid: int | None = None
    created: float | None = None
    kills: int | None = field(default_factory=hardware.memory_kills)
    since: float = field(default_factory=time.monotonic)
    orphaned: bool = False
    gone: float | None = None
    final: float | None = None
    stop_at: float | None = None
    deadline: float = 0.0
    family: list[psutil.Process] = field(default_factory=list)
    not_before: float = 0.0

    def orphan(self) -> None:
        """The warm parent that was asked has died: the claim comes now or never."""
        self.orphaned, self.since = True, time.monotonic() - UNCLAIMED + SETTLE


def tend(live: Live, parent_is_importing: bool) -> str | None:
    """See to one worker. Returns the run's state where the slot is free again, None where it is still taken."""
    if live.pid is None and not _claimed(live):
        if parent_is_importing and not live.orphaned:
            live.since = time.monotonic()
        return "queued" if time.monotonic() - live.since > UNCLAIMED else None
    if not processes.alive(live.pid, live.created):
        return _end(live)
    _see_to_stop(live)
    _see_to_leaving(live)
    return None


def _claimed(live: Live) -> bool:
    claim = store.runs.claimed(live.run_id, live.attempt)
    if claim:
        live.pid, live.created = claim["pid"], claim["created"]
    return bool(claim)


def _see_to_stop(live: Live) -> None:
    """SIGTERM on each new request, and the end of the whole tree when its time is over."""
    asked = store.runs.asked_to_stop(live.run_id)
    if not asked:
        return
    if asked["at"] != live.stop_at:
        live.stop_at, settings = asked["at"], office.settings()
        live.deadline = time.monotonic() + (settings.keep_seconds if asked["keep"] else settings.stop_seconds)
        live.family = processes.family(live.pid)
        for process in live.family[:1]:
            processes.send(process, "terminate")
        say(f"{live.run_id}: asked to stop")
    elif time.monotonic() > live.deadline:
        left = processes.end_all(live.run_id, [*live.family, *processes.family(live.pid)])
        say(f"{live.run_id}: killed" + (f", but {left} would not die" if left else ""))


def _see_to_leaving(live: Live) -> None:
    if watch.state_of(live.run_id).name not in FINAL:
        return
    live.final = live.final or time.monotonic()
    if time.monotonic() - live.final > LINGER:
        say(f"{live.run_id}: its worker would not leave after its end")
        processes.end_all(live.run_id, processes.family(live.pid))


def _end(live: Live) -> str | None:
    """The worker is gone: end what it left behind, then say what became of the run."""
    live.gone = live.gone or time.monotonic()
    unseen = store.runs.read_exit(live.run_id, live.attempt) is None
    if unseen and time.monotonic() - live.gone < EXIT_WAIT and store.runs.state(live.run_id).name not in FINAL:
        return None
    left = processes.end_all(live.run_id, live.family)
    if left:  # the device may still be in use: the slot stays taken
        live.not_before = time.monotonic() + RETRY
        say(f"{live.run_id}: {left} would not die")
        return None
    return deaths.derive(live.run_id, live.attempt, live.kills)


def say(words: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), words, flush=True)
