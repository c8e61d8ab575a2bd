"""Run, its state machine, and the events it emits."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lab.core.base import Value
from lab.core.errors import Failure
from lab.core.systems import System

StateName = Literal["queued", "running", "finished", "failed", "stopped"]
FINAL: tuple[StateName, ...] = ("finished", "failed", "stopped")
ALLOWED: dict[str, tuple[str, ...]] = {
    "queued": ("running", "stopped", "failed"),
    "running": ("finished", "failed", "stopped", "queued"),  # back to queued: the worker died and the run is resumed
    "failed": ("queued",),
    "stopped": ("queued",),
    "finished": (),
}


class Run(Value):
    """One attempt to make a System real and to score it. Written once."""

    id: str
    experiment: str
    system: System
    system_key: str
    task: str
    suites: tuple[str, ...] = ()
    seed: int = 0
    created: float = Field(description="seconds since the epoch")


class State(Value):
    """Where a Run stands. 'lost' is never written: it is derived from a running state without a living process."""

    name: StateName
    attempt: int = 0
    pid: int | None = None
    pid_created: float | None = Field(None, description="the process's start time: a pid alone may be someone else's by now")
    slot: str = ""
    at: float = 0.0
    started: float | None = None
    ended: float | None = None
    failure: Failure | None = None
    kept: int = Field(0, description="the attempt that was stopped early, whose training was kept and scored; 0: none")


class Event(Value):
    """One line a run emits."""

    at: float
    attempt: int
    kind: Literal["progress", "metric", "note"]
    stage: str = Field("", description="load, index, sft, dpo, evaluate ...")
    step: int | None = None
    total: int | None = None
    values: dict[str, Any] = {}
    message: str = ""
