"""Run, its state machine, and the events it emits."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from lab.core.base import Value
from lab.core.errors import Failure
from lab.core.pretraining import Pretraining
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
    """One attempt to make a System real and to score it, or to pretrain a base (then it has no System). Written once."""

    id: str
    experiment: str = Field("", description="empty for a pretraining")
    system: System | None = None
    system_key: str = ""
    task: str = ""
    suites: tuple[str, ...] = ()
    pretraining: Pretraining | None = None
    seed: int = 0
    checkpoints: bool = Field(False, description="whether the states on the way through each training stage are scored too")
    created: float = Field(description="seconds since the epoch")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Run":
        if (self.system is None) == (self.pretraining is None):
            raise ValueError("a Run makes either a System or a base")
        return self

    @property
    def devices(self) -> int:
        """Devices that it holds at a time: the most that one of its stages asks for."""
        return max((stage.devices for stage in self.system.training), default=1) if self.system else 1

    @property
    def title(self) -> str:
        """For people: the System's name, or what is pretrained."""
        return self.system.name if self.system else f"Pretraining {self.pretraining.title}"


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
    stage: str = Field("", description="load, index, sft, dpo, pretrain, evaluate ...")
    step: int | None = None
    total: int | None = None
    values: dict[str, Any] = {}
    message: str = ""
