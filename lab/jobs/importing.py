"""Large files in the background: a detached child reads the file, and a page or a shell asks how far it is, cancels it, or saves the Task.

An import is a folder of the workspace (imports/<id>). It holds a draft until somebody saves or discards it; a cancelled one leaves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

import psutil

from lab import store
from lab.core import DataError, DiskError, Failure, Scorer, Task
from lab.corpus.bulk import Plan
from lab.corpus.check_rows import unreadable_findings
from lab.corpus.guard import KEPT, ending_of
from lab.corpus.limits import LARGE
from lab.corpus.mapping import stored
from lab.corpus.packed import TABLES
from lab.corpus.tables import read_head
from lab.corpus.values import Finding, Problem, Table
from lab.jobs import processes
from lab.store import files

LARGE_BYTES = 20_000_000  # below, a file is read at once
ENDINGS = (*TABLES, *(f"{ending}.gz" for ending in TABLES if ending != ".parquet"), ".zip")
DISK_TIMES = 2.5  # of the file's size: the rows as they were read, and the rows as a Task keeps them


class Progress:
    """How an import stands. `stage`: reading, splitting, writing, checking. `share`: of the stage's work, None where it cannot be known."""

    def __init__(self, about: dict[str, Any], state: Literal["running", "finished", "refused", "lost"], now: dict[str, Any]):
        self.name, self.path, self.state, self.now = str(about["name"]), str(about["path"]), state, now
        self.stage, self.rows, self.lost = str(now.get("stage", "starting")), int(now.get("rows", 0)), int(now.get("lost", 0))
        self.seconds, self.peak_bytes = float(now.get("seconds", 0)), int(now.get("peak_bytes", 0))
        self.read_bytes, self.size = int(now.get("bytes", 0)), int(now.get("size", about["size"]))
        done, of = (self.read_bytes, self.size) if self.stage == "reading" else (now.get("written", 0), now.get("of", 0))
        self.share = min(1.0, done / of) if of and self.stage in ("reading", "writing") else None

    @property
    def failure(self) -> Failure | None:
        """Why it was refused or lost; None for the others."""
        if self.state == "refused":
            what, where, do = self.now["refused"]
            return Failure(kind="data", what=what, where=where, do=do)
        if self.state == "lost":
            return Failure(kind="data", what="The reader ended without a word (killed by the system, or the machine was restarted)", where=self.name,
                           do="Discard it and start it again; with fewer rows or a smaller file where it needs too much memory")
        return None


class Draft:
    """A finished import: counts of rows, what the checks found, the first problems, the scorer that suits the answers."""

    def __init__(self, found: dict[str, Any]):
        self.counts: dict[str, int] = found["counts"]
        self.fingerprints: dict[str, str] = found["fingerprints"]
        self.findings = tuple(Finding(**{name: value for name, value in one.items() if name in Finding.model_fields}) for one in found["findings"])
        self.mends = tuple(str(one.get("mend") or "") for one in found["findings"])
        self.problems = tuple(Problem(line=line, reason=reason) for line, reason in found["problems"])
        self.scorer = Scorer(**found["scorer"])
        self.lost = int(found["lost"])

    @property
    def allowed(self) -> bool:
        """Whether it may be saved."""
        return not any(finding.level == "refuse" for finding in self.findings)


def look(path: Path) -> Table:
    """The first rows of a file on this machine. Raises DataError where it is no table that could be imported."""
    path = Path(path).expanduser()
    if not path.name.lower().endswith(ENDINGS):
        raise DataError("This kind of file is not read as a table", path.name[-80:], f"Name a file that ends in one of {', '.join(TABLES)}, .gz or .zip")
    return read_head(path)


def start(path: Path, plan: Plan) -> str:
    """Begin an import; its id. Raises DiskError where the workspace has no room for it."""
    path = Path(path).expanduser().resolve()
    size = path.stat().st_size
    free = shutil.disk_usage(_existing(store.home())).free
    if size * DISK_TIMES > free:
        raise DiskError(f"The import needs about {size * DISK_TIMES / 1e9:.1f} GB and {free / 1e9:.1f} GB are free", str(store.home()),
                        "Free some space, or move the workspace with LAB_HOME")
    name = store.new_id("import")
    folder = _folder(name)
    folder.mkdir(parents=True)
    files.write_json(folder / "plan.json", plan.model_dump(mode="json"))
    with (folder / "log.txt").open("wb") as log:
        child = subprocess.Popen([sys.executable, "-m", "lab.corpus.bulk", str(folder)], cwd=processes.ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log, env=_environment(), start_new_session=True)
    files.write_json(folder / "job.json", {"name": plan.name, "path": str(path), "size": size, "created": time.time(), "pid": child.pid,
                                           "started": processes.started(child.pid)})
    threading.Thread(target=child.wait, daemon=True).start()  # reaps it, should it end before us
    return name


def ids() -> list[str]:
    """Imports of this workspace, newest first."""
    root = store.home() / "imports"
    return sorted((path.name for path in root.glob("import-*") if (path / "job.json").is_file()), reverse=True) if root.is_dir() else []


def progress(name: str) -> Progress | None:
    """How an import stands; None where there is none of this id (any more)."""
    folder = _folder(name)
    try:
        about = files.read_json(folder / "job.json")
        running = processes.alive(about["pid"], about["started"])
        done = folder / "result.json"
        now = files.read_json(done if done.is_file() else folder / "progress.json") if done.is_file() or (folder / "progress.json").is_file() else {}
    except (OSError, ValueError, KeyError):
        return None
    if "counts" in now or "refused" in now:
        return Progress(about, "refused" if "refused" in now else "finished", now)
    return Progress(about, "running" if running else "lost", now)


def draft(name: str) -> Draft:
    """What a finished import made. Raises DataError where it is not finished."""
    found = progress(name)
    if found is None or found.state != "finished":
        raise DataError("This import is not finished", name, "Wait for it, or start it again")
    return Draft(found.now)


def stayed_out(made: Draft) -> tuple[Finding, ...]:
    """A finding about the rows of the file that are not part of the draft; none where all are."""
    return tuple(unreadable_findings(made.problems, made.lost))


def plan_of(name: str) -> Plan:
    """What was asked of an import."""
    return Plan(**files.read_json(_folder(name) / "plan.json"))


def save(name: str, about: dict[str, Any]) -> Task:
    """Make a Task of a finished import. `about`: fields of the Task beside its rows. Raises DataError where something must be mended first."""
    made, plan = draft(name), plan_of(name)
    if not made.allowed:
        finding = next(finding for finding in made.findings if finding.level == "refuse")
        raise DataError(finding.what, plan.name, finding.do)
    empty = Task(id="empty", name="empty", scorers=(made.scorer,))
    prints = {**store.tasks.empty_fingerprints(empty), **made.fingerprints}
    task = Task(**{"scorers": (made.scorer,), **about, "mapping": stored(plan.mapping, plan.columns), "source": plan.name,
                   "counts": {**dict.fromkeys(prints, 0), **made.counts}, "fingerprints": prints})
    task = store.tasks.adopt(_folder(name) / "examples.jsonl", task)
    shutil.rmtree(_folder(name), ignore_errors=True)
    return task


def discard(name: str) -> None:
    """End an import if it runs, and remove all of it."""
    folder = _folder(name)
    try:
        about = files.read_json(folder / "job.json")
    except (OSError, ValueError):
        about = {}
    if processes.alive(about.get("pid"), about.get("started")):
        for process in processes.family(about["pid"]):
            processes.send(process, "kill")
        _wait_for_end(about["pid"], about["started"])
    shutil.rmtree(folder, ignore_errors=True)


def _wait_for_end(pid: int, started: float) -> None:
    """A killed process may still write for a moment; its folder is removed after it."""
    processes.wait_for(lambda: not processes.alive(pid, started), 5)
    psutil.wait_procs(processes.family(pid), timeout=1)


def _environment() -> dict[str, str]:
    """No secrets: what Python needs to start, and one thread."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return kept | processes.ONE_THREAD | {"PYTHONPATH": str(processes.ROOT), "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}


def _existing(place: Path) -> Path:
    while not place.exists():
        place = place.parent
    return place


def _folder(name: str) -> Path:
    return store.place("imports", name)


def plan_for(path: Path, table: Table, **settings: Any) -> Plan:
    """The plan of an import of a file whose first rows are `table`."""
    path = Path(path).expanduser().resolve()
    return Plan(path=str(path), name=path.name, suffix=ending_of(path.name), columns=table.columns, memory_bytes=LARGE.memory_bytes, **settings)
