"""A sentence-embedding model small enough to make in a test: random weights, words as tokens. Its meaning is nothing but shared words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def small_embedder(folder: Path, words: Iterable[str], size: int = 32, layers: int = 1) -> str:
    """Write a BERT of `layers` layers with `size` dimensions into `folder`; returns its path."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    known = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *dict.fromkeys(words)])}
    tokenizer = Tokenizer(WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=512).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(known), hidden_size=size, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=2 * size,
                         max_position_embeddings=512)).save_pretrained(folder)
    return str(folder)
