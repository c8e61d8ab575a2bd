"""What every answerer has in common: a question on its way, and which runs of its base can be asked. Knows no model."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable

from lab import store
from lab.core import Base, DataError, LabError, Run
from lab.methods.asked import Asked

MOST_TOKENS = 2_048
BARE_TOKENS = 256  # longest answer of the bare base, which belongs to no task, where the request names none


@dataclass
class Question:
    """One request on its way. `tell` is called with every new piece of text and at last with None. `counted`: tokens as an endpoint counts
    them, in place of `ids`."""

    model: str
    prompt: str
    history: list[dict[str, str]]
    max_tokens: int | None
    tell: Callable[[str | None], None]
    asked: Asked | None = None
    ids: list[int] = field(default_factory=list)
    counted: dict[str, Any] | None = None
    shown: str = ""
    ended: bool = False
    cancelled: bool = False
    failure: str = ""
    started: float = field(default_factory=time.perf_counter)
    first: float | None = None
    seconds: float = 0.0

    @property
    def usage(self) -> dict[str, Any] | None:
        """Tokens in the protocol's words; None where nobody counted them."""
        if self.counted is not None or not self.asked or not self.asked.ids:
            return self.counted
        sent, written = len(self.asked.ids), len(self.ids)
        return {"prompt_tokens": sent, "completion_tokens": written, "total_tokens": sent + written}

    def fail(self, error: Exception) -> None:
        """The boundary of one request: it fails alone."""
        self.failure = str(error) or type(error).__name__
        self.tell(None)


def listed(base: Base) -> list[dict[str, Any]]:
    """Model names with what they stand for: the bare base, and every finished (or stopped-and-kept) run on this base, newest first."""
    found = [{"id": "base", "system": "base", "task": "", "experiment": ""}]
    for run_id in reversed(store.runs.ids()):
        try:
            run = store.runs.load(run_id)
        except LabError:
            continue  # a damaged run is shown by the runs page; it cannot be asked
        if serves(base, run):
            found.append({"id": run.id, "system": run.system.name, "task": run.task, "experiment": run.experiment})
    return found


def serves(base: Base, run: Run) -> bool:
    """Whether the run made a System of this base that can answer."""
    state = store.runs.state(run.id)
    return (bool(run.system) and run.system.base.fingerprint == base.fingerprint
            and (state.name == "finished" or bool(state.name == "stopped" and state.kept)))


def known_run(run_id: str) -> Run:
    """Raises DataError for a name that no run has."""
    if run_id not in store.runs.ids():
        raise DataError("No model of this name is served here", run_id[:80], "GET /v1/models lists the names")
    return store.runs.load(run_id)
