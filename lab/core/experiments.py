"""Experiment: one question, and the Systems that are to answer it."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, model_validator

from lab.core.base import Value, content_key
from lab.core.systems import System
from lab.core.tasks import ScorerKind, Task


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
    checkpoints: bool = Field(False, description="Score the checkpoints after 5, 20 and 50 % of every training stage too: they show when "
                              "something was learned and when something was forgotten.")
    primary: dict[str, ScorerKind] = Field({}, description="Task -> the metric that decides on it, declared before anything runs. A task "
                                           "that is not named: its first scorer.")
    data: dict[str, dict[str, str]] = Field({}, description="Task -> fingerprints of its rows and scoring at the launch, so that a change is seen.")
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

    def pinned(self, tasks: Iterable[Task]) -> "Experiment":
        """The same with the fingerprints of its tasks' rows and of how they are scored."""
        return self.model_copy(update={"data": {task.id: _prints(task) for task in tasks}})

    def changed(self, task: Task) -> tuple[str, ...]:
        """What about a task is otherwise than at the launch; empty where all is the same or nothing was noted."""
        noted, found = self.data.get(task.id, {}), _prints(task)
        return tuple(name for name in noted if noted[name] != found.get(name))


def _prints(task: Task) -> dict[str, str]:
    return {**task.fingerprints, "scoring": content_key([scorer.model_dump(mode="json") for scorer in task.scorers], task.max_new_tokens)}
