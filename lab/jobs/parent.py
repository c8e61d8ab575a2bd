"""The supervisor's end of the warm parent: start it, hand it requests, hear how its children do. Starts it again when it died."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from typing import Any

from lab.jobs import processes

LONGEST_PAUSE = 60.0  # seconds between two starts of a parent that keeps dying


class WarmParent:
    """One warm parent at a time. `cold`: the imports failed once, so it only starts fresh interpreters, whose logs tell why."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.cold = False
        self.ready = False
        self.pause = 0.5
        self.not_before = 0.0
        self.left_over = b""

    @property
    def running(self) -> bool:
        return self.process is not None

    def ensure(self) -> None:
        """Start it where none runs, more rarely each time it dies before it was ready."""
        if self.running or time.monotonic() < self.not_before:
            return
        self.ready, self.left_over = False, b""
        self.not_before = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
        extra = processes.ONE_THREAD | ({"LAB_SPAWN": "1"} if self.cold else {})
        self.process = subprocess.Popen([sys.executable, "-m", "lab.warm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        cwd=processes.ROOT, env=processes.environment(**extra), start_new_session=True, bufsize=0)

    def request(self, run_id: str, attempt: int, slot: str, environment: dict[str, str]) -> bool:
        """Ask for a worker. False where the parent has just died."""
        line = json.dumps({"run": run_id, "attempt": attempt, "slot": slot, "environment": environment}) + "\n"
        try:
            self.process.stdin.write(line.encode())
        except BrokenPipeError:
            return False
        return True

    def messages(self, seconds: float) -> list[dict[str, Any]]:
        """What it said; waits so long for the first word. `{"died": True}` when it is gone."""
        if not self.running:
            time.sleep(seconds)
            return []
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return []
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            return [self._bury()]
        *lines, self.left_over = (self.left_over + data).split(b"\n")
        said = [json.loads(line) for line in lines]
        if any("ready" in message for message in said):
            self.ready, self.pause = True, 0.5
        return said

    def _bury(self) -> dict[str, Any]:
        code = self.process.wait()
        self.cold = self.cold or not self.ready
        self.close()
        return {"died": True, "code": code, "was_ready": self.ready}

    def close(self) -> None:
        """Let it go: it leaves when its last child has ended."""
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None
