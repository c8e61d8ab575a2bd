"""Outcome: what one run of an Experiment has to show."""

from __future__ import annotations

from lab.core.base import Value
from lab.core.evaluations import Evaluation
from lab.core.runs import Run


class Outcome(Value):
    """One System on one Task with one seed; `evaluations` by suite name, the task's own first."""

    system: str
    task: str
    seed: int
    run: Run
    status: str
    reason: str = ""
    evaluations: dict[str, Evaluation] = {}
