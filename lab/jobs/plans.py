"""How a stage's batch is cut so that it finds room: the largest micro-batch first, recomputed activations only where one row does not fit.

Micro-batches cost next to nothing; gradient checkpointing computes every activation twice. Reads no device: what is free comes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.core import Sft, Stage
from lab.core.fit import SHARE, Batch, Estimate, Plan, Shape, size_words
from lab.jobs import fit
from lab.jobs.fit import Kind, Quantisation

WORTH_A_TRY = 0.1  # of what is free: below it a dry run could find out nothing
SHORTEST = 64  # tokens; nobody is told to cut examples further


def plan(shape: Shape | None, stage: Stage, kind: Kind, batches: Sequence[Batch], free: int, held: Quantisation = "none") -> Plan:
    """The first way of computing `batches` (a stage's largest ones, whole) whose need finds room in `free` bytes; where none does, the one
    that needs least, which the dry run will try. A setting of the stage that says how is followed."""
    if shape is None:
        return Plan(micro_batch=stage.micro_batch, checkpointing=stage.checkpointing == "on", dry_run=True, free=free,
                    why="The base does not say its sizes, so the memory is not estimated", way_out="Set fewer examples at a time")
    ways = list(_ways(stage, max(batch.rows for batch in batches)))
    needs = [need(shape, stage, kind, batches, held, *way) for way in ways]
    place = next((place for place, found in enumerate(needs) if found.total <= SHARE * free), len(ways) - 1)
    (rows, checkpointing), estimate = ways[place], needs[place]
    whole = rows >= max(batch.rows for batch in batches)
    return Plan(micro_batch=0 if whole else rows, checkpointing=checkpointing, dry_run=estimate.total > WORTH_A_TRY * free, estimate=estimate,
                free=free, why=_why(stage, whole, rows, checkpointing, estimate, needs[0], free),
                way_out=way_out(shape, stage, kind, batches, min(SHARE * free, _clearly_less(estimate)), held, (rows, checkpointing)))


def _clearly_less(estimate: Estimate) -> float:
    """Where an estimate that fits has failed all the same: a fifth less of what the batch takes."""
    return estimate.total - 0.2 * (estimate.activations + estimate.logits)


def need(shape: Shape, stage: Stage, kind: Kind, batches: Sequence[Batch], held: Quantisation, rows: int, checkpointing: bool) -> Estimate:
    """The most demanding of the batches, at most `rows` rows at a time."""
    found = [fit.stage_estimate(shape, stage, kind, batch, min(rows, batch.rows), checkpointing, held) for batch in batches]
    return max(found, key=lambda estimate: estimate.total)


def _ways(stage: Stage, rows: int) -> Iterator[tuple[int, bool]]:
    """(examples at a time, recomputed activations), the fastest first."""
    for checkpointing in {"off": (False,), "on": (True,), "auto": (False, True)}[stage.checkpointing]:
        size = min(rows, stage.micro_batch or rows)
        while True:
            yield size, checkpointing
            if stage.micro_batch or size == 1:
                break
            size = -(-size // 2)


def _why(stage: Stage, whole: bool, rows: int, checkpointing: bool, estimate: Estimate, first: Estimate, free: int) -> str:
    how = "the whole batch at once" if whole else f"{rows} of {stage.batch_size} examples at a time"
    how += ", activations computed a second time" if checkpointing else ""
    words = f"Memory: about {size_words(estimate.total)} of {size_words(free)} with {how}"
    if estimate.total > SHARE * free:
        return f"{words}; that may be too much, and nothing smaller was found"
    return words if estimate == first else f"{words}; {size_words(first.total)} would be needed otherwise"


def way_out(shape: Shape, stage: Stage, kind: Kind, batches: Sequence[Batch], room: float, held: Quantisation, now: tuple[int, bool]) -> str:
    """The mildest change of settings whose estimate finds room; `now` is what did not."""
    for words, changed, rows, checkpointing, shorter in _changes(stage, batches, now):
        if need(shape, changed, kind, shorter, held, rows, checkpointing).total <= room:
            return f"{words} fits by the estimate"
    return "No setting of this stage fits by the estimate: free memory, or use a smaller base or a larger device"


def _changes(stage: Stage, batches: Sequence[Batch], now: tuple[int, bool]) -> Iterator[tuple[str, Stage, int, bool, Sequence[Batch]]]:
    rows, checkpointing = now
    while rows > 1:
        rows //= 2
        yield f"Examples at a time: {rows}", stage, rows, checkpointing, batches
    if not checkpointing:
        yield "Examples at a time: 1 with gradient checkpointing on", stage, 1, True, batches
    shared = stage.model_copy(update={"sharding": "full"})
    if shared.sharded and not stage.sharded and not (isinstance(stage, Sft) and stage.ewc):
        yield "Sharding full with examples at a time: 1 and gradient checkpointing on", shared, 1, True, batches
    for changed in [stage, *([stage.model_copy(update={"tuning": "lora", "ewc": 0.0})] if isinstance(stage, Sft) and stage.full else [])]:
        lead = "Examples at a time: 1, gradient checkpointing on" if changed is stage else \
            "LoRA in place of all weights, examples at a time: 1, gradient checkpointing on"
        if changed is not stage:
            yield lead, changed, 1, True, batches
        tokens = max(batch.tokens for batch in batches) // 2
        while tokens >= SHORTEST:
            shorter = [batch.model_copy(update={"tokens": min(batch.tokens, tokens), "answers": min(batch.answers, tokens)}) for batch in batches]
            yield f"{lead}, maximum length {tokens}", changed, 1, True, shorter
            tokens //= 2
