"""Uploads of one session, kept on disk while people look at other pages: Streamlit forgets an uploader's files when its page is left.

A file is kept only once it was read, under a number; its name is a label. A day later, or when it is removed, it is gone.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from lab import store

POINTER = "_data_kept"  # this session's folder
FINISHED = "_data_finished"  # all that was chosen became a Task: a choice made elsewhere on the page ends too
_TIMES = "_data_times"  # how often this session began afresh
HOURS = 24
_FOLDER = re.compile(r"[0-9a-f]{32}")


class Kept:
    """A kept file; reads like an upload."""

    def __init__(self, path: Path, name: str):
        self._path, self.name = path, name

    def getvalue(self) -> bytes:
        return self._path.read_bytes()


def again(slot: str, where: Any = st) -> list[Kept]:
    """What this session kept in a slot, with a button that lets go of it; empty where there is nothing."""
    folder = _mine()
    found = [Kept(folder / f"{slot}.{number}", name) for number, name in enumerate(_names(folder, slot))] if folder else []
    if not found:
        return []
    with where.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{', '.join(file.name for file in found)} (kept)", width="content")
        if st.button("Remove", icon=":material/close:", key=f"kept_{slot}", type="tertiary"):
            forget(slot)
            st.rerun()
    return found


def _names(folder: Path, slot: str) -> list[str]:
    """The names of a slot's files; none where one of these is gone."""
    about = folder / f"{slot}.json"
    names = json.loads(about.read_text("utf-8")) if about.is_file() else []
    return names if all((folder / f"{slot}.{number}").is_file() for number in range(len(names))) else []


def keep(slot: str, uploads: Sequence[Any]) -> None:
    """Keep files that were read. A full disk keeps nothing and breaks nothing."""
    if isinstance(uploads[0], Kept):
        return
    folder, contents = _mine() or _new(), [upload.getvalue() for upload in uploads]
    sizes = [(folder / f"{slot}.{number}").stat().st_size for number, _ in enumerate(_names(folder, slot))]
    if _names(folder, slot) == [upload.name for upload in uploads] and sizes == [len(content) for content in contents]:
        return
    forget(slot)
    try:
        for number, content in enumerate(contents):
            (folder / f"{slot}.{number}").write_bytes(content)
        store.files.write_json(folder / f"{slot}.json", [upload.name for upload in uploads])
    except OSError:
        forget(slot)


def start_afresh() -> None:
    """Forget all that this session brought: the uploaders are drawn empty from the next time on."""
    for path in folder.iterdir() if (folder := _mine()) else ():
        path.unlink(missing_ok=True)
    st.session_state[_TIMES] = st.session_state.get(_TIMES, 0) + 1
    st.session_state[FINISHED] = True


def uploader(slot: str) -> str:
    """The key of a slot's uploader: another one after each fresh start, as an uploader cannot be emptied from here."""
    times = st.session_state.get(_TIMES, 0)
    return f"{slot}_{times}" if times else slot


def forget(slot: str) -> None:
    """Remove what a slot holds."""
    folder = _mine()
    for path in folder.glob(f"{slot}.*") if folder else ():
        path.unlink(missing_ok=True)


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
