"""Load a base model's folder: safetensors only, no remote code, nothing downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from lab.core import ModelError
from lab.corpus.template import ChatTemplate
from lab.engine.devices import precision


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


def load_base(folder: Path, device: torch.device, template: str = "") -> Loaded:
    """Raises ModelError where the folder cannot be loaded as a causal language model."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True,
                                                     dtype=precision(device))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"The base cannot be loaded ({str(error)[:300]})", str(folder),
                         "Check that the folder is a causal language model saved with save_pretrained") from error
    model = model.to(device).eval()
    ends = _end_ids(model, tokenizer)
    return Loaded(model=model, tokenizer=tokenizer, template=ChatTemplate.of(folder, template), device=device, ends=frozenset(ends),
                  pad=_first(tokenizer.pad_token_id, model.config.pad_token_id, *ends, 0),
                  context=int(getattr(model.config, "max_position_embeddings", 0) or 0))


def _end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    found: list[int] = []
    for value in (model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id):
        found += [value] if isinstance(value, int) else list(value or [])
    return list(dict.fromkeys(found))


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
