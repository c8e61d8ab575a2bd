"""What a large import was asked for, and how far it is. Knows the import's folder and nothing of what is read."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from lab.core import Value
from lab.corpus.limits import LARGE, Limits
from lab.corpus.mapping import Mapping

_EVERY = 0.4  # seconds between two lines of progress
Kind = Literal["examples", "preferences", "documents"]


class Plan(Value):
    """What was decided on the first rows. `rows`: at most so many, drawn with the seed (0: all). `test` and `validation` in rows."""

    kind: Kind = Field("examples", description="what the file becomes")
    path: str = Field(description="of the file, or of a folder of documents")
    name: str = Field(description="what people call it")
    suffix: str = ""
    columns: tuple[str, ...] = ()
    mapping: Mapping = Mapping()
    rows: int = 0
    test: int = 1_000
    validation: int = 1_000
    seed: int = 0
    mends: tuple[str, ...] = ()
    task: str = Field("", description="preferences and documents: id of the Task whose examples they are brought beside")
    asked: str = Field("", description="the examples of that Task, a JSON Lines file: nothing may be learned that its test asks")
    base: str = Field("", description="folder of the base whose tokens are counted; empty: none are")
    context: int = Field(0, description="tokens that this base reads")
    answer: int = Field(0, description="tokens kept for an answer")
    memory_bytes: int = LARGE.memory_bytes
    cpu_seconds: int = LARGE.cpu_seconds

    def limits(self) -> Limits:
        return LARGE._replace(memory_bytes=self.memory_bytes, cpu_seconds=self.cpu_seconds)


class Progress:
    """Writes how far the import is, at most a few times a second, whole each time."""

    def __init__(self, folder: Path):
        self._path, self._next, self._began = folder / "progress.json", 0.0, time.monotonic()
        self.now: dict[str, Any] = {}

    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def say(self, at_once: bool = False, **now: Any) -> None:
        self.now |= now
        if not at_once and time.monotonic() < self._next:
            return
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({**self.now, "seconds": self.seconds(), "peak_bytes": peak_bytes()}), "utf-8")
        os.replace(draft, self._path)
        self._next = time.monotonic() + _EVERY


def peak_bytes() -> int:
    """The most memory that this program ever held; 0 where the system does not say. (The system's own counter for children, ru_maxrss, begins
    with what the process that started them held.)"""
    try:
        lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith("VmHWM:")), 0)
