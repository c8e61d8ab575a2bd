"""Large files in the background: a detached child reads the file, and a page or a shell asks how far it is, cancels it, or saves the Task.

Examples make a Task of their own. Preference pairs and documents are brought beside the examples of a Task and make another one with them.

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
from lab.core import Base, DataError, DiskError, Failure, Scorer, Task
from lab.corpus.archive import ARCHIVE
from lab.corpus.bulk_documents import ARCHIVE as ARCHIVE_LIMITS
from lab.corpus.bulk_plan import Kind, Plan
from lab.corpus.check_rows import unreadable_findings
from lab.corpus.extract import SUFFIXES
from lab.corpus.guard import KEPT, ending_of
from lab.corpus.mapping import stored, stored_pairs
from lab.corpus.packed import TABLES
from lab.corpus.rows import demand_pairs
from lab.corpus.tables import read_head
from lab.corpus.values import Finding, Problem, Table
from lab.jobs import processes
from lab.store import files

ENDINGS = (*TABLES, *(f"{ending}.gz" for ending in TABLES), ".zip")
DISK_TIMES = 2.5  # of the file's size: the rows as they were read, and the rows as a Task keeps them
WORK = ("reading", "writing", "parsing")  # stages that say how much of them is done


class Progress:
    """How an import stands. `stage`: reading, splitting, writing, checking; of documents unpacking, parsing, checking. `share`: of the stage's
    work, None where it cannot be known. `rows` counts documents where they are read."""

    def __init__(self, about: dict[str, Any], state: Literal["running", "finished", "refused", "lost"], now: dict[str, Any]):
        self.name, self.path, self.state, self.now = str(about["name"]), str(about["path"]), state, now
        self.stage, self.rows, self.lost = str(now.get("stage", "starting")), int(now.get("rows", 0)), int(now.get("lost", 0))
        self.seconds, self.peak_bytes = float(now.get("seconds", 0)), int(now.get("peak_bytes", 0))
        self.read_bytes, self.size = int(now.get("bytes", 0)), int(now.get("size", about["size"]))
        done, of = (self.read_bytes, self.size) if self.stage == "reading" else (now.get("written", 0), now.get("of", 0))
        self.share = min(1.0, done / of) if of and self.stage in WORK else None
        self.kind: Kind = about.get("kind", "examples")

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
    """A finished import: counts of rows, what the checks found, the first problems; of examples the scorer that suits the answers, and the
    tokens of right answers of the test where they could be counted."""

    def __init__(self, found: dict[str, Any]):
        self.counts: dict[str, int] = found["counts"]
        self.fingerprints: dict[str, str] = found["fingerprints"]
        self.findings = tuple(Finding(**{name: value for name, value in one.items() if name in Finding.model_fields}) for one in found["findings"])
        self.mends = tuple(str(one.get("mend") or "") for one in found["findings"])
        self.problems = tuple(Problem(line=line, reason=reason) for line, reason in found["problems"])
        self.scorer = Scorer(**found["scorer"]) if "scorer" in found else None
        self.answers = tuple(int(length) for length in found.get("answers", ()))
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


def look_documents(path: Path) -> tuple[int, int]:
    """(files, bytes) of a folder of documents, a document or an archive of them; of an archive nobody has looked inside. Raises DataError."""
    path = Path(path).expanduser()
    if path.is_dir():
        found = [each for each in path.rglob("*") if each.is_file() and not each.is_symlink() and each.name.lower().endswith((*SUFFIXES, ARCHIVE))]
        if not found:
            raise DataError("There is no document in this folder", path.name[-80:], f"Name a folder with files that end in {', '.join((*SUFFIXES, ARCHIVE))}")
        return len(found), sum(each.stat().st_size for each in found)
    if not path.is_file() or not path.name.lower().endswith((*SUFFIXES, ARCHIVE)):
        raise DataError("There is no document or folder of this name", path.name[-80:],
                        f"Name a folder, or a file that ends in {', '.join((*SUFFIXES, ARCHIVE))}")
    return 1, path.stat().st_size


def start(path: Path, plan: Plan) -> str:
    """Begin an import; its id. Raises DiskError where the workspace has no room for it."""
    path = Path(path).expanduser().resolve()
    size = look_documents(path)[1] if plan.kind == "documents" else path.stat().st_size
    free = shutil.disk_usage(_existing(store.home())).free
    if size * DISK_TIMES > free:
        raise DiskError(f"The import needs about {size * DISK_TIMES / 1e9:.1f} GB and {free / 1e9:.1f} GB are free", str(store.home()),
                        "Free some space, or move the workspace with LAB_HOME")
    name = store.new_id("import")
    folder = _folder(name)
    folder.mkdir(parents=True)
    files.write_json(folder / "plan.json", plan.model_dump(mode="json"))
    with (folder / "log.txt").open("wb") as log:
        child = subprocess.Popen([sys.executable, "-m", "lab.corpus.bulk", str(folder)], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env=_environment(folder), start_new_session=True)
    files.write_json(folder / "job.json", {"name": plan.name, "path": str(path), "size": size, "created": time.time(), "pid": child.pid,
                                           "started": processes.started(child.pid), "kind": plan.kind})
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
    made, plan = _allowed(name), plan_of(name)
    if plan.kind != "examples":
        return _save_beside(name, about, made, plan)
    empty = Task(id="empty", name="empty", scorers=(made.scorer,))
    prints = {**store.tasks.empty_fingerprints(empty), **made.fingerprints}
    task = Task(**{"scorers": (made.scorer,), **about, "mapping": stored(plan.mapping, plan.columns), "source": plan.name,
                   "counts": {**dict.fromkeys(prints, 0), **made.counts}, "fingerprints": prints})
    return _adopted(name, task)


def _save_beside(name: str, about: dict[str, Any], made: Draft, plan: Plan) -> Task:
    """The Task that they were brought for, as another one that has them. Raises DataError where that Task is gone."""
    task = store.tasks.load(plan.task).task
    mapping = task.mapping | (stored_pairs(plan.mapping, plan.columns) if plan.kind == "preferences" else {})
    return _adopted(name, task.model_copy(update={**about, "mapping": mapping, "source": ", ".join(part for part in (task.source, plan.name) if part),
                                                  "counts": task.counts | made.counts, "fingerprints": task.fingerprints | made.fingerprints}), plan.task)


def _adopted(name: str, task: Task, beside: str = "") -> Task:
    task = store.tasks.adopt(_folder(name), task, beside)
    shutil.rmtree(_folder(name), ignore_errors=True)
    return task


def _allowed(name: str) -> Draft:
    made = draft(name)
    if not made.allowed:
        finding = next(finding for finding in made.findings if finding.level == "refuse")
        raise DataError(finding.what, plan_of(name).name, finding.do)
    return made


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


def _environment(folder: Path) -> dict[str, str]:
    """No secrets: what Python needs to start, one thread, and the import's folder for what is unpacked on the way: it goes with it."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return kept | processes.ONE_THREAD | {"PYTHONPATH": str(processes.ROOT), "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8", "TMPDIR": str(folder),
                                           "TOKENIZERS_PARALLELISM": "false"}


def _existing(place: Path) -> Path:
    while not place.exists():
        place = place.parent
    return place


def _folder(name: str) -> Path:
    return store.place("imports", name)


def plan_for(path: Path, table: Table, base: Base | None = None, **settings: Any) -> Plan:
    """The plan of an import of a file whose first rows are `table`. `base`: whose tokens are counted. Raises DataError where pairs are wanted
    of a file that has none, or where the Task that they are for is gone."""
    path = Path(path).expanduser().resolve()
    if settings.get("kind") == "preferences":
        demand_pairs(table)
    tokens = {"base": str(store.bases.folder_of(base)), "context": base.context, "answer": Task.model_fields["max_new_tokens"].default} if base else {}
    return Plan(path=str(path), name=path.name, suffix=ending_of(path.name), columns=table.columns, **{**tokens, **_beside(settings), **settings})


def plan_documents(path: Path, task: str, mends: tuple[str, ...] = ()) -> Plan:
    """The plan of an import of a folder or an archive of documents. Raises DataError where the Task that they are for is gone."""
    path = Path(path).expanduser().resolve()
    if path.is_file() and path.stat().st_size > ARCHIVE_LIMITS.file_bytes:
        raise DataError(f"The file has {path.stat().st_size / 1e6:,.0f} MB; {ARCHIVE_LIMITS.file_bytes / 1e6:,.0f} MB are the most", path.name[-80:],
                        "Unpack it and name the folder")
    return Plan(kind="documents", path=str(path), name=path.name, mends=mends, **_beside({"task": task}), task=task)


def _beside(settings: dict[str, Any]) -> dict[str, str]:
    return {"asked": str(store.tasks.examples_file(settings["task"]))} if settings.get("task") else {}
