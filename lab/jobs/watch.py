"""Where runs stand, cheaply: state files are read again only when they changed, events only from where the last reading ended.

Reads only. Used by the pages (views) and by the supervisor (states).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from lab import store
from lab.core import Failure, LabError, Run, State, Value
from lab.jobs import office, processes

TRAINING_WEIGHT = 2  # measured on the shipped tour: a training takes about twice as long as answering eight suites
STAGES = {"load": "Loading the model", "index": "Building the search index", "sft": "Fine-tuning (SFT)",
          "dpo": "Aligning (DPO)", "pretrain": "Pretraining", "evaluate": "Answering"}
CHECKPOINTS = 3  # scored on the way through a stage; that a stage's end may be one more hardly moves a progress bar
LAST_PROBES = 0.02  # share of a pretraining that its last probes take: some 20 of 950 seconds on XS


class RunView(Value):
    """A run as it is shown. `status` is the state's name, or "lost": said to be running, but its process is gone and nobody is
    there to see to it. `progress` is a share of the whole run."""

    run: Run
    state: State
    status: str
    progress: float | None = None
    doing: str = ""
    seconds: float | None = None


@dataclass
class Follower:
    """How far one run's events were read, and what they said."""

    offset: int = 0
    attempt: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    suites: list[tuple[str, str]] = field(default_factory=list)  # of which checkpoint ("" for the run's own), which suite

    def take(self, event: dict[str, Any]) -> None:
        if event.get("attempt", 0) > self.attempt:
            self.attempt, self.last, self.stages, self.suites = event["attempt"], {}, [], []
        stage = event.get("stage")
        if not stage or event.get("kind") == "note":
            return
        values = event.get("values") or {}
        suite = values.get("suite") and (values.get("place", ""), values["suite"])
        if not self.stages or self.stages[-1] != stage:
            self.stages.append(stage)
        if suite and suite not in self.suites:
            self.suites.append(suite)
        if event.get("kind") == "progress" or event.get("total") or self.last.get("stage") != stage:
            self.last = event


_guard = threading.Lock()
_runs: dict[str, Run] = {}
_states: dict[str, tuple[Any, State]] = {}
_followers: dict[str, Follower] = {}
_titles: dict[tuple[str, str, int], str] = {}


def _name(run_id: str) -> str:
    return str(store.runs.folder(run_id))  # workspaces may hold equal ids


def run_of(run_id: str) -> Run:
    """A run's description, which never changes. Raises DataError where it is damaged."""
    name = _name(run_id)
    if name not in _runs:
        _runs[name] = store.runs.load(run_id)
    return _runs[name]


def state_of(run_id: str) -> State:
    """A run's state, read again only when its file has changed."""
    name, stamp = _name(run_id), store.runs.stamp(run_id)
    known = _states.get(name)
    if stamp is None or known is None or known[0] != stamp:
        known = _states[name] = (stamp, store.runs.state(run_id))
    return known[1]


def follow(run_id: str) -> Follower:
    """What the run's events say up to now."""
    with _guard:
        follower = _followers.setdefault(_name(run_id), Follower())
        events, follower.offset = store.runs.events(run_id, follower.offset)
        for event in events:
            follower.take(event)
        return follower


def alive(run_id: str, state: State) -> bool:
    """Whether the process that the state names lives. The claim says it free of changes of the clock."""
    claim = store.runs.claimed(run_id, state.attempt)
    if claim and claim["pid"] == state.pid:
        return processes.alive(claim["pid"], claim["created"])
    return processes.alive(state.pid, state.pid_created)


def views(experiment_id: str | None = None) -> list[RunView]:
    """Every run (of an experiment), in the order in which they were queued. Damaged ones are left to `unreadable`."""
    supervised = office.supervisor_alive()
    found = []
    for run_id in store.runs.ids():
        try:
            run = run_of(run_id)
        except LabError:
            continue
        if experiment_id in (None, run.experiment):
            found.append(_view(run, state_of(run_id), supervised))
    return sorted(found, key=lambda view: (view.run.created, view.run.id))


def unreadable() -> list[Failure]:
    """Runs whose description is damaged: they cannot be shown as rows."""
    found = []
    for run_id in store.runs.ids():
        try:
            run_of(run_id)
        except LabError as error:
            found.append(error.failure)
    return found


def _view(run: Run, state: State, supervised: bool) -> RunView:
    if state.name != "running":
        return RunView(run=run, state=state, status=state.name, progress=1.0 if state.name == "finished" else None,
                       doing="Waiting for a free slot" if state.name == "queued" else "Stopped early and kept" if state.kept else "",
                       seconds=state.ended - state.started if state.ended and state.started else None)
    lost = not supervised and not alive(run.id, state)
    follower = follow(run.id)
    return RunView(run=run, state=state, status="lost" if lost else "running", progress=progress(run, follower),
                   doing="Its process is gone" if lost else doing(run, follower),
                   seconds=None if lost or not state.started else max(0.0, time.time() - state.started))


def progress(run: Run, follower: Follower) -> float | None:
    """Share of the run that is done. A training stage counts twice as much as answering all suites, which count alike; an index
    counts as one suite; checkpoints are answered for like the whole. A pretraining's last probes take a small share of it."""
    if not follower.last:
        return None
    if run.pretraining:
        return _progress_of_pretraining(follower.last)
    suites = 1 + len(run.suites)
    answering = suites * (1 + (CHECKPOINTS * len(run.system.training) if run.checkpoints else 0))
    weights = {"index": 1} if run.system.retrieval else {}
    weights |= {stage.kind: TRAINING_WEIGHT * suites for stage in run.system.training}
    stage, step, total = (follower.last.get(name) for name in ("stage", "step", "total"))
    part = min(1.0, step / total) if step is not None and total else 0.0
    if stage == "index":  # documents are cut, then passages are indexed: two halves
        part = (part + ((follower.last.get("values") or {}).get("part") == "passages")) / 2
    if stage == "evaluate":
        done = sum(weights.values()) + max(0, len(follower.suites) - 1) + part
    else:
        done = sum(weights.get(seen, 0) for seen in follower.stages[:-1]) + part * weights.get(stage, 0)
    return min(1.0, done / (sum(weights.values()) + answering))


def _progress_of_pretraining(last: dict[str, Any]) -> float:
    part = min(1.0, (last.get("step") or 0) / (last.get("total") or 1))
    return 1 - LAST_PROBES + LAST_PROBES * part if last["stage"] == "evaluate" else (1 - LAST_PROBES) * part


def doing(run: Run, follower: Follower) -> str:
    """One sentence on what happens now."""
    asked = store.runs.asked_to_stop(run.id)
    if asked:
        return "Stopping, and keeping what was trained" if asked["keep"] else "Stopping"
    if not follower.last:
        return "Starting"
    stage, step, total = (follower.last.get(name) for name in ("stage", "step", "total"))
    values = follower.last.get("values") or {}
    words = STAGES.get(stage, stage)
    words += f" {suite_title(run, values['suite'])}" if values.get("suite") else f": {values['part']}" if values.get("part") else ""
    words += f" ({values['place']})" if values.get("place") else ""
    return f"{words}, {step} of {total}" if step is not None and total else words


def suite_title(run: Run, suite: str) -> str:
    """The title of a suite that a run answers; its task's name for the task's own test questions. Its id where neither can be read."""
    place = (str(store.home()), suite, store.tasks.stamp(suite) if suite == run.task else 0)
    if place not in _titles:
        try:
            _titles[place] = store.tasks.describe(suite).name if suite == run.task else store.tasks.load_suite(suite).title
        except LabError:
            return suite
    return _titles[place]
