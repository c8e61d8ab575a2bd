"""Where things are. The workspace is one folder (LAB_HOME, default ./workspace); what ships stands in data/."""

from __future__ import annotations

import os
import re
import time
import uuid
from functools import lru_cache
from pathlib import Path

from lab.core import DataError

SHIPPED = Path(__file__).resolve().parents[2] / "data"
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")


def home() -> Path:
    """The workspace's folder, absolute."""
    name = os.environ.get("LAB_HOME") or "workspace"
    return _resolved(name, "" if os.path.isabs(name) else os.getcwd())


@lru_cache(maxsize=16)
def _resolved(name: str, here: str) -> Path:
    return Path(here, name).resolve()


def place(*parts: str) -> Path:
    """A path inside the workspace. Ids made by the program only: anything that could leave the workspace is refused."""
    for part in parts:
        if not SAFE_ID.fullmatch(part) or ".." in part:
            raise DataError("This is not an id of the lab", repr(part)[:80], "Ids are made by the program; names are labels only")
    return home().joinpath(*parts)


def new_id(prefix: str) -> str:
    """A sortable id: time first, then chance."""
    return f"{prefix}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"
