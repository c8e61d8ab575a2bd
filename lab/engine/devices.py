"""Threads and devices of this process. The engine knows nothing about tasks, runs or pages."""

from __future__ import annotations

import importlib.util
import os
from typing import NamedTuple

import torch


class Attention(NamedTuple):
    """A kernel by the library's name, and why it is the one."""

    name: str
    why: str


def settle(slot: str = "cpu:0") -> torch.device:
    """Use the slot a worker was given: one thread per worker on a CPU, the first visible GPU otherwise; in a group each its own.

    More threads than free cores make the first step take tens of seconds, so the number never comes from the machine.
    """
    if slot.startswith("cuda") and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        return torch.device("cuda")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    return torch.device("cpu")


def precision(device: torch.device) -> torch.dtype:
    """bfloat16 where the GPU has it, else float32; never float16 by accident."""
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def attention(device: torch.device) -> Attention:
    """FlashAttention where it is installed and the device computes in bfloat16, else PyTorch's own fused kernel."""
    if device.type != "cuda":
        return Attention("sdpa", "PyTorch's fused attention; FlashAttention needs a GPU")
    if precision(device) != torch.bfloat16:
        return Attention("sdpa", "PyTorch's fused attention; FlashAttention needs bfloat16, which this GPU has not")
    if importlib.util.find_spec("flash_attn") is None:
        return Attention("sdpa", "PyTorch's fused attention; flash-attn is not installed")
    return Attention("flash_attention_2", "flash-attn is installed and the GPU has bfloat16")
