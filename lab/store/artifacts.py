"""Artifacts: adapters and indexes, named by the key of the part that made them. No manifest, no artifact."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from filelock import FileLock, Timeout

from lab.store import files
from lab.store.places import place


def find(key: str) -> Path | None:
    """The artifact's folder where it is complete."""
    target = place("artifacts", key)
    return target if files.is_complete(target) else None


def about(key: str) -> dict[str, Any]:
    """What the maker wrote beside the files (kind, settings, seconds ...)."""
    path = place("artifacts", key) / "manifest.json"
    return files.read_json(path) if path.exists() else {}


@contextmanager
def only_maker(key: str) -> Iterator[None]:
    """One process makes an artifact; others wait here and then find it. The lock goes with its process."""
    path = place("artifacts", f"{key}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


def sweep(key: str) -> None:
    """Remove the drafts of makers that were killed, unless somebody is making this artifact now."""
    root = place("artifacts", key).parent
    try:
        with FileLock(root / f"{key}.lock", timeout=0):
            for draft in root.glob(f".{key}.*"):
                shutil.rmtree(draft, ignore_errors=True)
    except Timeout:
        return


@contextmanager
def making(key: str, extra: dict[str, Any]) -> Iterator[Path]:
    """A temporary folder that becomes the artifact when the block ends well; `extra` goes into the manifest."""
    target = place("artifacts", key)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{key}."))
    try:
        yield draft
        files.write_manifest(draft, extra)
        shutil.rmtree(target, ignore_errors=True)  # what stood here was incomplete, or find() had returned it
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
