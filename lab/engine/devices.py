"""Threads and devices of this process. The engine knows nothing about tasks, runs or pages."""

from __future__ import annotations

import os

import torch


def settle(slot: str = "cpu:0") -> torch.device:
    """Use the slot a worker was given: one thread per worker on a CPU, the first visible GPU otherwise.

    More threads than free cores make the first step take tens of seconds, so the number never comes from the machine.
    """
    if slot.startswith("cuda") and torch.cuda.is_available():
        return torch.device("cuda")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    return torch.device("cpu")


def precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the GPU has it, else float32; never float16 by accident."""
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
