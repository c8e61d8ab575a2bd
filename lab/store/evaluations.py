"""Evaluations: items.jsonl and summary.json under <system>--<suite fingerprint>, the manifest last. columns.npz beside them holds the
numbers as arrays (columns.py); no manifest names it, for it can be made again from the answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from lab.core import Columns, Evaluation, Numbers, Score
from lab.store import columns, files
from lab.store.places import home, place

_SCORES = TypeAdapter(tuple[Score, ...])  # all lines at once: several times faster than one by one


def folder(system_key: str, fingerprint: str) -> Path:
    """Where an Evaluation is, or will be."""
    return place("evaluations", f"{system_key}--{fingerprint}")


def save(evaluation: Evaluation) -> None:
    target = folder(evaluation.system_key, evaluation.suite_fingerprint)
    if files.is_complete(target):
        return  # equal keys name equal content: what stands is kept
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".draft-"))
    files.write_lines(draft / "items.jsonl", [score.model_dump(mode="json") for score in evaluation.scores])
    files.write_json(draft / "summary.json", evaluation.model_dump(mode="json", exclude={"scores"}))
    files.write_manifest(draft)
    columns.write(draft, evaluation.columns, files.sha256(draft / "items.jsonl"))
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def find(system_key: str, fingerprint: str) -> Evaluation | None:
    """A complete Evaluation with every answer, or None."""
    target = folder(system_key, fingerprint)
    if not (target / "manifest.json").is_file():
        return None
    return Evaluation(**_summary(target), scores=_scores((target / "items.jsonl").read_bytes()))


def numbers(system_key: str, fingerprint: str) -> Numbers | None:
    """A complete Evaluation without its texts, or None."""
    target = folder(system_key, fingerprint)
    manifest = target / "manifest.json"
    if not manifest.is_file():
        return None
    items = files.read_json(manifest)["files"]["items.jsonl"]["sha256"]
    return Numbers(**_summary(target), table=columns.derived(target, items, lambda: _made(target / "items.jsonl")))


def holds(system_key: str, fingerprint: str, letters: str) -> bool:
    """Whether the answers, their reasons or prompts hold these letters somewhere: much quicker than reading what they say."""
    path = folder(system_key, fingerprint) / "items.jsonl"
    return path.is_file() and letters.encode() in path.read_bytes()


def stamp(system_key: str, fingerprint: str) -> float | None:
    """When it was completed, as a cache key; None where it is not there."""
    try:
        return os.stat(_manifest(str(home()), system_key, fingerprint)).st_mtime
    except FileNotFoundError:
        return None


@lru_cache(maxsize=4_096)  # a page asks for hundreds of stamps, several times
def _manifest(home: str, system_key: str, fingerprint: str) -> str:
    return str(folder(system_key, fingerprint) / "manifest.json")


def _summary(target: Path) -> dict[str, Any]:
    return files.read_json(target / "summary.json")


def _scores(lines: bytes) -> tuple[Score, ...]:
    """Every line: the file is complete, as the manifest says, and has no torn last one."""
    return _SCORES.validate_json(b"[" + b",".join(lines.splitlines()) + b"]")


def _made(path: Path) -> tuple[Columns, str]:
    data = path.read_bytes()
    return Columns.of(_scores(data)), hashlib.sha256(data).hexdigest()
