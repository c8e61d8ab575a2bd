"""What loading, answering and training need of memory, computed from config.json and the parameter count alone. No torch, nothing loaded.

It follows what the engine and the methods hold: full precision on a CPU and bfloat16 on a GPU; AdamW's two moments in full precision;
the vocabulary layer over the answers' positions only; one layer's keys and values twice while the cache grows.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from lab.core import ModelError, Sft, Stage
from lab.core.fit import Batch, Estimate, Method, Shape

Kind = Literal["cpu", "cuda"]
Quantisation = Literal["none", "int8", "nf4"]
FULL, HALF = 4, 2  # bytes of a number
HELD = {"int8": 1.01, "nf4": 0.52}  # bytes of a weight in 8 or 4 bits, with its scales
MIB = 1 << 20
# On a CPU the C library's heap keeps holes between arrays that stay, the more the smaller they are; above 32 MiB it maps each one by itself.
# Measured (tests/bench/bench_fit.py): what waits for the backward pass takes `most` times its room, less `per MiB` of the largest array.
HOLES = {"most": 3.1, "per MiB": 0.065, "least": 1.4}
FULL_HOLES = 0.6  # of these where every weight is trained: no adapter's small arrays stand between
RECOMPUTED = {"cpu": 3.3, "cuda": 1.5}  # layers' worth of activations and their gradients at a time where they are computed a second time
OVERHEAD = {"cpu": 410 * MIB, "cuda": 900 * MIB}  # the libraries of a forked worker; on a GPU its context and the kernels' work space
ANSWERED_TOGETHER, TOKENS_TOGETHER = 64, 16_384  # engine.generate.batches
EVALUATED_TOGETHER = 32  # methods.training.arguments
NAMES = {"hidden": ("hidden_size", "n_embd", "d_model"), "layers": ("num_hidden_layers", "n_layer"), "heads": ("num_attention_heads", "n_head"),
         "vocabulary": ("vocab_size",)}
PLAIN_INNER = ("gpt2", "gpt_neox", "gptj", "gpt_neo", "opt", "bloom", "falcon", "phi")  # two maps in the feed-forward part, not three


def shape_of(folder: Path, parameters: int) -> Shape:
    """The sizes that config.json says. Raises ModelError where it does not say them."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config = config.get("text_config") or config
    found = {name: _first(config, names) for name, names in NAMES.items()}
    if missing := [NAMES[name][0] for name, value in found.items() if not value]:
        raise ModelError(f"config.json does not say {', '.join(missing)}, so the memory cannot be estimated", str(folder),
                         "Try it with a small batch first")
    return Shape(parameters=parameters, inner=_first(config, ("intermediate_size", "n_inner", "ffn_dim")) or 4 * found["hidden"],
                 kv_heads=_first(config, ("num_key_value_heads",)) or found["heads"],
                 head_size=_first(config, ("head_dim",)) or found["hidden"] // found["heads"],
                 gated=config.get("model_type") not in PLAIN_INNER, **found)


def _first(config: dict[str, Any], names: tuple[str, ...]) -> int:
    return next((int(config[name]) for name in names if config.get(name)), 0)


def answering(shape: Shape, batch: Batch, kind: Kind, new_tokens: int, sets: int = 1, held: Quantisation = "none") -> Estimate:
    """Greedy answers for a batch of prompts. sets: whole sets of weights in memory (a full fine-tuning stands beside its base)."""
    size = _bytes(kind)
    per_token = 2 * shape.kv_heads * shape.head_size * size
    whole = batch.rows * (batch.tokens + new_tokens) * per_token * shape.layers
    return Estimate(weights=_weights(shape, kind, held) + (sets - 1) * shape.parameters * size, cache=whole + whole // shape.layers,
                    activations=_passing(shape, batch, size), logits=batch.rows * shape.vocabulary * (size + FULL), overhead=OVERHEAD[kind])


def training(shape: Shape, method: Method, batch: Batch, kind: Kind, rank: int = 16, checkpointing: bool = False,
             accumulated: bool = False, evaluated: int = 0, held: Quantisation = "none", anchored: bool = False, shared: int = 1,
             joined: bool = False) -> Estimate:
    """The highest moment of a training step or of its validation. `batch` is one micro-batch; DPO's rows are pairs.

    accumulated: gradients of earlier micro-batches are held meanwhile. evaluated: validation rows at a time; 0: as the trainer's default.
    held: how the base's weights are; "qlora" is LoRA on 4 bits. anchored: EWC's start and importance of every weight are held too.
    shared: devices that weights, gradients and optimizer are shared out over. joined: the rows stand in one, under a mask of its square.
    """
    trained = shape.parameters if method == "full" else shape.adapter(rank)
    part = -(-FULL * trained // shared)
    weights = _resting(shape, method, kind, held, shared) + part + (2 * FULL * trained if anchored else 0)
    steady = dict(weights=weights, optimizer=2 * part, overhead=OVERHEAD[kind])
    sides = 2 if method == "dpo" else 1
    rows = batch.model_copy(update={"rows": batch.rows * sides})
    if joined:
        rows = Batch(rows=1, tokens=rows.rows * rows.tokens, answers=rows.rows * rows.answers)
    kept = dict(activations=_kept(shape, rows, method, rank, kind, checkpointing), logits=_trained_logits(shape, rows, kind),
                gradients=part if accumulated else 0)
    stepped = dict(gradients=part, activations=_passing(shape, rows, _bytes(kind)))
    read = _validation(batch, method, evaluated)
    looked = dict(activations=_passing(shape, read, _bytes(kind)), logits=_read_logits(shape, read, kind))
    highest = Estimate(**steady, **max((kept, stepped, looked), key=lambda moment: sum(moment.values())))
    if shared == 1:
        return highest
    start = Estimate(weights=_weights(shape, kind, held) + FULL * trained, overhead=OVERHEAD[kind])  # whole, until it is shared out
    return max(start, highest, key=lambda estimate: estimate.total)


def _resting(shape: Shape, method: Method, kind: Kind, held: Quantisation, shared: int) -> int:
    """Weights of the base on one device. Where they are shared out: this device's part, with two layers and the vocabulary's ends gathered
    (with their gradients where all weights are trained, of which the part is counted elsewhere, and beside the base itself)."""
    base = _weights(shape, kind, "nf4" if method == "qlora" else held)
    if shared == 1:
        return base
    gathered = min(shape.parameters, 2 * shape.linear // shape.layers + shape.parameters - shape.linear)
    if method == "full":
        return base + gathered * (_bytes(kind) + FULL)
    return -(-base // shared) + gathered * _bytes(kind)


def _bytes(kind: Kind) -> int:
    return FULL if kind == "cpu" else HALF


def _weights(shape: Shape, kind: Kind, held: Quantisation) -> int:
    small = shape.linear if held != "none" else 0
    return round(HELD.get(held, 0) * small) + (shape.parameters - small) * _bytes(kind)


def _kept(shape: Shape, batch: Batch, method: Method, rank: int, kind: Kind, checkpointing: bool) -> int:
    """Activations that wait for the backward pass: of every layer, or each layer's input and those of the one computed a second time."""
    tokens, size = batch.rows * batch.tokens, _bytes(kind)
    attention, maps = (shape.heads + shape.kv_heads) * shape.head_size, 7 if shape.gated else 6
    numbers = 4 * shape.hidden + 2 * attention + (4 if shape.gated else 3) * shape.inner
    numbers += 2 * shape.hidden if method == "full" else maps * rank
    layer = tokens * numbers * size + batch.rows * batch.tokens ** 2 * size  # the mask, as numbers
    if kind == "cpu":
        layer = round(layer * _holes(tokens * shape.inner * size, method))
    else:
        layer += tokens * 2 * shape.hidden * FULL  # norms are computed in full precision
        layer += tokens * 3 * shape.hidden * HALF if method != "full" else 0  # each adapter casts its own input
    if checkpointing:
        return shape.layers * tokens * shape.hidden * size + round(min(RECOMPUTED[kind], shape.layers) * layer)
    return shape.layers * layer


def _holes(largest: int, method: Method) -> float:
    """How many times their own size arrays take on a CPU; `largest`: bytes of the largest kind. Larger arrays never take less in all."""
    size, turn = largest / MIB, HOLES["most"] / (2 * HOLES["per MiB"])
    found = max(HOLES["least"], HOLES["most"] - HOLES["per MiB"] * size if size <= turn else turn * HOLES["most"] / 2 / size)
    return max(1.0, FULL_HOLES * found) if method == "full" else found


def _passing(shape: Shape, batch: Batch, size: int) -> int:
    """One layer's numbers while they are computed and not kept."""
    attention = shape.heads * shape.head_size
    return batch.rows * batch.tokens * (4 * shape.hidden + 3 * attention + 3 * shape.inner) * size + batch.rows * batch.tokens ** 2 * size


def _trained_logits(shape: Shape, batch: Batch, kind: Kind) -> int:
    """The logits and the three arrays of their size that the gradient of logsumexp makes; bfloat16 ones are held beside."""
    numbers = batch.rows * batch.kept * shape.vocabulary
    return numbers * (4 * FULL + (HALF if kind == "cuda" else 0))


def _read_logits(shape: Shape, batch: Batch, kind: Kind) -> int:
    numbers = batch.rows * batch.kept * shape.vocabulary
    return numbers * (2 * FULL + (HALF if kind == "cuda" else 0))


def _validation(batch: Batch, method: Method, evaluated: int) -> Batch:
    """The largest batch read without gradients: validation rows, or DPO's reference beforehand."""
    rows = evaluated or max(EVALUATED_TOGETHER, batch.rows)
    reference = 2 * evaluated or together(batch.tokens)
    return batch.model_copy(update={"rows": max(2 * rows, reference) if method == "dpo" else rows})


def together(tokens: int) -> int:
    """Rows of that length that are answered in one batch."""
    return max(1, min(ANSWERED_TOGETHER, TOKENS_TOGETHER // max(1, tokens)))


def method_of(stage: Stage, held: Quantisation = "none") -> Method:
    if isinstance(stage, Sft) and stage.full:
        return "full"
    return stage.kind if stage.kind == "dpo" else "qlora" if held == "nf4" else "lora"


def stage_estimate(shape: Shape, stage: Stage, kind: Kind, batch: Batch, micro_batch: int = 0, checkpointing: bool = False,
                   held: Quantisation = "none") -> Estimate:
    """One stage's need for `batch`, a whole batch; micro_batch 0 takes it at once."""
    rows = min(micro_batch or batch.rows, batch.rows)
    split = rows < batch.rows or 0 < micro_batch < stage.batch_size
    return training(shape, method_of(stage, held), batch.model_copy(update={"rows": rows}), kind, rank=stage.lora_rank,
                    checkpointing=checkpointing, accumulated=split, evaluated=rows if split else 0, held=held,
                    anchored=isinstance(stage, Sft) and stage.ewc > 0, shared=stage.devices if stage.sharded else 1,
                    joined=stage.packing == "on" and not (kind == "cuda" and find_spec("flash_attn")))
