"""The exporter: writes a finished run's System as a folder that loads outside the lab, and proves it by loading it there. Wires the store, the
methods and the engine. The folder holds its weights (an adapter, or all of them), the tokenizer with the chat template the System was asked
with, the System's value, one example exactly as it was sent, what its prompts are made of, and a README.md that says how to ask.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from lab import store
from lab.core import DataError, DiskError, Run, failure_of
from lab.exporter import parts, readme
from lab.exporter.check import examined
from lab.exporter.made import Made, Say
from lab.jobs import export_forms, exports
from lab.jobs.export_forms import Form

SPARE = 200 << 20  # bytes that stay free on the disk


def export(run_id: str, merged: bool = False, save: Path | None = None, say: Say = lambda part, done, total: None) -> tuple[Path, dict[str, Any]]:
    """Write a run's System into `save`, or into the workspace; returns the folder and what its check found. Raises LabError; whatever ends it
    before that leaves nothing."""
    if run_id not in store.runs.ids():
        raise DataError("There is no such run", run_id[:80], "python -m lab runs lists them")
    run = store.runs.load(run_id)
    form = export_forms.chosen(run, merged)
    return _elsewhere(run, form, save, say) if save else _in_workspace(run, form, say)


def _elsewhere(run: Run, form: Form, save: Path, say: Say) -> tuple[Path, dict[str, Any]]:
    target = save.expanduser().resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError("The folder is there and is not empty", str(target), "Name a new one: nothing is overwritten")
    export_forms.demand(run, form)
    return target, _written(run, form, target, say)


def _in_workspace(run: Run, form: Form, say: Say) -> tuple[Path, dict[str, Any]]:
    """As `_elsewhere`, with every step announced to whoever watches from a page. What stands there already is taken as it is."""
    def told(part: str, done: int, total: int) -> None:
        exports.announce(run.id, form, part=part, done=done, total=total)
        say(part, done, total)

    export_forms.demand(run, form)
    target = exports.folder(run.id, form)
    try:
        exports.announce(run.id, form)
        with exports.turn():
            found = exports.look(run.id, form)
            check = found.check or _written(run, form, target, told)
    except Exception as error:
        exports.announce(run.id, form, failure=failure_of(error, where=run.title).model_dump(mode="json"))
        raise
    except BaseException:  # cancelled
        exports.withdraw(run.id, form)
        raise
    exports.withdraw(run.id, form)
    return target, check


def _written(run: Run, form: Form, target: Path, say: Say) -> dict[str, Any]:
    """The folder, whole or not at all; returns what its check found."""
    say("reading", 0, 1)
    made = Made.of(run, form)
    target.parent.mkdir(parents=True, exist_ok=True)
    _demand_room(made, target.parent)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=exports.drafts(target)))
    try:
        say("weights", 0, 1)
        parts.write(made, draft)
        check = examined(made, draft, say)
        store.files.write_json(draft / "check.json", check)
        store.files.write_text(draft / "README.md", readme.text(made, check))
        _open(draft)
        if target.is_dir():
            target.rmdir()  # empty, as was seen before
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return check


def _open(draft: Path) -> None:
    """What was made for this process alone becomes as readable as other files: the folder is there to be taken elsewhere."""
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _demand_room(made: Made, place: Path) -> None:
    needed, free = made.bytes + SPARE, shutil.disk_usage(place).free
    if needed > free:
        raise DiskError(f"{needed / 1e9:,.1f} GB are needed on the disk and {free / 1e9:,.1f} GB are free", str(place),
                        "Free some space, or export to another disk: python -m lab export RUN --save FOLDER")
