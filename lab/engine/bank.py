"""Several tuned models on one base in memory: LoRA adapters chosen row by row, and whole sets of weights chosen pass by pass.

One pass through the base, and a small batched product beside it:
y = W x + scale * B_i A_i x for row i (LoRA: Hu et al., arXiv 2106.09685). The library's own mixed batch runs every adapter's rows
apart, layer by layer; here the chosen A and B are gathered once per batch and multiplied together. Rows that need different sets of
weights cannot share a pass: `groups` says which ones can.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Sequence

import torch
from safetensors.torch import load_file

from lab.core import ModelError
from lab.engine.load import Loaded
from lab.engine.weights import BASE, WeightSets

PREFIX = "base_model.model."


class AdapterBank:
    """Adapters and sets of weights by name. `choose` says which row of the next passes uses which; until then the base answers alone."""

    def __init__(self, loaded: Loaded):
        self._layers = dict(loaded.model.named_modules())
        self._device, self._dtype = loaded.device, loaded.model.dtype
        self._sets = WeightSets(loaded)
        self._stands_on: dict[str, str] = {}
        self._adapters: dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]] = {}
        self._chosen: tuple[str, ...] = ()
        self._now: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._hooked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._stands_on

    def add_weights(self, name: str, folder: Path) -> None:
        """Load a folder of weights of the base's own shape. Raises ModelError."""
        self._sets.add(name, folder)
        self._stands_on[name] = name
        self._chosen = ()

    def add(self, name: str, folder: Path, on: str = BASE) -> None:
        """Load an adapter folder (PEFT's format, plain LoRA) that stands on a set of weights (BASE: the base's own). Raises ModelError
        where it does not fit this base."""
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        if config.get("peft_type") != "LORA" or config.get("use_dora") or config.get("bias", "none") != "none":
            raise ModelError("This adapter is not plain LoRA", str(folder), "Ask it through an export, or train it as LoRA")
        scale = config["lora_alpha"] / (config["r"] ** (0.5 if config.get("use_rslora") else 1))
        tensors = load_file(folder / "adapter_model.safetensors")
        found = {}
        for key, a in tensors.items():
            if not key.endswith(".lora_A.weight"):
                continue
            path = key.removeprefix(PREFIX).removesuffix(".lora_A.weight")
            if path not in self._layers:
                raise ModelError(f"The adapter belongs to another base: it has a layer {path}", str(folder))
            b = tensors[key.replace("lora_A", "lora_B")]
            found[path] = (a.to(self._device, self._dtype), (b * scale).to(self._device, self._dtype))
        self._adapters[name] = found
        self._stands_on[name] = on
        self._chosen = ()
        for path in found.keys() - self._hooked:
            self._layers[path].register_forward_hook(self._hook(path))
            self._hooked.add(path)

    def groups(self, names: Sequence[str]) -> list[list[int]]:
        """The places of a batch that can share a pass: those on the same set of weights, in the order in which the sets first appear."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            found.setdefault(self._stands_on.get(name, BASE), []).append(place)
        return list(found.values())

    def choose(self, names: Sequence[str]) -> None:
        """One name per row of the passes that follow, or one for all; BASE for none. Raises ValueError for rows that cannot share a pass."""
        if tuple(names) == self._chosen:
            return
        if len(self.groups(names)) != 1:
            raise ValueError("rows on different sets of weights cannot share a pass")
        self._sets.put_on(self._stands_on.get(names[0], BASE))
        self._chosen = tuple(names)
        adapters = [name if name in self._adapters else BASE for name in names]
        paths = {path for name in set(adapters) - {BASE} for path in self._adapters[name]}
        self._now = {path: self._gathered(path, adapters) for path in paths}

    def _gathered(self, path: str, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """A as (rows, in, rank) and B as (rows, rank, out), zeros where a row has no adapter here, ranks filled up with zeros.
        Where all rows share one adapter, just its own two matrices."""
        if len(set(names)) == 1:
            a, b = self._adapters[names[0]][path]
            return a.t(), b.t()
        pairs = [self._adapters[name][path] for name in set(names) - {BASE} if path in self._adapters[name]]
        rank = max(a.shape[0] for a, _ in pairs)
        a = torch.zeros(len(names), pairs[0][0].shape[1], rank, dtype=self._dtype, device=self._device)
        b = torch.zeros(len(names), rank, pairs[0][1].shape[0], dtype=self._dtype, device=self._device)
        for row, name in enumerate(names):
            if name != BASE and path in self._adapters[name]:
                own_a, own_b = self._adapters[name][path]
                a[row, :, : own_a.shape[0]] = own_a.t()
                b[row, : own_b.shape[1]] = own_b.t()
        return a, b

    def _hook(self, path: str):
        def add(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
            if path not in self._now:
                return output
            a, b = self._now[path]
            return output + (inputs[0] @ a) @ b
        return add
