"""Trying again: with growing waits, or as long as the other side asked for (Retry-After), and never past a stop."""

from __future__ import annotations

import email.utils
import random
import time
from typing import Callable, TypeVar

from lab.core import LabError, Stopped

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds
LOOK = 0.2  # seconds between two looks for a stop
Found = TypeVar("Found")


class Again(Exception):
    """Another try may help. `error`: what to raise where it does not; `seconds`: how long the other side asked to wait."""

    def __init__(self, error: LabError, seconds: float | None = None):
        super().__init__(str(error))
        self.error, self.seconds = error, seconds


def patiently(once: Callable[[], Found], tries: int, should_stop: Callable[[], bool]) -> Found:
    """What `once` returns, tried up to `tries` times where it raises Again. Raises Again's error, and Stopped while waiting."""
    for number in range(1, tries + 1):
        try:
            return once()
        except Again as again:
            if number == tries:
                raise again.error from again
            # Callers that were turned away together must not come back together.
            _wait(again.seconds if again.seconds is not None else FIRST_WAIT * 2 ** (number - 1) * random.uniform(1, 1.5), should_stop)
    raise ValueError("tries must be at least 1")


def _wait(seconds: float, should_stop: Callable[[], bool]) -> None:
    until = time.monotonic() + min(LONGEST_WAIT, seconds)
    while (left := until - time.monotonic()) > 0:
        if should_stop():
            raise Stopped
        time.sleep(min(LOOK, left))


def asked_wait(said: str) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date; None where it says neither."""
    said = said.strip()
    if said.replace(".", "", 1).isdecimal():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time()) if said else None
    except (ValueError, TypeError):
        return None
