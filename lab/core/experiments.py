"""Experiment: one question, and the Systems that are to answer it."""

from __future__ import annotations

from pydantic import Field, model_validator

from lab.core.base import Value
from lab.core.systems import System


class Experiment(Value):
    """Tasks, the Systems to compare on each of them, the retention suites, the seeds.

    Each System is made real once per task and seed: its parts learn from that task's data.
    """

    id: str
    name: str
    question: str = ""
    tasks: tuple[str, ...] = Field(min_length=1)
    systems: tuple[System, ...] = Field(min_length=1)
    suites: tuple[str, ...] = ()
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    created: float = 0.0

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Experiment":
        names = [system.name for system in self.systems]
        if len(set(names)) < len(names):
            raise ValueError("two Systems of one Experiment have the same name: give each its own")
        return self

    def bases(self) -> list[System]:
        """The bare base of every System, each once: the reference nobody has to ask for."""
        found: dict[tuple[str, str, str], System] = {}
        for system in self.systems:
            found.setdefault((system.base.fingerprint, system.template, system.quantisation),
                             System(name="base", base=system.base, template=system.template, quantisation=system.quantisation))
        return list(found.values())
