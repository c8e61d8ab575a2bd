"""What is refused before anything is queued: each reason names the System and the task. Reads only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from lab import store
from lab.core import DataError, DiskError, Experiment, Failure, LabError, ModelError, System, TaskData
from lab.jobs.lengths import too_long

FREE_BYTES = 500 << 20  # one small run's checkpoints, adapter and answers


def check(experiment: Experiment) -> list[Failure]:
    """Every reason why this Experiment could not end well; empty: nothing stands against it."""
    return [error.failure for error in problems(experiment)]


def problems(experiment: Experiment) -> list[LabError]:
    """The same as errors that can be raised."""
    found = [*_disk(), *_suites(experiment), *_bases(experiment), *_tasks(experiment)]
    return list({str(error): error for error in found}.values())  # one base's trouble is met once per System


def _disk() -> Iterator[LabError]:
    place = store.home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < FREE_BYTES:
        yield DiskError(f"Only {free >> 20} MB are free on the workspace's disk", str(place),
                        f"Free some space (at least {FREE_BYTES >> 20} MB) or move the workspace with LAB_HOME")


def _suites(experiment: Experiment) -> Iterator[LabError]:
    known = store.tasks.suite_names()
    for name in experiment.suites:
        if name not in known:
            yield DataError("This suite does not exist", name, f"Known suites: {', '.join(known) or 'none'}")


def _bases(experiment: Experiment) -> Iterator[LabError]:
    for base in experiment.bases():
        try:
            store.bases.folder_of(base.base)
        except LabError as error:
            yield error


def _tasks(experiment: Experiment) -> Iterator[LabError]:
    for name in experiment.tasks:
        try:
            data = store.tasks.load(name)
        except LabError as error:
            yield error
            continue
        if not data.split("test"):
            yield DataError("The task has no test examples, so nothing could be scored", f"Task {data.task.name}",
                            "Save the task again with a test split")
        for system in experiment.systems:
            yield from _system(system, data)
            try:
                yield from too_long(system, data)
            except ModelError as error:
                yield error


def _system(system: System, data: TaskData) -> Iterator[LabError]:
    where = f"System {system.name}, task {data.task.name}"
    kinds = {stage.kind for stage in system.training}
    train = len(data.split("train"))
    shots = system.prompting.shots if system.prompting else 0
    if "sft" in kinds and not train:
        yield DataError("Fine-tuning needs training examples and the task has none", where,
                        "Add training examples to the task, or take the SFT stage out of the System")
    if "dpo" in kinds and not any(pair.split == "train" for pair in data.preferences):
        yield DataError("DPO needs preference pairs and the task has none to train on", where,
                        "Add preference pairs to the task, or take the DPO stage out of the System")
    if system.retrieval and not data.documents:
        yield DataError("Retrieval needs documents and the task has none", where,
                        "Add documents to the task, or take retrieval out of the System")
    if shots > train:
        yield DataError(f"{shots} shots are asked for and the task has {train} training examples", where,
                        f"Ask for at most {train} shots, or add training examples")
    if system.retrieval and system.retrieval.retriever != "lexical" and not system.retrieval.embedder:
        yield DataError(f"The {system.retrieval.retriever} retriever needs a sentence-embedding model and none is named", where,
                        "Name an embedder (a local folder or a hub id), or use the lexical retriever")
