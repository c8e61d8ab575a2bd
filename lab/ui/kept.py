"""Uploads of one session, kept on disk while people look at other pages: Streamlit forgets an uploader's files when its page is left.

A file is kept only once it was read, under a number; its name is a label. A day later, or when it is removed, it is gone.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import streamlit as st

from lab import store

POINTER = "_data_kept"  # this session's folder
HOURS = 24
_FOLDER = re.compile(r"[0-9a-f]{32}")


class Kept:
    """A kept file; reads like an upload."""

    def __init__(self, path: Path, name: str):
        self._path, self.name = path, name

    def getvalue(self) -> bytes:
        return self._path.read_bytes()


def again(slot: str, where: Any = st) -> Kept | None:
    """What this session kept in a slot, with a button that lets go of it; None where there is nothing."""
    folder = _mine()
    about, path = (folder / f"{slot}.json", folder / slot) if folder else (None, None)
    if about is None or not about.is_file() or not path.is_file():
        return None
    name = str(json.loads(about.read_text("utf-8")))
    with where.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{name} (kept)", width="content")
        if st.button("Remove", icon=":material/close:", key=f"kept_{slot}", type="tertiary"):
            forget(slot)
            st.rerun()
    return Kept(path, name)


def keep(slot: str, upload: Any) -> None:
    """Keep a file that was read. A full disk keeps nothing and breaks nothing."""
    if isinstance(upload, Kept):
        return
    folder, content = _mine() or _new(), upload.getvalue()
    about, path = folder / f"{slot}.json", folder / slot
    if about.is_file() and path.is_file() and path.stat().st_size == len(content) and json.loads(about.read_text("utf-8")) == upload.name:
        return
    try:
        store.files.write_json(about, upload.name)
        path.write_bytes(content)
    except OSError:
        forget(slot)


def forget(slot: str) -> None:
    """Remove what a slot holds."""
    folder = _mine()
    for name in (slot, f"{slot}.json") if folder else ():
        (folder / name).unlink(missing_ok=True)


def _mine() -> Path | None:
    name = st.session_state.get(POINTER, "")
    folder = store.home() / "kept" / name
    return folder if _FOLDER.fullmatch(name) and folder.is_dir() else None


def _new() -> Path:
    """A folder for this session; those of yesterday's sessions go."""
    root = store.home() / "kept"
    root.mkdir(parents=True, exist_ok=True)
    for old in root.iterdir():
        if old.stat().st_mtime < time.time() - HOURS * 3_600:
            shutil.rmtree(old, ignore_errors=True)
    st.session_state[POINTER] = uuid.uuid4().hex
    folder = root / st.session_state[POINTER]
    folder.mkdir()
    return folder
