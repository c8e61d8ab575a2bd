"""Which Systems find room on which device: a base's levers for the model card, refusals and warnings before anything is queued.

Batches are taken whole, as the methods take them. Knows no torch; a base that does not say its sizes is judged by the run alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab import store
from lab.core import Base, Experiment, Failure, LabError, MemoryError_, Stage, System, TaskData, Value, proposed_stage, training_rows
from lab.core.fit import SHARE, Badge, Batch, Estimate, Shape, badge
from lab.corpus.preview import tokenizer_of
from lab.corpus.template import ChatTemplate
from lab.jobs import fit
from lab.jobs.hardware import Device, devices

TYPICAL_TOKENS, TYPICAL_ANSWER, NEW_TOKENS = 512, 128, 64  # what the model card supposes of a row
MIB = 1 << 20


class Lever(Value):
    """One lever on one device: what the whole batch needs, what one row at a time would need, and the verdict."""

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
    for name, stage in (("LoRA", sft), ("DPO", dpo), ("Full", sft.model_copy(update={"tuning": "full"}))):
        whole, least = (fit.stage_estimate(shape, stage, device.kind, tokens, TYPICAL_ANSWER, rows) for rows in (stage.batch_size, 1))
        yield _lever(name, whole, least.total, device)


def _lever(name: str, whole: Estimate, least: int, device: Device) -> Lever:
    return Lever(name=name, device=device.name, estimate=whole, least=least, free=device.memory_free,
                 verdict=badge(whole.total, least, device.memory_free, device.memory_total))


def too_big(system: System, data: TaskData, found: Sequence[Device]) -> Iterator[MemoryError_]:
    """A stage whose batch no device could hold with all its memory."""
    for stage, needs in _needs(system, data, found):
        if found and all(need > device.memory_total for device, need in zip(found, needs)):
            most = max(found, key=lambda device: device.memory_total)
            yield MemoryError_(f"{stage.kind.upper()} needs about {_size(needs[found.index(most)])} and {most.name} has {_size(most.memory_total)}",
                               f"System {system.name}, task {data.task.name}", _way_out(stage))


def tight(experiment: Experiment) -> list[Failure]:
    """Stages that would fill what is free now on every device; they may still find room when other programs end. Reads only."""
    found = devices()
    return [MemoryError_(f"{stage.kind.upper()} needs about {_size(min(needs))}; {_size(max(device.memory_free for device in found))} are free now",
                         f"System {system.name}, task {name}", f"Close other programs. {_way_out(stage)}").failure
            for name in experiment.tasks for system in experiment.systems for stage, needs in _needs(system, store.tasks.load(name), found)
            if all(need > SHARE * device.memory_free for device, need in zip(found, needs))]


def _needs(system: System, data: TaskData, found: Sequence[Device]) -> Iterator[tuple[Stage, list[int]]]:
    """Bytes that each stage needs, per device. Nothing where the base does not say its sizes: the run will tell."""
    if not system.training:
        return
    try:
        folder = store.bases.folder_of(system.base)
        shape, template = fit.shape_of(folder, system.base.parameters), ChatTemplate.of(folder, system.template)
        lengths = [_longest(folder, template, system, stage, data) for stage in system.training]
    except LabError:
        return
    for stage, (tokens, answers) in zip(system.training, lengths):
        yield stage, [fit.stage_estimate(shape, stage, device.kind, tokens, answers).total for device in found]


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
    ways = "Use a smaller batch size or shorter examples, or a smaller base"
    return ways + (", or LoRA in place of full tuning" if stage.full else "")


def _size(value: int) -> str:
    return f"{value / (1 << 30):.1f} GB" if value >= 1 << 30 else f"{value / MIB:.0f} MB"
