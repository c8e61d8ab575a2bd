"""What every step of a run's process shares: the run, its base, and how it speaks: events, failures, stop requests."""

from __future__ import annotations

import sys
import threading
import time

from lab import store
from lab.core import Event, Failure, Run, Stopped, TaskData
from lab.core.fit import Plan


class Job:
    """One attempt at a run. `stage` names the step that is running, for events and failures; a silent job writes no events."""

    def __init__(self, run_id: str, attempt: int, slot: str = "", silent: bool = False):
        self.run: Run = store.runs.load(run_id)
        self.attempt, self.slot, self.silent = attempt, slot, silent
        self.stage = "load"
        self.stop = threading.Event()
        self.kept = False
        self.plan = Plan()

    def load(self, data: TaskData):
        """The base on its device, and the System's asker."""
        from lab.engine.devices import settle
        from lab.engine.load import load_base
        from lab.methods.asking import Asker
        system = self.run.system
        loaded = load_base(store.bases.folder_of(system.base), settle(self.slot), system.template, system.quantisation)
        return loaded, Asker(system, loaded, data.split("train"), self.index(data) if system.retrieval else None)

    def endpoint(self, data: TaskData):
        """The asker of a System whose base is behind an endpoint. No model is loaded."""
        from lab.methods.endpoint import EndpointAsker
        from lab.remote import Client
        system = self.run.system
        self.note("load", f"Asking {system.base.ref} at {system.base.address}")
        client = Client(system.base.address, system.base.ref, self.should_stop)
        return EndpointAsker(system, client, data.split("train"), self.index(data) if system.retrieval else None)

    def index(self, data: TaskData):
        from lab.searcher import index_of
        told: dict[str, Throttle] = {}

        def report(part: str, done: int, total: int) -> None:
            if self.should_stop():
                raise Stopped
            tell = told.setdefault(part, Throttle(lambda done, total: self.emit("progress", "index", step=done, total=total, values={"part": part})))
            tell(done, total)

        return index_of(self.run.system.retrieval, data, report)

    def emit(self, kind: str, stage: str, **fields) -> None:
        """Append an event. A full disk must not end a training run for the sake of a point on a curve: it is printed."""
        self.stage = stage
        if self.silent:
            return
        try:
            store.runs.emit(self.run.id, Event(at=time.time(), attempt=self.attempt, kind=kind, stage=stage, **fields))
        except OSError as error:
            print(f"An event could not be written: {error}", file=sys.stderr)

    def note(self, stage: str, message: str) -> None:
        self.emit("note", stage, message=message)

    def fail(self, failure: Failure) -> None:
        store.runs.move(self.run.id, "failed", ended=time.time(), failure=failure)

    def should_stop(self) -> bool:
        return self.stop.is_set() or store.runs.asked_to_stop(self.run.id) is not None


class Throttle:
    """Passes progress on at most twice a second, and always the last."""

    def __init__(self, tell):
        self.tell, self.last = tell, 0.0

    def __call__(self, done: int, total: int) -> None:
        if done >= total or time.monotonic() - self.last > 0.5:
            self.last = time.monotonic()
            self.tell(done, total)
