"""lab.db: what people write. One SQLite file, made and migrated on first use; several threads and processes may use it at once.

Rollback journal, not write-ahead log: SQLite up to 3.51.2 can damage a file whose log two connections reset at the same moment
(sqlite.org/changes.html, 3.51.3). Writers line up (`_queue`); a reader waits up to `WAIT` seconds. Kept out of `lab.store`'s own
imports, so that only those who read or write votes load SQLAlchemy.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from lab.core import AccessError, DataError, DiskError, LabError
from lab.store.places import home

HEAD = "0001"  # the newest file of migrations/versions; a file at this version needs no alembic
WAIT = 30.0  # seconds a connection waits for its turn
_MIGRATIONS = Path(__file__).parent / "migrations"
_known: set[tuple[str, int]] = set()  # (path, inode) of the files this process has seen at HEAD


def path() -> Path:
    return home() / "lab.db"


@contextmanager
def connection(write: bool = False) -> Iterator[Connection]:
    """One transaction: committed at the end, undone by an exception. `write` takes the turn at once, so that what was read inside
    stays true until it ends. Raises DataError, DiskError or AccessError in place of the driver's errors."""
    target = path()
    with _words(target):
        _ready(target)
        with _queue(target) if write else nullcontext(), _engine(str(target)).connect() as found:
            found = found.execution_options(write=write)
            with found.begin():
                yield found


def exists() -> bool:
    """Whether anybody has written anything yet; reading an empty workspace makes no file."""
    return path().is_file()


@contextmanager
def _queue(target: Path) -> Iterator[None]:
    """Writers line up in the order in which they came, threads and processes alike. SQLite itself lets those that wait sleep and retry:
    under a crowd some of them never get their turn. The operating system gives the lock back when a process dies."""
    with open(f"{target}.queue", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=16)
def _engine(target: str) -> Engine:
    engine = create_engine(f"sqlite:///{target}", poolclass=NullPool, connect_args={"timeout": WAIT})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # the driver opens no transaction of its own: `_begin` does
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA synchronous = FULL")


def _begin(found: Connection) -> None:
    found.exec_driver_sql("BEGIN IMMEDIATE" if found.get_execution_options().get("write") else "BEGIN")


def _ready(target: Path) -> None:
    """Make or migrate the file, one process at a time."""
    if target.is_file() and (str(target), target.stat().st_ino) in _known:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{target}.lock", timeout=WAIT):
        if _version(target) != HEAD:
            _migrate(target)
    _known.add((str(target), target.stat().st_ino))


def _version(target: Path) -> str | None:
    if not target.is_file() or not target.stat().st_size:
        return None
    with _engine(str(target)).connect() as found, found.begin():
        there = found.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first()
        row = found.exec_driver_sql("SELECT version_num FROM alembic_version").first() if there else None
        return row[0] if row else None


def _migrate(target: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with _engine(str(target)).connect() as found:
        found = found.execution_options(write=True)
        with found.begin():  # all steps or none
            config.attributes["connection"] = found
            try:
                command.upgrade(config, HEAD)
            except CommandError as error:
                raise DataError(f"lab.db is of another version than this program ({error})", str(target),
                                "Use the Lever Lab that wrote it, or a newer one; nothing was changed") from error


@contextmanager
def _words(target: Path) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise _failure(str(getattr(error, "orig", None) or error), target) from error
    except TimeoutError as error:
        raise DataError("lab.db is being set up by another process that does not end", str(target), "Stop the other process and try again") from error


def _failure(words: str, target: Path) -> LabError:
    if "disk is full" in words or "disk I/O" in words:
        return DiskError("The disk is full or cannot be written, so nothing was saved", str(target), "Free some space and try again")
    if "locked" in words:
        return DataError(f"lab.db was busy for {WAIT:.0f} seconds, so nothing was saved", str(target), "Try again; look for a program that holds it open")
    if "not a database" in words or "malformed" in words:
        return DataError("lab.db is damaged and cannot be read", str(target), "Put a copy of it back, or move it away: the lab begins a new one")
    if "readonly" in words or "unable to open" in words:
        return AccessError(f"lab.db cannot be opened ({words})", str(target), "Give this user the right to read and write it")
    return DataError(f"lab.db refused this, so nothing was saved ({words})"[:300], str(target), "Reload the page and try again")
