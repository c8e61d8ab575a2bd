"""What is exported, read once: the run with its data, its base's folder, what it trained, its scored answers, and who makes its prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lab import store
from lab.core import Base, Evaluation, Item, MemoryError_, ModelError, Run, System, TaskData, index_key
from lab.core.fit import size_words
from lab.engine.export import Reader
from lab.jobs import export_forms, exports
from lab.jobs.export_forms import Form
from lab.jobs.outcomes import evaluation_key, suites_of
from lab.methods.asking import Asker
from lab.methods.retrieval import Searcher

FULL = 4  # bytes of a number while weights are added up
Say = Callable[[str, int, int], None]  # what is done now, how much of it, of how much


@dataclass(frozen=True)
class Made:
    """`weights` and `adapter`: folders of what was trained, None where nothing was. `index`: the search index's folder. `about`: what the last
    training stage wrote about itself. `scored`: an Evaluation per suite, the task's own first; None where there is none."""

    run: Run
    form: Form
    data: TaskData
    base: Path
    weights: Path | None
    adapter: Path | None
    index: Path | None
    about: dict[str, Any]
    reader: Reader
    asker: Asker
    scored: dict[str, Evaluation | None]

    @classmethod
    def of(cls, run: Run, form: Form) -> "Made":
        """Raises LabError where a part is missing or damaged, or the memory does not hold the weights that are to be written."""
        system, data = run.system, store.tasks.load(run.task)
        base = store.bases.folder_of(system.base)
        keys = export_forms.trained(run, data.task)
        index = _artifact(index_key(system.retrieval, data.task)) if system.retrieval else None
        reader = Reader.of(base, system.template)
        searcher = Searcher(system.retrieval, index) if index else None
        kept = store.runs.state(run.id).kept
        found = {suite.title: store.evaluations.find(evaluation_key(run, suite, kept, data.task), suite.fingerprint) for suite in suites_of(run)}
        if form == "merged":
            _demand_memory(system.base)
        return cls(run, form, data, base, _artifact(keys.weights), _artifact(keys.adapter), index, store.artifacts.about(keys.adapter or keys.weights)
                   if any(keys) else {}, reader, Asker(system, reader, data.split("train"), searcher), found)

    @property
    def system(self) -> System:
        return self.run.system

    @property
    def answers(self) -> Evaluation | None:
        """The scored answers to the task's own test split."""
        return next(iter(self.scored.values()))

    @property
    def bytes(self) -> int:
        """What the export will take on the disk, its own weights above all."""
        heavy = sum(path.stat().st_size for path in (self.weights or self.base).glob("*.safetensors")) if self.form == "merged" else 0
        return heavy + sum(exports.size(place) for place in (self.adapter, self.index) if place)

    @property
    def known_as(self) -> tuple[str, str]:
        """The base's name for people, and its commit where it is a hub's. Never a path of this machine."""
        return name_of(self.system.base)

    def questions(self, most: int) -> list[Item]:
        """The first test items."""
        return list(self.data.test_suite().items[:most])


def name_of(base: Base) -> tuple[str, str]:
    """Name and commit (empty where it is no hub's)."""
    if base.kind == "hub":
        name, _, commit = base.ref.partition("@")
        return name, commit
    return Path(base.ref).name if base.kind == "folder" else base.ref, ""


def _artifact(key: str) -> Path | None:
    """The folder of an artifact, compared byte by byte with what its maker wrote down. Raises ModelError."""
    if not key:
        return None
    if (folder := store.artifacts.find(key)) is None:
        raise ModelError("What the System is made of is missing or damaged", key, export_forms.AGAIN)
    return folder


def _demand_memory(base: Base) -> None:
    needed, free = base.parameters * FULL, psutil.virtual_memory().available
    if needed > free:
        raise MemoryError_(f"Adding up the weights needs {size_words(needed)} of memory and {size_words(free)} are free", base.ref,
                           "Export the adapter, end other programs, or export on a larger machine")
