"""What the benchmarks share: a random model of about 5M parameters, examples of realistic lengths, CPU-seconds, a table."""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
warnings.filterwarnings("ignore")

ROWS, MEAN, SIGMA, LONGEST = 160, 80, 0.6, 256


def five_million():
    """A Llama-shaped model with random weights (about 5M parameters), loaded as the lab loads any base."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lab import store
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    folder = store.home() / "bench" / "5M"
    if not (folder / "model.safetensors").exists():
        import shutil
        shipped = store.SHIPPED / "bases" / store.bases.shipped()[0]
        torch.manual_seed(0)
        shutil.copytree(shipped, folder, dirs_exist_ok=True)
        config = LlamaConfig(hidden_size=256, intermediate_size=688, num_hidden_layers=5, num_attention_heads=8, vocab_size=4096,
                             max_position_embeddings=512, tie_word_embeddings=True, eos_token_id=0, pad_token_id=1)
        LlamaForCausalLM(config).save_pretrained(folder)
    return load_base(folder, settle())


def rows(count: int = ROWS, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """(prompt, answer) token ids; whole lengths log-normal with mean 80, at most 256; half of them answer."""
    import numpy as np
    chance = np.random.default_rng(seed)
    lengths = np.clip(chance.lognormal(np.log(MEAN) - SIGMA**2 / 2, SIGMA, count), 8, LONGEST).astype(int)
    return [(chance.integers(5, 4000, length // 2).tolist(), chance.integers(5, 4000, length - length // 2).tolist()) for length in lengths]


class CpuSeconds:
    """Seconds of this process's CPU inside a with block."""

    def __enter__(self) -> "CpuSeconds":
        self.begun = time.process_time()
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.process_time() - self.begun


def table(title: str, lines: list[tuple[str, str, str, str]]) -> None:
    """Print rows of (what, measured, ratio, aim)."""
    print(f"\n{title}")
    widths = [max(len(row[column]) for row in [("what", "measured", "ratio", "aim"), *lines]) for column in range(4)]
    for row in [("what", "measured", "ratio", "aim"), *lines]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)))
