"""Scoring multiple choice: a question and its options read as a tree, against one row at a time and lm-evaluation-harness; same token ids."""

from __future__ import annotations

import warnings

from common import CpuSeconds, table

ITEMS, OPTIONS, SHOTS = 60, 4, 180  # SHOTS: tokens of the worked examples that stand before every question of the second profile
SIZES = {"5M": (256, 688, 5, 8), "30M": (512, 1376, 8, 8)}  # hidden, intermediate, layers, heads


def model(size: str):
    """A Llama-shaped model with random weights and the shipped tokenizer, loaded as the lab loads any base."""
    import shutil

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lab import store
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    folder = store.home() / "bench" / f"choices-{size}"
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        shutil.copytree(store.SHIPPED / "bases" / store.bases.shipped()[0], folder, dirs_exist_ok=True)
        hidden, intermediate, layers, heads = SIZES[size]
        LlamaForCausalLM(LlamaConfig(hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
                                     vocab_size=4_096, max_position_embeddings=512, eos_token_id=0, pad_token_id=1)).save_pretrained(folder)
    return load_base(folder, settle())


def questions(shared: int = 0, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """A row per option: prompts of 20 to 120 tokens behind `shared` ones that are the same for all, options of 2 to 12."""
    import numpy as np
    chance = np.random.default_rng(seed)

    def ids(low: int, high: int) -> list[int]:
        return chance.integers(5, 4_000, chance.integers(low, high + 1)).tolist()

    shots = ids(shared, shared)
    prompts = [shots + ids(20, 120) for _ in range(ITEMS)]
    return [(prompt, ids(2, 12)) for prompt in prompts for _ in range(OPTIONS)]


def measured(call) -> tuple[float, list[float]]:
    with CpuSeconds() as cpu:
        found = call()
    return cpu.seconds, found


def choices(totals: list[float]) -> list[int]:
    return [max(range(OPTIONS), key=lambda place: totals[start + place]) for start in range(0, len(totals), OPTIONS)]


def compare(size: str, shared: int) -> None:
    from lm_eval.models.huggingface import HFLM

    from lab.engine.choices import read_choices, reads_trees
    from lab.engine.likelihood import continuation_logps
    loaded, rows = model(size), questions(shared)
    theirs = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=16, device="cpu")
    requests = [(("", ""), prompt, answer) for prompt, answer in rows]
    assert reads_trees(loaded)
    tree, ours = measured(lambda: [reading.total for reading in read_choices(loaded, rows)])
    single, alone = measured(lambda: [continuation_logps(loaded, [row])[0][0] for row in rows])
    harness, others = measured(lambda: [total for total, _ in theirs._loglikelihood_tokens(requests, disable_tqdm=True)])
    apart = max(abs(one - other) for one, other in zip(ours, alone))
    assert choices(ours) == choices(alone) == choices(others) and apart < 1e-4, apart
    table(f"Multiple choice, {ITEMS} items x {OPTIONS} options{f', {shared} tokens of shots' if shared else ''}, {size} parameters (CPU-seconds)", [
        ("as trees", f"{tree:.2f}", f"equal choices; log-probabilities within {apart:.0e}", "equal"),
        ("one row at a time", f"{single:.2f}", f"{single / tree:.1f}x slower", ""),
        ("lm-evaluation-harness, batch 16", f"{harness:.2f}", f"{harness / tree:.1f}x slower", "3.5x")])


def main() -> None:
    warnings.filterwarnings("ignore")
    for size, shared in (("5M", 0), ("5M", SHOTS), ("30M", 0)):
        compare(size, shared)


if __name__ == "__main__":
    main()
