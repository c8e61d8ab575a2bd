"""Starts the child that reads strange files, and turns every way it can end into a result or a DataError."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.core import DataError
from lab.corpus.limits import Limits

_ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


def guarded(kind: str, path: Path, name: str, limits: Limits) -> dict[str, Any]:
    """What the child found in the file. `name` is the label people know it by; its ending says how to read it."""
    _admit(path, name, limits)
    with tempfile.TemporaryDirectory(prefix="lab-read-") as folder:
        result, log = Path(folder) / "result.json", Path(folder) / "log.txt"
        command = [sys.executable, "-m", "lab.corpus.child", kind, str(path.resolve()), ending_of(name), str(result),
                   json.dumps(limits._asdict())]
        with log.open("wb") as output:
            code = _run(command, folder, output, limits, name)
        answer = _result(result, code)
        if answer is None:
            raise DataError(_death(code, limits), name, f"Cut it into smaller files or save it in a simpler form{_last_words(log)}")
    if "refused" in answer and isinstance(answer["refused"], list):
        what, where, do = answer["refused"]
        raise DataError(what, f"{name}, {where}" if where else name, do)
    return answer


def guarded_documents(files: Sequence[tuple[str, Path]], limits: Limits) -> list[dict[str, Any]]:
    """What one child found in several documents of (name, path), in their order: as `guarded` returns it, or with the key "refused". Fewer than
    there are files where the child ended on one of them."""
    with tempfile.TemporaryDirectory(prefix="lab-read-") as folder:
        wanted, result = Path(folder) / "wanted.json", Path(folder) / "result.jsonl"
        wanted.write_text(json.dumps([(str(path.resolve()), ending_of(name)) for name, path in files]), "utf-8")
        command = [sys.executable, "-m", "lab.corpus.child", "documents", str(wanted), "", str(result), json.dumps(limits._asdict())]
        try:
            _run(command, folder, subprocess.DEVNULL, limits, files[0][0])
        except DataError:  # one of them took too long
            pass
        lines = result.read_bytes().split(b"\n")[:-1] if result.is_file() else []
    return [json.loads(line) for line in lines]


def admits(path: Path, limits: Limits) -> bool:
    """Whether a child would be started for this file."""
    return path.is_file() and path.stat().st_size <= limits.file_bytes


def ending_of(name: str) -> str:
    """The ending that says how to read a file; ".csv.gz" is one ending."""
    endings = [ending.lower() for ending in Path(name).suffixes]
    return "".join(endings[-2:] if endings[-1:] == [".gz"] else endings[-1:])


def _admit(path: Path, name: str, limits: Limits) -> None:
    if not path.is_file():
        raise DataError("There is no such file", name, "Choose a file that exists")
    if path.stat().st_size > limits.file_bytes:
        raise DataError(f"The file has {path.stat().st_size / 1e6:,.0f} MB; {limits.file_bytes / 1e6:,.0f} MB are the most", name,
                        "Cut it into smaller files, or take a sample")


def _run(command: list[str], folder: str, output: Any, limits: Limits, name: str) -> int:
    """The child's exit code. It gets no secrets: only the variables that Python needs to start."""
    environment = {key: value for key, value in os.environ.items() if key in KEPT}
    environment |= {"PYTHONPATH": str(_ROOT), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                              timeout=limits.wall_seconds, start_new_session=True, check=False).returncode
    except subprocess.TimeoutExpired as error:
        raise DataError(f"Reading the file took longer than {limits.wall_seconds} seconds", name,
                        "Cut it into smaller files or save it in a simpler form") from error


def _result(path: Path, code: int) -> dict[str, Any] | None:
    if code != 0 or not path.is_file():
        return None
    return json.loads(path.read_bytes())


def _death(code: int, limits: Limits) -> str:
    if code == -getattr(signal, "SIGXCPU", 0):
        return f"Reading the file took more than {limits.cpu_seconds} seconds of processor time"
    if code == -getattr(signal, "SIGKILL", 0):
        return f"The reader of this file was killed, most likely for memory ({limits.memory_bytes >> 20:,} MiB are allowed)"
    if code < 0:
        return f"The reader of this file crashed (signal {-code})"
    return f"The reader of this file gave up (exit code {code})"


def _last_words(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()[-1:]
    return f" ({lines[0][:200]})" if lines else ""
