"""Evaluations: items.jsonl and summary.json under <system>--<suite fingerprint>, the manifest last."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pydantic import TypeAdapter

from lab.core import Evaluation, Score
from lab.store import files
from lab.store.places import place

_SCORES = TypeAdapter(tuple[Score, ...])  # all lines at once: several times faster than one by one, and a board reads tens of thousands


def _place(system_key: str, fingerprint: str) -> Path:
    return place("evaluations", f"{system_key}--{fingerprint}")


def save(evaluation: Evaluation) -> None:
    target = _place(evaluation.system_key, evaluation.suite_fingerprint)
    if files.is_complete(target):
        return  # equal keys name equal content: what stands is kept
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".draft-"))
    files.write_lines(draft / "items.jsonl", [score.model_dump(mode="json") for score in evaluation.scores])
    files.write_json(draft / "summary.json", evaluation.model_dump(mode="json", exclude={"scores"}))
    files.write_manifest(draft)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def find(system_key: str, fingerprint: str) -> Evaluation | None:
    """A complete Evaluation, or None."""
    target = _place(system_key, fingerprint)
    if not (target / "manifest.json").is_file():
        return None
    lines = (target / "items.jsonl").read_bytes().splitlines()  # complete, as the manifest says: no torn last line
    return Evaluation(**files.read_json(target / "summary.json"), scores=_SCORES.validate_json(b"[" + b",".join(lines) + b"]"))


def stamp(system_key: str, fingerprint: str) -> float | None:
    """When it was completed, as a cache key; None where it is not there."""
    manifest = _place(system_key, fingerprint) / "manifest.json"
    return manifest.stat().st_mtime if manifest.is_file() else None
