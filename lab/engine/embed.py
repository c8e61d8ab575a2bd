"""Sentence embeddings by mean pooling over a transformer's last layer, normalised to length one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from lab.core import ModelError


@lru_cache(maxsize=2)
def _embedder(ref: str):
    try:
        tokenizer = AutoTokenizer.from_pretrained(ref, trust_remote_code=False)
        return tokenizer, AutoModel.from_pretrained(ref, trust_remote_code=False, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise ModelError(f"The embedding model cannot be loaded ({str(error)[:200]})", ref,
                         "Give a local folder or a hub id of a sentence-embedding model, or use lexical search") from error


@torch.inference_mode()
def embed(ref: str, texts: list[str], rows: int = 32) -> np.ndarray:
    """(texts, dimension) float32, each row of length one. Raises ModelError where the embedder cannot be loaded."""
    tokenizer, model = _embedder(ref)
    parts = []
    for start in range(0, len(texts), rows):
        limit = min(tokenizer.model_max_length, model.config.max_position_embeddings)
        batch = tokenizer(texts[start:start + rows], padding=True, truncation=True, max_length=limit, return_tensors="pt")
        hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(2)
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        parts.append(torch.nn.functional.normalize(mean, dim=1).numpy())
    return np.concatenate(parts).astype(np.float32)
