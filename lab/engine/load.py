"""Load a base model's folder: safetensors only, no remote code, nothing downloaded."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerBase

from lab.core import ModelError
from lab.corpus.template import ChatTemplate
from lab.engine.devices import attention, precision

FEW_BITS_ON = ("cuda",)  # bitsandbytes computes on a CPU as well, but not with every shape


@dataclass(frozen=True)
class Loaded:
    """A model in memory with what is needed to speak to it. `ends` are the token ids that end an answer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    template: ChatTemplate
    device: torch.device
    ends: frozenset[int]
    pad: int
    context: int

    def encode(self, text: str) -> list[int]:
        """Token ids of rendered text; special tokens are those that stand in the text."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def decode(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def load_base(folder: Path, device: torch.device, template: str = "", held: str = "none") -> Loaded:
    """The base on its device. `held`: "int8" or "nf4" keep the linear weights in 8 or 4 bits (bitsandbytes, on a GPU).

    Raises ModelError where the folder cannot be loaded as a causal language model, or not in so few bits here.
    """
    options = _quantised(held, device) if held != "none" else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = _model(folder, device, options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"The base cannot be loaded ({str(error)[:300]})", str(folder),
                         "Check that the folder is a causal language model saved with save_pretrained") from error
    model = (model if options else model.to(device)).eval()
    ends = _end_ids(model, tokenizer)
    return Loaded(model=model, tokenizer=tokenizer, template=ChatTemplate.of(folder, template), device=device, ends=frozenset(ends),
                  pad=_first(tokenizer.pad_token_id, model.config.pad_token_id, *ends, 0),
                  context=int(getattr(model.config, "max_position_embeddings", 0) or 0))


def _model(folder: Path, device: torch.device, options: dict[str, Any]) -> PreTrainedModel:
    options = dict(local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=precision(device), **options)
    kernel = attention(device).name
    if kernel != "sdpa":  # which is what the library takes by itself where the architecture has it
        try:
            return AutoModelForCausalLM.from_pretrained(folder, attn_implementation=kernel, **options)
        except (ImportError, ValueError):  # the architecture has no such path
            pass
    return AutoModelForCausalLM.from_pretrained(folder, **options)


def _quantised(held: str, device: torch.device) -> dict[str, Any]:
    """Options that hold the linear weights in few bits."""
    if device.type not in FEW_BITS_ON:
        raise ModelError(f"Weights in {held} need a CUDA device, and this run has a CPU", "quantisation",
                         "Choose a base held as it is, or run on a machine with a GPU")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError("bitsandbytes, which holds weights in 8 or 4 bits, is not installed", "quantisation",
                         "Install it beside the program (pip install bitsandbytes), or choose a base held as it is")
    config = BitsAndBytesConfig(load_in_8bit=True) if held == "int8" else BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=precision(device))
    return {"quantization_config": config, "device_map": {"": torch.cuda.current_device() if device.type == "cuda" else "cpu"}}


def _end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    found: list[int] = []
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        found += [value] if isinstance(value, int) else list(value or [])
    return list(dict.fromkeys(found))


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
