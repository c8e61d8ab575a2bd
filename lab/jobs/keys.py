"""Secrets of the environment: which variables hold one, and which child is given which. A child gets what it needs and no other.

Values are never written: a process inherits them when it starts, or the warm parent's pipe carries them to one worker.
"""

from __future__ import annotations

import os
import re

from lab import store
from lab.core import LabError, Run

SECRET = re.compile(r"(?i)(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS)(_ID)?$")  # how the names of such variables end
HUB = ("HF_TOKEN",)  # downloads
ENDPOINTS = ("LAB_ENDPOINT_KEY", "LAB_JUDGE_KEY", "OPENAI_API_KEY")  # whatever asks models behind endpoints


def cleared(kept: tuple[str, ...] = ()) -> dict[str, str]:
    """This process's environment without secrets, but for those that are named."""
    return {name: value for name, value in os.environ.items() if name in kept or not SECRET.search(name)}


def of_run(run: Run) -> dict[str, str]:
    """What a run's worker needs: the endpoints' keys where its base or a judge of its task is behind one, else nothing."""
    return {name: os.environ[name] for name in ENDPOINTS if name in os.environ} if _asks_elsewhere(run) else {}


def _asks_elsewhere(run: Run) -> bool:
    if run.system is None:
        return False
    if not store.bases.has_files(run.system.base):
        return True
    try:
        return any(scorer.judge for scorer in store.tasks.describe(run.task).scorers)
    except LabError:  # the worker will say that the task cannot be read
        return False
