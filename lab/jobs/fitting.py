"""Which Systems find room on which device: a base's levers for the model card, refusals and warnings before anything is queued.

Batches are cut as the run would cut them (jobs/plans). Knows no torch; a base that does not say its sizes is judged by the run alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab import store
from lab.core import Base, Experiment, Failure, LabError, MemoryError_, Stage, System, TaskData, Value, proposed_stage, training_rows
from lab.core.fit import SHARE, Badge, Batch, Estimate, Shape, badge, size_words
from lab.corpus.preview import tokenizer_of
from lab.corpus.template import ChatTemplate
from lab.jobs import fit, plans
from lab.jobs.fit import Quantisation
from lab.jobs.hardware import Device, devices

TYPICAL_TOKENS, TYPICAL_ANSWER, NEW_TOKENS = 512, 128, 64  # what the model card supposes of a row
MOST_REMEMBERED = 256  # lengths of a System's rows
_LENGTHS: dict[tuple, list[tuple[int, int]]] = {}


class Lever(Value):
    """One lever on one device: what the whole batch needs, what one row at a time with recomputed activations would need, and the verdict."""

    name: str
    device: str
    estimate: Estimate
    least: int
    free: int
    verdict: Badge


def levers(base: Base, found: Sequence[Device] | None = None) -> list[Lever]:
    """Answering and the default stages for this base on each device. Raises ModelError where the base does not say its sizes."""
    shape = fit.shape_of(store.bases.folder_of(base), base.parameters)
    tokens = min(TYPICAL_TOKENS, base.context or TYPICAL_TOKENS)
    return [lever for device in (devices() if found is None else found) for lever in _levers(shape, base, device, tokens)]


def _levers(shape: Shape, base: Base, device: Device, tokens: int) -> Iterator[Lever]:
    sft, dpo = proposed_stage("sft", base.parameters), proposed_stage("dpo", base.parameters)
    one, many = (fit.answering(shape, Batch(rows=rows, tokens=tokens), device.kind, NEW_TOKENS) for rows in (1, fit.together(tokens)))
    yield _lever("Answer", many, one.total, device)
    chosen: list[tuple[str, Stage, Quantisation]] = [("LoRA", sft, "none"), ("DPO", dpo, "none"),
                                                     ("Full", sft.model_copy(update={"tuning": "full"}), "none")]
    if device.kind == "cuda":
        chosen.insert(1, ("QLoRA", sft, "nf4"))
    for name, stage, held in chosen:
        batch = Batch(rows=stage.batch_size, tokens=tokens, answers=TYPICAL_ANSWER)
        whole, least = (fit.stage_estimate(shape, stage, device.kind, batch, rows, rows == 1, held) for rows in (stage.batch_size, 1))
        yield _lever(name, whole, least.total, device)


def _lever(name: str, whole: Estimate, least: int, device: Device) -> Lever:
    return Lever(name=name, device=device.name, estimate=whole, least=least, free=device.memory_free,
                 verdict=badge(whole.total, least, device.memory_free, device.memory_total))


def too_big(system: System, data: TaskData, found: Sequence[Device]) -> Iterator[MemoryError_]:
    """A stage that no device could hold with all its memory, however its batch is cut."""
    for stage, needs in _needs(system, data, found, "memory_total"):
        if found and all(need > device.memory_total for device, need in zip(found, needs)):
            most = max(found, key=lambda device: device.memory_total)
            yield MemoryError_(f"{stage.kind.upper()} needs about {size_words(needs[found.index(most)])} and {most.name} has "
                               f"{size_words(most.memory_total)}", f"System {system.name}, task {data.task.name}", _way_out(stage))


def tight(experiment: Experiment) -> list[Failure]:
    """Stages that would fill what is free now on every device; they may still find room when other programs end. Reads only."""
    found = devices()
    return [MemoryError_(f"{stage.kind.upper()} needs about {size_words(min(needs))}; {size_words(max(device.memory_free for device in found))} "
                         "are free now", f"System {system.name}, task {name}", f"Close other programs. {_way_out(stage)}").failure
            for name in experiment.tasks for system in experiment.systems
            for stage, needs in _needs(system, store.tasks.glance(name), found, "memory_free")
            if all(need > SHARE * device.memory_free for device, need in zip(found, needs))]


def _needs(system: System, data: TaskData, found: Sequence[Device], room: str) -> Iterator[tuple[Stage, list[int]]]:
    """Bytes that each stage needs, per device, cut for that much of its memory. Nothing where the base does not say its sizes: the run
    will tell."""
    if not system.training:
        return
    try:
        shape = fit.shape_of(store.bases.folder_of(system.base), system.base.parameters)
        lengths = longest_rows(system, data)
    except LabError:
        return
    for stage, (tokens, answers) in zip(system.training, lengths):
        batch = Batch(rows=-(-stage.batch_size // stage.devices), tokens=tokens, answers=answers)
        chosen = [plans.plan(shape, stage, device.kind, [batch], getattr(device, room), system.quantisation) for device in found]
        yield stage, [plan.estimate.total for plan in chosen]


def longest_rows(system: System, data: TaskData) -> list[tuple[int, int]]:
    """(tokens of the longest row, of the longest answer) for each stage. Tokenising takes a moment and a form asks at every change, so what
    was counted for the same content is remembered."""
    key = (system.base.fingerprint, system.template, system.instruction, bool(system.retrieval), system.training,
           tuple(sorted(data.task.fingerprints.items())))
    if key not in _LENGTHS:
        folder = store.bases.folder_of(system.base)
        template = ChatTemplate.of(folder, system.template)
        found = [_longest(folder, template, system, stage, data) for stage in system.training]
        while len(_LENGTHS) >= MOST_REMEMBERED:
            del _LENGTHS[next(iter(_LENGTHS))]
        _LENGTHS[key] = found
    return _LENGTHS[key]


def _longest(folder: Path, template: ChatTemplate, system: System, stage: Stage, data: TaskData) -> tuple[int, int]:
    """Tokens of the longest row and answer among those with the most characters; with passages the stage's own limit stands for the row."""
    if stage.kind == "dpo":
        rows = [(pair.prompt, max(pair.chosen, pair.rejected, key=len)) for pair in data.preferences]
    else:
        rows = [(row.prompt, row.answer) for row in training_rows(data.split("train"), stage.rows, stage.examples)]
    rows = sorted(rows, key=lambda row: -len(row[0]) - len(row[1]))[:stage.batch_size]
    head = [{"role": "system", "content": system.instruction}] if system.instruction and template.takes_system else []
    texts = [text for prompt, answer in rows for text in template.training_text([*head, {"role": "user", "content": prompt}], answer)]
    counts = [len(found.ids) for found in tokenizer_of(folder).encode_batch(texts, add_special_tokens=False)]
    whole = max((before + after for before, after in zip(counts[::2], counts[1::2])), default=1)
    if system.retrieval and stage.with_passages:
        whole = max(whole, min(stage.max_length, system.base.context or stage.max_length))
    return min(whole, stage.max_length), max(counts[1::2], default=1)


def _way_out(stage: Stage) -> str:
    ways = "Use shorter examples or a smaller base"
    if stage.micro_batch or stage.checkpointing == "off":
        ways = "Leave the examples at a time and gradient checkpointing to the program, or use a smaller batch size"
    return ways + (", or LoRA in place of full tuning" if stage.full else "")
