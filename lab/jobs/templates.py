"""Tries a strange model's chat template in a guarded child before this process renders it: a template is code-like input that may never end,
eat the memory or reach for what the sandbox forbids. What ships and what this lab made is not tried."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from lab import store
from lab.core import Base, DataError, ModelError
from lab.corpus.guard import guarded
from lab.corpus.limits import LIMITS

STRANGE = ("folder", "hub")
_PATIENT = LIMITS._replace(cpu_seconds=4, wall_seconds=30, memory_bytes=512 << 20)  # a sound template takes milliseconds, starting Python a second


def demand_usable(base: Base) -> None:
    """Raises ModelError where the base's chat template cannot write a plain conversation under the sandbox's rules."""
    if base.kind in STRANGE and (problem := _problem(store.bases.folder_of(base), base.fingerprint)):
        raise ModelError(f"The chat template cannot be used: {problem}", base.ref, "Choose another base, or put a chat template into its folder that "
                         "writes plain conversations (chat_template.jinja)")


@lru_cache(maxsize=64)
def _problem(folder: Path, fingerprint: str) -> str:
    """Empty where it works. The fingerprint names the content, so one trial serves as long as the process lives."""
    try:
        guarded("template", folder / "config.json", "the chat template", _PATIENT)
    except DataError as error:
        return error.failure.what.replace("Reading the file", "trying it").replace("The reader of this file", "its trial")
    return ""
