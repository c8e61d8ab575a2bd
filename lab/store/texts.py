"""General texts that people name, for replay and EWC: texts/<key>.json. The key names the content; the name is a label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.core import DataError, content_key
from lab.store import files
from lab.store.places import SAFE_ID, home, place


def save(name: str, texts: Sequence[str]) -> str:
    """Keep texts and return their key. Equal texts have one key and keep their first name. Raises DataError where nothing is in them."""
    kept = [text for text in texts if text.strip()]
    if not kept:
        raise DataError("There is no text to keep", name[:80], "Give at least one text that is not empty")
    key = content_key("texts", kept)
    if not _path(key).exists():
        files.write_json(_path(key), {"name": name, "texts": kept})
    return key


def load(key: str) -> tuple[str, ...]:
    """The texts of a key. Raises DataError where there are none."""
    if not SAFE_ID.fullmatch(key) or not _path(key).is_file():
        known = ", ".join(f"{each} ({name})" for each, name in names().items())
        raise DataError("No saved text has this key", key[:80], f"Saved texts: {known or 'none'}")
    return tuple(files.read_json(_path(key))["texts"])


def names() -> dict[str, str]:
    """The name of each saved text, by key."""
    root = home() / "texts"
    return {path.stem: str(files.read_json(path)["name"]) for path in sorted(root.glob("*.json"))} if root.is_dir() else {}


def _path(key: str) -> Path:
    return place("texts", f"{key}.json")
