"""A stage shared out over a group (FSDP2, torch's fully_shard, through accelerate): every process holds a part of each weight, gradient
and moment, and gathers a layer's weights only while it computes that layer.

The model that came in stays as it is. A twin of it is trained, and what the twin learned comes home into the model of the group's first
process while all of them are still there.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Iterator

import torch
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch import nn
from torch.distributed.fsdp import MixedPrecisionPolicy

from lab.core import Dpo, Sft, Stopped
from lab.engine.weights import copied
from lab.methods import group
from lab.methods.shared_state import trained

if TYPE_CHECKING:
    from lab.methods.training import Hooks

SWITCHES = ("ACCELERATE_USE_FSDP", "FSDP_CPU_RAM_EFFICIENT_LOADING")  # what the libraries leave in the environment


def wanted(settings: Sft | Dpo) -> bool:
    return settings.sharded and group.size() > 1


@contextmanager
def shared_out(model: nn.Module, settings: Sft | Dpo, hooks: Hooks) -> Iterator[tuple[nn.Module, Hooks]]:
    """What a trainer trains in place of `model`, and the hooks it speaks to; the model itself where nothing is shared out. At each point on
    the way, at the end and where the user stopped, `model` holds what was learned so far."""
    if not wanted(settings):
        yield model, hooks
        return
    twin = copied(model, "cpu")  # each layer moves to its device when it is shared out, one after the other
    waiting = _Waiting(model, twin)

    def on_the_way(step: int, total: int) -> None:
        bring_home(twin, model)
        hooks.on_the_way(step, total)

    try:
        yield twin, replace(hooks, on_the_way=on_the_way)
        bring_home(twin, model)
    except Stopped:
        bring_home(twin, model)
        raise
    finally:
        waiting.come_back()
        for name in SWITCHES:
            os.environ.pop(name, None)


def bring_home(twin: nn.Module, model: nn.Module) -> None:
    """Copy what the twin learned into the first process's model, tensor by tensor. All processes of the group take part."""
    own = dict(model.named_parameters())
    for name, parameter in trained(twin):
        whole = parameter.full_tensor()
        if group.rank() == 0:
            own[name].data.copy_(whole)


class _Waiting:
    """A model's weights in main memory while its twin is trained, out of their device's, whoever else points at them. Those of a further
    process are given up."""

    def __init__(self, model: nn.Module, twin: nn.Module):
        pairs = list(zip(model.parameters(), twin.parameters()))
        first = group.rank() == 0
        self.learning = [(mine, mine.device) for mine, _ in pairs if first and mine.requires_grad]
        for mine, _ in self.learning:
            mine.data = mine.data.to("cpu", copy=True)
        left = [(mine, other.data) for mine, other in pairs if mine.untyped_storage().resizable() and not (first and mine.requires_grad)]
        self.kept = left if first else []
        storages = {mine.untyped_storage().data_ptr(): mine.untyped_storage() for mine, _ in left}
        self.sizes = [(storage, storage.nbytes()) for storage in storages.values()]
        for storage, _ in self.sizes:
            storage.resize_(0)

    def come_back(self) -> None:
        """The first process's weights are where they were."""
        for storage, size in self.sizes if self.kept else ():
            storage.resize_(size)
        for mine, kept in self.kept:
            mine.data.copy_(kept)
        for mine, device in self.learning:
            mine.data = mine.data.to(device)


def arguments(settings: Sft | Dpo) -> dict[str, Any]:
    """Keyword arguments for both libraries' configurations."""
    if not wanted(settings):
        return {}
    return {"fsdp": True, "fsdp_config": {"version": 2, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "reshard_after_forward": True,
                                          "cpu_ram_efficient_loading": False}}


def switch_on(state: AcceleratorState, options: dict[str, Any]) -> None:
    """accelerate shares out over GPUs alone; the same code runs between CPUs as soon as its state says so. Gradients are added up in full
    precision, as they are where nothing is shared out."""
    if state.distributed_type != DistributedType.FSDP:
        state.distributed_type, state.fsdp_plugin = DistributedType.FSDP, FullyShardedDataParallelPlugin(**options)
    if state.mixed_precision == "bf16":
        state.fsdp_plugin.mixed_precision_policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)


def local(parameter: torch.Tensor) -> int:
    """Numbers of a parameter that this process holds."""
    return parameter.to_local().numel() if hasattr(parameter, "to_local") else parameter.numel()
