"""Outcome: what one run of an Experiment has to show."""

from __future__ import annotations

from lab.core.base import Value
from lab.core.evaluations import Measured
from lab.core.runs import Run


class Place(Value):
    """Where on the way through a System's training: after `step` of `steps` of its `stage` (counted from 1); the last step is the stage's end."""

    stage: int
    kind: str
    step: int
    steps: int

    @property
    def title(self) -> str:
        """'SFT step 24 of 96'."""
        return f"{self.kind.upper()} step {self.step} of {self.steps}"


class Outcome(Value):
    """One System on one Task with one seed; `evaluations` by suite name, the task's own first. A checkpoint's outcome has a `place` and
    a name of its own, and `of` is the System whose training it belongs to."""

    system: str
    task: str
    seed: int
    run: Run
    status: str
    reason: str = ""
    evaluations: dict[str, Measured] = {}
    place: Place | None = None
    of: str = ""
