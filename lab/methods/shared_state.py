"""The checkpoint of a stage that is shared out: every trained tensor and its moments, whole, in one safetensors file.

Written by the first process while all give their parts; read by each, which takes its part and needs to ask nobody.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor, distribute_tensor

from lab.methods import group

FILE = "shared_state.safetensors"
WEIGHT = "weight"  # beside the optimizer's own words: exp_avg, exp_avg_sq, step


def trained(model: nn.Module) -> Iterator[tuple[str, DTensor]]:
    """What is trained, by name, each process's part of it. Whole layers that a pass has left gathered are given back first."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)


def save(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """All processes of the group take part; the first one writes."""
    found = {}
    for name, parameter in trained(model):
        for kind, value in {WEIGHT: parameter.detach(), **optimizer.state[parameter]}.items():
            whole = (value.full_tensor() if isinstance(value, DTensor) else value).cpu()
            if group.rank() == 0:
                found[f"{name}/{kind}"] = whole.contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    if found:
        save_file(found, folder / FILE)


@torch.no_grad()
def load(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Each process takes its part of every tensor."""
    on_device = any(options.get("fused") or options.get("capturable") for options in optimizer.param_groups)
    with safe_open(folder / FILE, framework="pt") as file:
        kinds: dict[str, list[str]] = {}
        for key in file.keys():
            kinds.setdefault(key.rpartition("/")[0], []).append(key.rpartition("/")[2])
        for name, parameter in trained(model):
            values: dict[str, Any] = {kind: file.get_tensor(f"{name}/{kind}") for kind in kinds[name]}
            parameter.to_local().copy_(_part(values.pop(WEIGHT), parameter).to_local())
            optimizer.state[parameter] = {kind: _part(value, parameter) if value.dim() else value.to(parameter.device) if on_device else value
                                          for kind, value in values.items()}


def _part(whole: torch.Tensor, like: DTensor) -> DTensor:
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
