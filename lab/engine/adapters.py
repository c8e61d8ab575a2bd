"""LoRA adapters to train on a loaded base: new ones and saved ones."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from lab.core import TrainingError
from lab.engine.load import Loaded


def new_adapter(loaded: Loaded, rank: int, alpha: int, dropout: float, seed: int) -> PeftModel:
    """A fresh adapter on all linear layers; the untrained adapter changes nothing."""
    torch.manual_seed(seed)
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(loaded.model, config)


def saved_adapter(loaded: Loaded, folder: Path) -> PeftModel:
    """A saved adapter on the base, to be trained on. Answering needs no such wrapping: see the bank."""
    return PeftModel.from_pretrained(loaded.model, str(folder), is_trainable=True)


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter as safetensors. Raises TrainingError where a weight is not finite."""
    model.save_pretrained(str(folder), selected_adapters=["default"])
    weights = load_file(folder / "adapter_model.safetensors")
    if bad := [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]:
        raise TrainingError(f"{len(bad)} of {len(weights)} trained tensors are not finite", "saving the adapter",
                            "Lower the learning rate and run again")
    (folder / "README.md").unlink(missing_ok=True)  # the library's card names no base for a local folder


def trainable_parameters(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
