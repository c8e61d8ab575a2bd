"""columns.npz: the numbers of one Evaluation as arrays beside its items.jsonl, which it names by content. Derived: it may go at any time.

Reading it costs a tenth of reading the answers. Where it is missing, torn, damaged or made from other items, it is made again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from lab.core import MEASURES, Columns
from lab.store import files

NAME = "columns.npz"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile)  # what a damaged archive can raise


def write(folder: Path, columns: Columns, items: str) -> None:
    """Put the columns beside the items.jsonl with the SHA-256 `items`. Raises OSError."""
    about = json.dumps({"items": items, "values": list(columns.values)}).encode()
    rows = [*columns.values.values(), *(columns.measures[name] for name in MEASURES)]
    held = io.BytesIO()
    np.savez(held, about=_bytes(about), names=_bytes(json.dumps([columns.items, columns.clusters]).encode()),
             numbers=np.array([np.asarray(row, float) for row in rows]))
    files.write_bytes(folder / NAME, held.getvalue(), safe=False)


def read(folder: Path, items: str) -> Columns | None:
    """The columns of the items.jsonl with the SHA-256 `items`; None where they are not there whole."""
    try:
        with np.load(folder / NAME, allow_pickle=False) as held:  # the archive's check sums find every damaged byte
            about, numbers, names = json.loads(held["about"].tobytes()), held["numbers"], _names(held["names"].tobytes())
    except UNREADABLE:
        return None
    kinds = about.get("values") if isinstance(about, dict) else None
    if kinds is None or about.get("items") != items or numbers.shape != (len(kinds) + len(MEASURES), len(names[0])) or numbers.dtype != float:
        return None
    numbers.flags.writeable = False
    return Columns(*names, dict(zip(kinds, numbers)), dict(zip(MEASURES, numbers[len(kinds):])))


def derived(folder: Path, items: str, make: Callable[[], tuple[Columns, str]]) -> Columns:
    """The columns as they stand, or as `make` gives them (with the SHA-256 of what it read), then kept where the workspace can be written."""
    if found := read(folder, items):
        return found
    columns, made_from = make()
    if made_from == items:
        try:
            write(folder, columns, items)
        except OSError:  # a workspace that is only read, or a full disk: read from the answers each time
            pass
    return columns


def _bytes(text: bytes) -> np.ndarray:
    return np.frombuffer(text, np.uint8)


@lru_cache(maxsize=64)
def _names(text: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(items, clusters): the same objects for all Systems that answered one suite, so that lining them up costs nothing."""
    items, clusters = (tuple(part) for part in json.loads(text))
    return items, clusters
