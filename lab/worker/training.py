"""The training stages of a run: each becomes an artifact, alone or shared out over several devices.

On the way through a stage its weights are kept as checkpoints a few times, so that what was learned and forgotten there can be scored.
Those of more than CHECKPOINT_BYTES are kept only where the run scores them.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any, Sequence

from lab import store
from lab.core import WORLD_TEXT, LabError, Stage, Stopped, TaskData, adapter_key
from lab.core.fit import size_words
from lab.jobs import fit, hardware, plans
from lab.jobs.outcomes import checkpoint_name, kept_name
from lab.worker.job import Job

WORLD_TEXTS = 2_000  # documents of the world's corpus to replay from
CHECKPOINT_BYTES = 50e6


class Weights:
    """What stands on the base after some stages: a set of all weights, an adapter upon it, or nothing."""

    def __init__(self, loaded):
        from lab.engine.bank import AdapterBank
        from lab.engine.weights import BASE
        self.loaded, self.bank, self.bare = loaded, AdapterBank(loaded), BASE
        self.on, self.adapter = BASE, None

    def take(self, stage: Stage, name: str) -> None:
        """The artifact that a stage has made."""
        if stage.full:
            self.on = name
            self.bank.add_weights(name, store.artifacts.find(name))
        else:
            self.adapter = store.artifacts.find(name)

    def stand(self, stages: Sequence[Stage], names: Sequence[str]) -> str:
        """Answer with the last of these artifacts, one for each stage; its name."""
        self.on, self.adapter = self.bare, None
        for stage, name in zip(stages, names):
            self.take(stage, name)
        self.choose(names[-1])
        return names[-1]

    def choose(self, name: str) -> None:
        """Answer with the artifact that was taken last."""
        if self.adapter:
            self.bank.add(name, self.adapter, on=self.on)
        self.bank.choose([name])

    def to_train(self, stage: Stage):
        """The model with what the stage trains: a copy with all weights, the adapter of the stage before, or a new one."""
        from lab.engine.adapters import new_adapter, saved_adapter
        from lab.engine.weights import trainable_copy
        self.bank.choose([self.on])
        if not stage.full:
            return saved_adapter(self.loaded, self.adapter) if self.adapter else new_adapter(
                self.loaded, stage.lora_rank, stage.lora_alpha, stage.lora_dropout, stage.seed)
        copy = trainable_copy(self.loaded.model)
        self.bank.choose([self.bare])  # the model in memory is the base again, which replay and EWC hold on to
        return copy


def train(job: Job, loaded, data: TaskData, asker) -> Weights:
    """Put what the System trained on the base: stages that some System trained before are reused."""
    weights = Weights(loaded)
    for number, stage in enumerate(job.run.system.training, start=1):
        name = adapter_key(job.run.system, data.task, number)
        with store.artifacts.only_maker(name):
            if store.artifacts.find(name) is None:
                name = train_stage(job, weights, data, asker, number, name)
            else:
                job.note(stage.kind, f"{'Weights' if stage.full else 'Adapter'} found: an equal stage was trained before")
        weights.take(stage, name)
        if job.kept:
            break
    weights.choose(name)
    asker.adapter = name
    return weights


def train_stage(job: Job, weights: Weights, data: TaskData, asker, number: int, key: str) -> str:
    """Train one stage into its artifact, on what stands on the base. Returns the artifact's name, which is another one where the user
    stopped and kept."""
    from lab.engine.adapters import trainable_parameters
    from lab.engine.energy import Meter
    from lab.methods import group, memory
    from lab.methods.stages import run_stage
    stage, loaded = job.run.system.training[number - 1], weights.loaded
    model, messages = weights.to_train(stage), asker.training_messages(stage.with_passages)
    way = _Way(job, stage, model, loaded, key)
    hooks = _hooks(job, loaded, stage, key, way)
    job.note(stage.kind, f"Training on {stage.kind.upper()} rows" + (f", resuming at {hooks.resume_from.name}" if hooks.resume_from else ""))
    begun, cpu, meter = time.time(), time.process_time(), Meter(loaded.device)
    about = {"kind": "weights" if stage.full else "adapter", "stage": stage.model_dump(mode="json"), "trainable": trainable_parameters(model),
             "rendered": rendered(loaded, messages, data.split("test"))}
    try:
        with memory.measured(loaded.device) as peak, group.together(stage.devices, _command(job, number), _logs(job)) as others:
            hooks.check_group = others.check
            run_stage(dataclasses.replace(loaded, model=model), stage, messages, data, hooks.checkpoints, hooks, _general(loaded, stage))
    except Stopped:
        if not (store.runs.asked_to_stop(job.run.id) or {}).get("keep"):
            raise
        job.kept = True
    finally:
        about |= {"seconds": time.time() - begun, "cpu_seconds": time.process_time() - cpu, "joules": meter.joules()}
    model.eval()
    about |= {"memory": _tell_memory(job, stage, loaded.device, peak.measured), "checkpoints": way.kept(), "steps": way.steps}
    name = kept_name(key, job.run.id, job.attempt) if job.kept else key
    with store.artifacts.making(name, about) as folder:
        _save(job, stage, model, loaded, folder)
    if not stage.full:
        model.unload()  # the next stage, or the scoring, starts from the saved file
    return name


def _save(job: Job, stage: Stage, model, loaded, folder: Path) -> None:
    from lab.engine.adapters import save_adapter
    from lab.engine.weights import save_weights
    if stage.full:
        save_weights(model, folder, store.bases.folder_of(job.run.system.base), loaded.model.dtype)
    else:
        save_adapter(model, folder)


class _Way:
    """The way through a stage: its measurements become events, its checkpoints artifacts of their own."""

    def __init__(self, job: Job, stage: Stage, model, loaded, key: str):
        self.job, self.stage, self.model, self.loaded, self.key = job, stage, model, loaded, key
        self.steps = 0  # of the whole stage, as soon as it is known

    def metric(self, step: int, total: int, values: dict[str, float]) -> None:
        self.steps = total
        self.job.emit("metric", self.stage.kind, step=step, total=total, values=values)

    def keep(self, step: int, total: int) -> None:
        """Keep the weights of a step; a stage that was resumed may find them there."""
        size = sum(parameter.numel() * self.loaded.model.dtype.itemsize for parameter in self.model.parameters() if parameter.requires_grad)
        name = checkpoint_name(self.key, step)
        if store.artifacts.find(name) or size > CHECKPOINT_BYTES and not self.job.run.checkpoints:
            return
        with store.artifacts.making(name, {"kind": "checkpoint", "of": self.key, "step": step, "steps": total}) as folder:
            _save(self.job, self.stage, self.model, self.loaded, folder)

    def kept(self) -> list[int]:
        """Steps whose weights are there."""
        from lab.methods.training import way_points
        return sorted(step for step in way_points(self.steps) if store.artifacts.find(checkpoint_name(self.key, step)))


def share(job: Job, number: int) -> None:
    """A further process's part in stage `number`: what stands before it is there already, and nothing is written."""
    from lab.methods import group
    from lab.methods.stages import run_stage
    data = store.tasks.load(job.run.task)
    loaded, asker = job.load(data)
    weights = Weights(loaded)
    for place, before in enumerate(job.run.system.training[:number - 1], start=1):
        weights.take(before, adapter_key(job.run.system, data.task, place))
    stage = job.run.system.training[number - 1]
    model = weights.to_train(stage)
    hooks = _hooks(job, loaded, stage, adapter_key(job.run.system, data.task, number))
    with group.joined():
        run_stage(dataclasses.replace(loaded, model=model), stage, asker.training_messages(stage.with_passages), data, hooks.checkpoints, hooks,
                  _general(loaded, stage))


def _hooks(job: Job, loaded, stage: Stage, key: str, way: _Way | None = None):
    """How a stage speaks to this run. Without `way` it is a further process of a group: it decides and writes nothing."""
    from lab.methods.training import Hooks
    root = store.runs.checkpoints(job.run.id, key)
    shared: dict[str, Any] = {"checkpoints": root, "resume_from": store.runs.complete_checkpoint(root), "plan": _plans(job, loaded, stage)}
    if way is None:
        return Hooks(metric=lambda *_: None, **shared)
    return Hooks(metric=way.metric, should_stop=job.should_stop, finish_checkpoint=store.files.write_manifest, on_the_way=way.keep,
                 checkpoint_seconds=float(os.environ.get("LAB_CHECKPOINT_SECONDS", "60")), **shared)


def _plans(job: Job, loaded, stage: Stage):
    """How the stage's largest batches find room on this device, chosen once they are known and said as an event."""
    from lab.methods import memory

    def chosen(batches):
        system, shape = job.run.system, None
        try:
            shape = fit.shape_of(store.bases.folder_of(system.base), system.base.parameters)
        except LabError:  # it does not say its sizes: the dry run and the run will tell
            pass
        shared = [batch.model_copy(update={"rows": -(-batch.rows // stage.devices)}) for batch in batches]
        room = hardware.free(job.slot) + memory.held(loaded.device)
        job.plan = plans.plan(shape, stage, loaded.device.type, shared, room, system.quantisation)
        job.note(stage.kind, job.plan.why)
        return job.plan
    return chosen


def _tell_memory(job: Job, stage: Stage, device, measured: int | None) -> dict[str, int | None]:
    """The estimate beside what the stage took at its highest moment: an event, and for the artifact's manifest."""
    from lab.methods.memory import comparable
    estimated = comparable(job.plan.estimate, device) if job.plan.estimate else None
    words = [f"{name} {size_words(value) if value else 'not known'}" for name, value in (("estimated", estimated), ("measured", measured))]
    found = {"estimated": estimated, "measured": measured}
    job.emit("note", stage.kind, message=f"Memory: {', '.join(words)}", values={f"memory_{name}": value for name, value in found.items()})
    return found


def _command(job: Job, number: int) -> list[str]:
    """What starts a further process for a stage."""
    return [sys.executable, "-m", "lab.worker", job.run.id, str(job.attempt), job.slot, str(number)]


def _logs(job: Job) -> Path:
    return store.runs.log_path(job.run.id, job.attempt).parent


def _general(loaded, stage: Stage):
    """The general text that a stage replays or measures weights by; None where it needs none."""
    from lab.methods.replay import General
    if stage.kind != "sft" or not (stage.replay or stage.ewc):
        return None
    if stage.replay_from != WORLD_TEXT:
        return General(store.texts.load(stage.replay_from), loaded)
    from lab.world import corpus, people
    wanted = max(WORLD_TEXTS, stage.ewc_samples)
    return General(list(islice(corpus.Corpus(people.build(), stream="replay").documents(0, progress=1.0), wanted)), loaded)


def rendered(loaded, messages, items) -> dict[str, str]:
    """The first test question as training and an export would write it, to be held against the prompt that was really sent for it. Nothing is
    trained on it."""
    from lab.engine.export import as_exported
    if not items:
        return {}
    asked = messages(items[0].prompt)
    prompt, trained = loaded.template.training_text(asked, items[0].answer)
    return {"item": items[0].id, "prompt": prompt, "answer": trained, "export": as_exported(loaded.tokenizer, loaded.template.text, asked)}
