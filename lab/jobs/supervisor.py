"""The supervisor: gives queued runs to free slots, watches their workers, carries out stops, writes down deaths.

One per workspace, detached, `python -m lab.jobs.supervisor`. It keeps nothing that cannot be read from the run folders, so it may
be killed at any point: the next one adopts the living workers. It knows no torch and nothing of what a worker does.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from filelock import Timeout

from lab import store
from lab.core import FINAL, DiskError, Failure, LabError, MemoryError_, State
from lab.jobs import answerer, hardware, keys, office, processes, watch
from lab.jobs.parent import WarmParent
from lab.jobs.tending import RETRY, SETTLE, Live, say, tend

BEAT = 0.05  # seconds; the longest a click waits for us
SCAN, SCAN_IDLE = 2.0, 10.0  # seconds between two looks at all folders, should a ping be missed
REFUSALS = 3
TAKEOVER = 2.0  # seconds that a new supervisor waits for one that is just ending


class Supervisor:
    def __init__(self) -> None:
        self.parent = WarmParent()
        self.live: dict[str, Live] = {}
        self.queue: list[str] = []
        self.waiting_until: dict[str, float] = {}
        self.refusals: dict[str, int] = {}
        self.devices = hardware.devices()
        self.settings = office.settings()
        self.seen_pings = -1
        self.scanned = 0.0
        self.last_work = time.monotonic()
        self.code, self.outdated = processes.code_stamp(), False

    def run(self) -> bool:
        """Until there has been nothing to do for the idle time (False), or the program was updated (True)."""
        while True:
            try:
                self.beat()
                if self.outdated:
                    self.parent.close()
                    return True
                if self.idle() and self.ends():
                    return False
            except Exception:  # the edge of the process: while work is queued it goes on
                say(traceback.format_exc())
                time.sleep(RETRY)

    def beat(self) -> None:
        self.parent.ensure()
        for message in self.parent.messages(BEAT):
            self.hear(message)
        pings = office.pings()
        if pings != self.seen_pings or time.monotonic() - self.scanned > (SCAN if self.live or self.queue else SCAN_IDLE):
            self.seen_pings, self.scanned = pings, time.monotonic()
            self.scan()
        for live in list(self.live.values()):
            self.guarded(live, self.tend)
        if not self.outdated:
            self.give()

    def tend(self, live: Live) -> None:
        became = tend(live, parent_is_importing=self.parent.running and not self.parent.ready)
        if became:
            self.drop(live)
            say(f"{live.run_id} attempt {live.attempt}: ended, {became}; {live.slot} is free")

    def drop(self, live: Live) -> None:
        del self.live[live.run_id]
        self.scanned = 0.0  # it may be in the queue again

    def idle(self) -> bool:
        if self.live or self.queue:
            self.last_work = time.monotonic()
        return time.monotonic() - self.last_work > self.settings.idle_seconds

    def ends(self) -> bool:
        """Sign out first and look at the queue afterwards: see `office`."""
        office.sign_out()
        self.scan()
        if self.live or self.queue:
            office.sign_in()
            return False
        self.parent.close()
        say("nothing to do: ended")
        return True

    def guarded(self, live: Live, action: Callable[[Live], None]) -> None:
        """One run that cannot be handled never stops the others."""
        if time.monotonic() < live.not_before:
            return
        try:
            action(live)
        except Exception:  # the boundary around one run
            live.not_before = time.monotonic() + RETRY
            say(f"{live.run_id}: {traceback.format_exc()}")

    def scan(self) -> None:
        """Read the settings, find the queue, and adopt what runs without us."""
        self.settings = office.settings()
        queue = []
        for run_id in store.runs.ids():
            state = watch.state_of(run_id)
            if state.name in FINAL or run_id in self.live:
                continue
            try:
                adopted = self.adopted(run_id, state)
            except (OSError, ValueError):  # one damaged folder never hides the others
                say(f"{run_id}: {traceback.format_exc()}")
                continue
            if adopted:
                self.live[run_id] = adopted
                say(f"{run_id} attempt {adopted.attempt}: adopted, pid {adopted.pid}")
            else:
                queue.append(run_id)
        self.queue = sorted(queue, key=self.place_in_queue)
        self.outdated = bool(queue) and processes.code_stamp() != self.code  # waiting runs may be newer than we can read

    def place_in_queue(self, run_id: str) -> tuple[float, str]:
        try:
            return watch.run_of(run_id).created, run_id
        except LabError:
            return 0.0, run_id  # damaged: comes first and is refused at once

    def adopted(self, run_id: str, state: State) -> Live | None:
        """A run that is said to be running, or whose worker has claimed its next attempt and not yet said so."""
        attempt = state.attempt if state.name == "running" else next(reversed(store.runs.attempts(run_id)), 0)
        if state.name == "queued" and attempt <= state.attempt:
            return None
        claim = store.runs.claimed(run_id, attempt) or {}
        return Live(run_id, attempt, claim.get("slot", state.slot), pid=claim.get("pid", state.pid),
                    created=claim.get("created", state.pid_created))

    def give(self) -> None:
        """Give queued runs to free slots, oldest first."""
        if not self.queue or not self.parent.running:
            return
        pool = hardware.slots(self.settings.slots, self.devices)
        taken = {slot for live in self.live.values() for slot in hardware.parts(live.slot)}
        free = [slot for slot in pool if slot not in taken]
        for run_id in list(self.queue):
            wanted = min(self.devices_of(run_id), len(pool))
            if len(free) < wanted:
                return  # those behind it wait too, or a run of several devices would never have them all
            if time.monotonic() >= self.waiting_until.get(run_id, 0.0) and self.take(run_id, hardware.joined(free[:wanted]), pool):
                free = free[wanted:]

    def devices_of(self, run_id: str) -> int:
        """How many devices the run's stages share; 1 where it cannot be read, which taking it will say."""
        try:
            return watch.run_of(run_id).devices
        except LabError:
            return 1

    def take(self, run_id: str, slot: str, pool: list[str]) -> bool:
        """Start one run on a slot; False where it does not (or no longer) want one."""
        state = watch.state_of(run_id)
        if state.name != "queued":
            self.queue.remove(run_id)
            return False
        try:
            run = watch.run_of(run_id)
            if self.still_ending(run_id):
                return False
            if slot.startswith("cuda"):
                answerer.give_back()
            attempt = max([state.attempt, *store.runs.attempts(run_id)]) + 1
            if not self.parent.request(run_id, attempt, slot, hardware.slot_environment(slot, pool) | keys.of_run(run)):
                return False
        except LabError as error:
            self.refuse(run_id, error.failure)
            return False
        except OSError:
            self.waiting_until[run_id] = time.monotonic() + RETRY
            say(f"{run_id}: {traceback.format_exc()}")
            return False
        self.queue.remove(run_id)
        self.live[run_id] = Live(run_id, attempt, slot)
        say(f"{run_id} attempt {attempt}: given to {slot}")
        return True

    def still_ending(self, run_id: str) -> bool:
        """A resumed run waits until its previous worker is gone."""
        for attempt in store.runs.attempts(run_id)[-1:]:
            claim = store.runs.claimed(run_id, attempt)
            return processes.alive(claim["pid"], claim["created"])
        return False

    def refuse(self, run_id: str, failure: Failure) -> None:
        if run_id in self.queue:
            self.queue.remove(run_id)
        store.runs.move(run_id, "failed", failure=failure, ended=time.time())
        say(f"{run_id}: refused: {failure.sentence()}")

    def hear(self, message: dict[str, Any]) -> None:
        """What the warm parent said. What counts is on disk; its words only say when to look, and what never began."""
        say(f"warm parent: {message}")
        if message.get("died"):
            for live in self.live.values():
                if live.pid is None:
                    live.orphan()
            return
        run_id = message.get("refused") or message.get("ended")
        live = self.live.get(run_id)
        if live is None or live.attempt != message["attempt"] or message.get("claimed"):
            return
        if not store.runs.claimed(run_id, live.attempt):
            self.guarded(live, lambda live: self.never_began(live, message))

    def never_began(self, live: Live, message: dict[str, Any]) -> None:
        """A worker that could not be forked, or ended before it had claimed its attempt."""
        self.drop(live)
        if store.runs.state(live.run_id).name != "queued":
            return
        self.refusals[live.run_id] = self.refusals.get(live.run_id, 0) + 1
        self.waiting_until[live.run_id] = time.monotonic() + RETRY
        if self.refusals[live.run_id] < REFUSALS:
            return
        del self.refusals[live.run_id]
        where = f"Starting the worker, {REFUSALS} times"
        error = (MemoryError_(f"The system would not start a process ({message['reason']})", where, "Free some memory, then resume the run")
                 if "refused" in message else
                 DiskError("The worker could not write into its run's folder", where,
                           "Check the disk's free space and the folder's rights (supervisor/log.txt has the trace), then resume the run"))
        self.refuse(live.run_id, error.failure)


def main() -> int:
    """Hold the lock for life and supervise. 0 also where another supervisor has the workspace."""
    lock = office.lock()
    try:
        lock.acquire(timeout=TAKEOVER)
    except Timeout:
        say("another supervisor has this workspace")
        return 0
    with lock:
        if office.who():
            time.sleep(SETTLE)
        office.sign_in()
        say(f"supervisor {os.getpid()} of {store.home()}")
        outdated = Supervisor().run()
        office.sign_out()
    if outdated:
        say("the program was updated: starting again from its new files; workers go on")
        os.execv(sys.executable, [sys.executable, "-m", "lab.jobs.supervisor"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
