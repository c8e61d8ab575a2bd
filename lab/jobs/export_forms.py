"""In which forms a System can leave the lab, and why not: an adapter beside its base, all weights as one model, or messages and settings alone.
Knows what runs trained; writes nothing.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from lab import store
from lab.core import ModelError, Run, Task, adapter_key
from lab.jobs.outcomes import kept_name

Form = Literal["adapter", "merged", "messages"]
AGAIN = "Run it again"


class Trained(NamedTuple):
    """Artifact keys of what a run trained: whole weights, and the adapter that stands on them or on the base; empty where there is none."""

    weights: str
    adapter: str


def trained(run: Run, task: Task) -> Trained:
    """What a run's System answers with; of a run that was stopped and kept what it had until then."""
    keys, kept = [adapter_key(run.system, task, number) for number in range(1, len(run.system.training) + 1)], store.runs.state(run.id).kept
    for place in reversed(range(len(keys)) if kept else ()):
        if store.artifacts.about(name := kept_name(keys[place], run.id, kept)):
            keys = [*keys[:place], name]
            break
    weights = adapter = ""
    for stage, key in zip(run.system.training, keys):
        weights, adapter = (key, "") if stage.full else (weights, key)
    return Trained(weights, adapter)


def forms(run: Run) -> tuple[Form, ...]:
    """The forms that a System of this kind has, the usual one first. Whether one can be written says `demand`."""
    if not run.system or not run.system.training:
        return ("messages",)
    return ("merged",) if all(stage.full for stage in run.system.training) else ("adapter", "merged")


def chosen(run: Run, merged: bool) -> Form:
    """The form that is meant by one switch: full weights where they are asked for, or where there is nothing smaller."""
    return "merged" if merged and run.system and run.system.training else forms(run)[0]


def demand(run: Run, form: Form, task: Task | None = None) -> None:
    """Raises LabError with the reason where the run's System cannot leave in this form. `task`: the run's, where the caller has read it."""
    _demand_answers(run)
    if form == "merged":
        _demand_whole(run)
    if run.system.training:
        kept = trained(run, task or store.tasks.glance(run.task).task)
        if form == "adapter" and (kept.weights or not kept.adapter):
            raise ModelError("The adapter of this System stands on weights that an earlier stage tuned in full: on the base it would be another System"
                             if kept.adapter else "This System has no adapter: all its weights were trained", run.id, "Export it as merged weights")
        if gone := [key for key in kept if key and not store.artifacts.about(key)]:
            raise ModelError("What the System trained is no longer there", gone[0], AGAIN)


def _demand_answers(run: Run) -> None:
    """A System of a base with files, whose run came to its end."""
    if run.system is None:
        raise ModelError("A pretraining makes a base, not a System", run.id, "python -m lab pretrain --out FOLDER writes a base")
    if not store.bases.has_files(run.system.base):
        raise ModelError("A model behind an endpoint shows no weights: there is nothing that could be taken away", run.system.base.ref,
                         "Ask it where it is, or through python -m lab serve --endpoint; the prompts that were sent stand on Compare under Outputs")
    state = store.runs.state(run.id)
    if state.name != "finished" and not (state.name == "stopped" and state.kept):
        raise ModelError(f"This run is {state.name}: only what was made and scored is exported", run.id, "Wait until it has finished, or resume it")


def _demand_whole(run: Run) -> None:
    """A base whose numbers are all there to be added to."""
    held = run.system.quantisation
    if held == "none" and "quantization_config" in store.safety.config(store.bases.folder_of(run.system.base)):
        held = "few bits"
    if held != "none":
        raise ModelError(f"The base is held in {held}: merging would round the adapter away", run.id, "Export the adapter, and load it on the same base")
