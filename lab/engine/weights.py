"""Whole sets of weights for one loaded model: the base's own, and those of full fine-tunings and of other checkpoints of the same body.

A forward pass has one set on. Changing sets moves pointers, not numbers; sets that were not used for long are read again from disk.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from lab.core import ModelError, TrainingError
from lab.engine.load import Loaded

BASE = ""  # the name of the base's own weights, and of "no adapter"
MOST_SETS = 4  # tuned sets in memory at once, beside the base's own
LABELS = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache", "bos_token_id", "eos_token_id", "pad_token_id")
BESIDE = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "tokenizer.model", "vocab.json",
          "merges.txt")


class WeightSets:
    """Sets of weights by name, of which the model has one on."""

    def __init__(self, loaded: Loaded, most: int = MOST_SETS):
        self._loaded, self._most = loaded, most
        # The parameters themselves: an adapter that wraps the layers later changes their names. Tied ones stand here once.
        self._parameters = dict(loaded.model.named_parameters())
        self._own = {name: parameter.data for name, parameter in self._parameters.items()}
        self._body = _body(loaded.model)
        self._folders: dict[str, Path] = {}
        self._kept: OrderedDict[str, dict[str, torch.Tensor]] = OrderedDict()
        self._on = BASE

    def __contains__(self, name: str) -> bool:
        return name in self._folders

    @property
    def in_memory(self) -> tuple[str, ...]:
        """Names of the tuned sets that are held now, the longest unused first."""
        return tuple(self._kept)

    def add(self, name: str, folder: Path) -> None:
        """Load a folder of weights. Raises ModelError where its body is not that of the model in memory."""
        self._kept[name] = self._read(folder)
        self._folders[name] = folder
        self._forget()

    def put_on(self, name: str) -> None:
        """The set that the next passes use; BASE for the base's own."""
        if name == self._on:
            return
        tensors = self._own if name == BASE else self._tuned(name)
        for key, parameter in self._parameters.items():
            parameter.data = tensors[key]
        self._on = name

    def _tuned(self, name: str) -> dict[str, torch.Tensor]:
        if name not in self._kept:
            self._kept[name] = self._read(self._folders[name])
        self._kept.move_to_end(name)
        self._forget()
        return self._kept[name]

    def _forget(self) -> None:
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _read(self, folder: Path) -> dict[str, torch.Tensor]:
        try:
            with torch.inference_mode(False):  # what is made in inference mode can never be a parameter's data
                model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True,
                                                             dtype=self._loaded.model.dtype).to(self._loaded.device)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"These weights cannot be loaded ({str(error)[:300]})", str(folder), "Train them again") from error
        if _body(model) != self._body:
            raise ModelError("These weights belong to a base of another shape", str(folder), "Serve the base that they were made from")
        return {name: parameter.data for name, parameter in model.named_parameters()}


def _body(model: PreTrainedModel) -> tuple[dict[str, Any], dict[str, torch.Size]]:
    """What has to be equal for weights to be exchanged: the configuration without its labels, and every parameter's shape."""
    config = {name: value for name, value in model.config.to_dict().items() if name not in LABELS}
    return config, {name: parameter.shape for name, parameter in model.named_parameters()}


def copied(model: torch.nn.Module, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Any:
    """The model once more, with weights of its own: there and in that precision, or as they are. Tied ones stay one."""
    weights = {id(one): torch.nn.Parameter(one.detach().to(device or one.device, dtype or one.dtype, copy=True), one.requires_grad)
               for one in model.parameters()}
    found = copy.deepcopy(model, weights)
    found.__dict__.pop("forward", None)  # a trainer leaves its own behind, which would still run the original's layers
    return found


def trainable_copy(model: PreTrainedModel) -> PreTrainedModel:
    """A copy of which every weight is trained, in full precision: in bfloat16 a small step is rounded away. The model itself stays."""
    found = copied(model, dtype=torch.float32).float()
    for parameter in found.parameters():
        parameter.requires_grad_(True)
    return found


def save_weights(model: PreTrainedModel, folder: Path, base: Path, dtype: torch.dtype) -> None:
    """Write all weights in `dtype` as a model folder that can be loaded anywhere, with the base's tokenizer files beside them. The model
    stays as it is: it may be trained on.

    Raises TrainingError where a weight is not finite.
    """
    if bad := [name for name, tensor in model.named_parameters() if not torch.isfinite(tensor).all()]:
        raise TrainingError(f"{len(bad)} of the trained tensors are not finite", "saving the weights", "Lower the learning rate and run again")
    model.save_pretrained(str(folder), max_shard_size="1000GB", state_dict=_as(model, dtype))
    settings = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(settings | {"dtype": str(dtype).removeprefix("torch.")}, indent=2), "utf-8")
    for name in BESIDE:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)


def _as(model: PreTrainedModel, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The weights in another type; tied ones stay one tensor."""
    seen: dict[tuple[int, torch.Size], torch.Tensor] = {}
    return {name: seen.setdefault((tensor.data_ptr(), tensor.shape), tensor.to(dtype)) for name, tensor in model.state_dict().items()}
