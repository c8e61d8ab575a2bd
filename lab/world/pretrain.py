"""Pretraining of the base from nothing: a bare PyTorch loop over a Hugging Face model, on the world's stream of documents.

It ends with a standard model folder that loads anywhere, and a card that says how it was made and what it can and cannot do.
"""

from __future__ import annotations

import os
import time
from math import cos, pi
from pathlib import Path
from typing import Any, Callable

import torch
from torch.nn.functional import cross_entropy

from lab.world import batches, card, corpus, people, probes
from lab.world import tokenizer as tokenizers
from lab.world.presets import PRESETS, Preset

Emit = Callable[[dict[str, Any]], None]
HELD_OUT = 150


def new_model(preset: Preset, tokenizer: Any) -> Any:
    """Llama in small: of two shapes of this size that were tried (the other: GPT-NeoX) it learned faster per token and second."""
    from transformers import LlamaConfig, LlamaForCausalLM
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=preset.width, num_hidden_layers=preset.layers,
                         num_attention_heads=preset.heads, intermediate_size=preset.inner,
                         max_position_embeddings=preset.positions, tie_word_embeddings=True,
                         bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return LlamaForCausalLM(config)


def optimizers_of(model: Any, preset: Preset) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for embeddings and norms.

    Reading begins after about a quarter of the tokens that AdamW alone needs (measured on this corpus); norms do not decay.
    """
    inside = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
    table = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" in name]
    norms = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": table, "weight_decay": preset.weight_decay}, {"params": norms, "weight_decay": 0.0}]
    return [torch.optim.Muon(inside, lr=preset.muon_rate, weight_decay=preset.weight_decay, momentum=0.95),
            torch.optim.AdamW(groups, lr=preset.learning_rate, betas=preset.betas, foreach=True)]


def share_of_rate(step: int, preset: Preset) -> float:
    """Share of the peak learning rate: two cycles of linear warm-up and cosine, the second up to half the peak."""
    turn = round(preset.restart * preset.steps)
    peak, start, end = (1.0, 0, turn) if step < turn else (0.5, turn, preset.steps)
    warmup = min(preset.warmup, max(1, (end - start) // 10))
    if step - start < warmup:
        return peak * (step - start + 1) / warmup
    done = (step - start - warmup) / max(1, end - start - warmup)
    return peak * (preset.final_rate + (1 - preset.final_rate) * (1 + cos(pi * done)) / 2)


def set_rates(optimizers: list[torch.optim.Optimizer], step: int, preset: Preset) -> None:
    for optimizer, peak in zip(optimizers, (preset.muon_rate, preset.learning_rate)):
        for group in optimizer.param_groups:
            group["lr"] = peak * share_of_rate(step, preset)


def train_step(model: Any, optimizers: list[torch.optim.Optimizer], rows: list[list[int]], tokenizer: Any, preset: Preset) -> float:
    """One step over the rows; returns the plain mean loss per token."""
    parts = [batches.padded(part, tokenizer.pad_token_id) for part in batches.cut(rows)]
    reals = [targets >= 0 for _, targets in parts]
    roles = tokenizers.roles(tokenizer)
    weights = [batches.weights(ids, roles, preset.prompt_weight, preset.answer_weight)[real] for (ids, _), real in zip(parts, reals)]
    whole, tokens, total = sum(weight.sum().item() for weight in weights), sum(map(len, weights)), 0.0
    for (ids, targets), real, weight in zip(parts, reals, weights):
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        losses = cross_entropy(model.get_output_embeddings()(hidden[real]), targets[real], reduction="none")
        ((losses * weight).sum() / whole).backward()
        total += losses.detach().sum().item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), preset.clip)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return total / tokens


def pretrain(preset: str | Preset, folder: Path, *, seed: int = 0, steps: int | None = None, emit: Emit = lambda event: None,
             should_stop: Callable[[], bool] = lambda: False) -> dict[str, Any]:
    """Make a base and write its folder. Returns the card. A stop keeps what was learned so far, and the card says so.

    Raises KeyError for an unknown preset, FileExistsError where the folder holds a model, OSError where it cannot be written.
    """
    if (Path(folder) / "config.json").exists():
        raise FileExistsError(f"{folder} holds a model already. Give another folder: a base is never overwritten")
    settings = PRESETS[preset] if isinstance(preset, str) else preset
    settings = settings.model_copy(update={"steps": steps}) if steps else settings
    torch.manual_seed(seed)
    world = people.build(0)
    tokenizer = tokenizers.train(world)
    model = new_model(settings, tokenizer)
    stream = corpus.Corpus(world, seed)
    facts = _run(model, tokenizer, world, stream, settings, emit, should_stop)
    facts |= {"preset": preset if isinstance(preset, str) else "custom", "seed": seed, "settings": settings.model_dump(mode="json"),
              "parameters": model.num_parameters(), "world": world.key, "world_seed": world.seed, "tokenizer": tokenizers.tokenizer_hash(tokenizer)}
    facts["probes"] = final_probes(model, tokenizer, world, n=100 if facts["steps"] >= 200 else 10)
    write(folder, model, tokenizer, facts)
    emit({"kind": "note", "step": facts["steps"], "message": f"The base was written to {folder}"})
    return facts


def _run(model: Any, tokenizer: Any, world: people.World, stream: corpus.Corpus, preset: Preset, emit: Emit,
         should_stop: Callable[[], bool]) -> dict[str, Any]:
    """The loop. Returns what was measured on the way."""
    optimizers = optimizers_of(model, preset)
    held = list(corpus.held_out(world, HELD_OUT, seed=99))
    every = max(1, preset.steps // preset.checkpoints)
    started, cpu, tokens, losses, curve = time.time(), time.process_time(), 0, [], []
    documents, text_hash = 0, ""
    for done in range(preset.steps):
        rows, texts = batches.rows_of(stream, tokenizer, done, done / preset.steps, preset.step_tokens, preset.positions)
        documents, text_hash = documents + len(texts), corpus.chained(text_hash, texts)
        set_rates(optimizers, done, preset)
        model.train()
        losses.append(train_step(model, optimizers, rows, tokenizer, preset))
        tokens, done = tokens + sum(map(len, rows)), done + 1
        if done % 20 == 0:
            emit({"kind": "metric", "step": done, "total": preset.steps, "tokens": tokens, "loss": sum(losses[-20:]) / 20,
                  "seconds": time.time() - started})
        stop = should_stop()
        if stop or done % every == 0 or done == preset.steps:
            curve.append(checkpoint(model, tokenizer, world, held, done, tokens, losses[-every:]))
            emit({"kind": "metric", "total": preset.steps, "seconds": time.time() - started} | curve[-1])
        if stop:
            break
    return {"steps": done, "stopped": done < preset.steps, "tokens": tokens, "seconds": round(time.time() - started, 1),
            "documents": documents, "corpus": text_hash[:16],
            "cpu_seconds": round(time.process_time() - cpu, 1), "threads": torch.get_num_threads(), "torch": torch.__version__,
            "first_loss": round(losses[0], 4), "last_loss": round(losses[-1], 4), "curve": curve}


def checkpoint(model: Any, tokenizer: Any, world: people.World, held: list[str], step: int, tokens: int,
               losses: list[float]) -> dict[str, Any]:
    model.eval()
    pairs = probes.text_losses(model, tokenizer, held)
    found = probes.ladder(model, tokenizer, world, n=25)
    return {"step": step, "tokens": tokens, "loss": round(sum(losses) / len(losses), 4),
            "validation_loss": round(sum(a for a, _ in pairs) / sum(b for _, b in pairs), 4),
            "probes": {name: score["value"] for name, score in found.items()}}


def final_probes(model: Any, tokenizer: Any, world: people.World, n: int) -> dict[str, dict[str, float]]:
    found = probes.ladder(model, tokenizer, world, n=n, seed=2)
    found["few-shot pattern, 4 shots"] = probes.few_shot(model, tokenizer, world, n=n, seed=2)
    return found | probes.generated(model, tokenizer, world, n=n, seed=2)


def write(folder: Path, model: Any, tokenizer: Any, facts: dict[str, Any]) -> None:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    tokenizers.save(tokenizer, folder)
    card.write(folder, facts)


def main(argv: list[str] | None = None) -> None:
    import argparse
    import json
    parser = argparse.ArgumentParser(prog="python -m lab.world.pretrain", description=__doc__)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="XS")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights and of the corpus")
    parser.add_argument("--steps", type=int, help="fewer or more steps than the preset's")
    given = parser.parse_args(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    pretrain(given.preset, given.out, seed=given.seed, steps=given.steps, emit=lambda event: print(json.dumps(event), flush=True))


if __name__ == "__main__":
    main()
