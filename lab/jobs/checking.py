"""What is refused before anything is queued: each reason names the System and the task. Reads only."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator

from lab import store
from lab.core import WORLD_TEXT, DataError, DiskError, Experiment, Failure, LabError, ModelError, Sft, System, TaskData, training_rows
from lab.corpus.tokens import counter
from lab.jobs.fitting import too_big
from lab.jobs.hardware import devices
from lab.jobs.lengths import too_long
from lab.jobs.templates import demand_usable

MOST_NAMED = 20  # of a slice's values in one sentence
FREE_BYTES = 500 << 20  # one small run's checkpoints, adapter and answers


def check(experiment: Experiment) -> list[Failure]:
    """Every reason why this Experiment could not end well; empty: nothing stands against it."""
    return [error.failure for error in problems(experiment)]


def problems(experiment: Experiment) -> list[LabError]:
    """The same as errors that can be raised."""
    found = [*disk(), *_suites(experiment), *_bases(experiment), *_tasks(experiment), *_primary(experiment)]
    return list({str(error): error for error in found}.values())  # one base's trouble is met once per System


def disk() -> Iterator[LabError]:
    """Why a run would not find the room it needs."""
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
            if store.bases.has_files(base.base):
                demand_usable(base.base)
                store.bases.folder_of(base.base)
            else:
                store.bases.resolve(base.base.kind, base.base.ref, base.base.address)  # it answers now; whether it will, the run tells
        except LabError as error:
            yield error


def _primary(experiment: Experiment) -> Iterator[LabError]:
    """A deciding metric must be one that the task's answers are scored by, and no judge model decides."""
    for name, metric in experiment.primary.items():
        if name in store.tasks.ids() and metric not in (kinds := [scorer.kind for scorer in store.tasks.glance(name).task.scorers if not scorer.judge]):
            yield DataError(f"The deciding metric {metric} is not one of this task's scorers", name, f"Choose one of: {', '.join(kinds)}")


def _tasks(experiment: Experiment) -> Iterator[LabError]:
    for name in experiment.tasks:
        try:
            data = store.tasks.glance(name)
        except LabError as error:
            yield error
            continue
        yield from _judge(data)
        if not data.split("test"):
            yield DataError("The task has no test examples, so nothing could be scored", f"Task {data.task.name}",
                            "Save the task again with a test split")
        for system in experiment.systems:
            yield from _system(system, data)
            if not store.bases.has_files(system.base):
                yield from _answers_only(system, data)
                continue
            yield from _fits(system, data)
            try:
                yield from too_long(system, data)
            except ModelError as error:
                yield error


def _answers_only(system: System, data: TaskData) -> Iterator[LabError]:
    """What a base behind an endpoint cannot have. How long its prompts may be is the endpoint's to say."""
    where = f"System {system.name}, task {data.task.name}"
    way_out = "Take it out of the System, or choose a base that is on this machine: a shipped one, a folder, a download"
    if system.training:
        yield ModelError(f"Training ({', '.join(stage.kind.upper() for stage in system.training)}) needs the model's weights, and an endpoint "
                         "only answers", where, way_out)
    if not any(scorer.generates for scorer in data.task.scorers):
        yield ModelError("The task is scored by log-probabilities alone, and an endpoint shows none", where,
                         "Choose a task with written answers, or a base that is on this machine")
    if system.quantisation != "none":
        yield ModelError("Weights behind an endpoint are held as its server holds them; they cannot be quantised from here", where, way_out)
    if system.template:
        yield ModelError("An endpoint renders conversations with its own template; another one cannot be given", where, way_out)


def _judge(data: TaskData) -> Iterator[LabError]:
    """A judge that does not answer would be met after all training."""
    for judge in (scorer.judge for scorer in data.task.scorers if scorer.judge):
        try:
            store.bases.resolve("endpoint", judge.model, judge.address)
        except LabError as error:
            failure = error.failure
            yield type(error)(f"The judge of task {data.task.name} cannot be asked: {failure.what}", failure.where, failure.do)


def _fits(system: System, data: TaskData) -> Iterator[LabError]:
    """What the devices here lack, and what none of them could hold even with nothing else running."""
    found = devices()
    where = f"System {system.name}, task {data.task.name}"
    gpus = sum(device.kind == "cuda" for device in found)
    most = max((stage.devices for stage in system.training), default=1)
    if most > max(1, gpus):
        yield ModelError(f"A stage asks for {most} GPUs and this machine has {gpus}", where, f"Ask for {'1 device' if gpus < 2 else f'at most {gpus}'}")
    if system.quantisation != "none":
        yield from _few_bits(system, gpus, where)
    yield from too_big(system, data, found)


def _few_bits(system: System, gpus: int, where: str) -> Iterator[LabError]:
    way_out = "Hold the base as it is, or choose a smaller one"
    if not gpus:
        yield ModelError(f"A base in {system.quantisation} needs a CUDA device, and this machine has none", where, way_out)
    elif importlib.util.find_spec("bitsandbytes") is None:
        yield ModelError("bitsandbytes, which holds weights in 8 or 4 bits, is not installed", where,
                         "Install it beside the program (pip install bitsandbytes), or hold the base as it is")
    if any(stage.full for stage in system.training):
        yield ModelError("Weights in 8 or 4 bits cannot be trained themselves", where, "Use LoRA on them, or hold the base as it is")
    if any(stage.sharded for stage in system.training):
        yield ModelError("Weights in 8 or 4 bits cannot be shared out over several GPUs", where, "Choose sharding none, or hold the base as it is")


def _system(system: System, data: TaskData) -> Iterator[LabError]:
    where = f"System {system.name}, task {data.task.name}"
    kinds = {stage.kind for stage in system.training}
    train = len(data.split("train"))
    shots = system.prompting.shots if system.prompting else 0
    if "sft" in kinds and not train:
        yield DataError("Fine-tuning needs training examples and the task has none", where,
                        "Add training examples to the task, or take the SFT stage out of the System")
    else:
        yield from _stages(system, data, where)
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
    if system.retrieval and system.retrieval.chunking == "tokens":
        yield from _counted(system.retrieval.tokenizer, where)


def _counted(tokenizer: str, where: str) -> Iterator[LabError]:
    """What stands against cutting documents by this tokenizer's tokens."""
    try:
        counter(store.bases.tokenizer_folder(tokenizer))
    except LabError as error:
        yield type(error)(error.failure.what, f"{where}, {error.failure.where}", error.failure.do)


def _stages(system: System, data: TaskData, where: str) -> Iterator[LabError]:
    """What stands against the SFT stages of a task that has training examples."""
    adapted = False
    for stage in system.training:
        if stage.full and adapted:
            yield DataError("Full fine-tuning follows a LoRA stage: the adapter belongs to weights that would no longer be there", where,
                            "Put full fine-tuning first, or make every stage LoRA")
        adapted = adapted or not stage.full
        if isinstance(stage, Sft):
            yield from _rows(stage, data, where)
            yield from _general(stage, where)


def _rows(stage: Sft, data: TaskData, where: str) -> Iterator[LabError]:
    rows = data.split("train")
    found = training_rows(rows, stage.rows)
    if not found:
        name = stage.rows.partition("=")[0].strip()
        values = sorted({row.slices[name] for row in rows if name in row.slices})
        known = sorted({each for row in rows for each in row.slices})
        do = (f"{name} has these values: {', '.join(values[:MOST_NAMED])}" if values else
              f"The training examples have these slices: {', '.join(known)}" if known else "The training examples have no slices: leave it empty")
        yield DataError(f"No training example is in the slice {stage.rows}", where, do)
    elif stage.examples > (there := len(found) if stage.rows else data.task.counts["train"]):
        yield DataError(f"{stage.examples} training examples are asked for and there are {there}"
                        + (f" with {stage.rows}" if stage.rows else ""), where, f"Ask for at most {there}, or 0 for all")


def _general(stage: Sft, where: str) -> Iterator[LabError]:
    if (stage.replay or stage.ewc) and stage.replay_from != WORLD_TEXT:
        try:
            store.texts.load(stage.replay_from)
        except DataError as error:
            yield DataError(error.failure.what, f"{where}: {error.failure.where}", error.failure.do)
