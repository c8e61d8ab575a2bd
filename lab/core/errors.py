"""One vocabulary of failures. Each says what happened, where, and what to do; a boundary records it, nobody else.

Domain code may raise these or plain exceptions; `failure_of` classifies at the edge of a process.
"""

from __future__ import annotations

import errno

from lab.core.base import Value


class Failure(Value):
    """A failure as it is stored and shown. `kind` is the boundary where it happened."""

    kind: str
    what: str
    where: str = ""
    do: str = ""

    def sentence(self) -> str:
        return " ".join(part if part[-1] in "?!" else part.rstrip(".") + "." for part in (self.what, self.where, self.do) if part)


class LabError(Exception):
    """A failure that already knows its words."""

    kind = "lab"

    def __init__(self, what: str, where: str = "", do: str = ""):
        super().__init__(what)
        self.failure = Failure(kind=self.kind, what=what, where=where, do=do)

    def __str__(self) -> str:
        return self.failure.sentence()


class DataError(LabError):
    kind = "data"


class ModelError(LabError):
    kind = "model"


class MemoryError_(LabError):
    kind = "memory"


class DiskError(LabError):
    kind = "disk"


class TrainingError(LabError):
    kind = "training"


class ScoringError(LabError):
    kind = "scoring"


class AccessError(LabError):
    kind = "access"


class Stopped(Exception):
    """The user asked to stop: not a failure."""


FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def failure_of(error: BaseException, where: str = "") -> Failure:
    """Classify any exception. `where` names the step that was running."""
    if isinstance(error, LabError):
        failure = error.failure
        return failure if failure.where else failure.model_copy(update={"where": where})
    text = f"{type(error).__name__}: {error}".strip().rstrip(":")
    if isinstance(error, OSError) and error.errno in FULL_DISK or "inline_container" in text:
        return Failure(kind="disk", what="The disk is full", where=where,
                       do="Free some space (old runs and artifacts in the workspace) and start the run again: it resumes")
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return Failure(kind="memory", what=f"Memory ran out ({text})", where=where,
                       do="Use a smaller batch size or a shorter maximum length, or a smaller base model")
    return Failure(kind="lab", what=text, where=where, do="The run's log has the full trace")
