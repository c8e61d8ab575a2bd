"""What a test's hub serves: a tiny model as repositories are, a table, and safetensors files that are right or lie."""

import json
import struct

from tokenizers import Tokenizer
from tokenizers.models import WordLevel

TOKEN = "hf_abcdefSECRETsecret"
ROWS = b"question,answer\n" + b"".join(b"What is %d plus %d?,%d\n" % (n, n, 2 * n) for n in range(40))


def tiny_files(size=200_000, **more):
    """A repository as they are: what comes and what never does."""
    tokenizer = Tokenizer(WordLevel({"a": 0, "?": 1}, unk_token="?")).to_str().encode()
    return {"config.json": json.dumps({"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64}).encode(), "tokenizer.json": tokenizer,
            "tokenizer_config.json": b"{}", "README.md": b"---\nlicense: mit\n---\n", "model.safetensors": weights(size),
            "pytorch_model.bin": b"p" * 300, "modeling_tiny.py": b"print(1)", "onnx/model.onnx": b"o", "model.gguf": b"g", ".gitattributes": b"", **more}


def weights(size, shape=None, offsets=None, dtype="F32", header=None):
    """`size` bytes of numbers behind a header that says what it is told to say."""
    about = {"w": {"dtype": dtype, "shape": [size // 4] if shape is None else shape, "data_offsets": offsets or [0, size]}}
    text = json.dumps(about).encode() if header is None else header
    return struct.pack("<Q", len(text)) + text + bytes(range(250)) * (size // 250) + bytes(size % 250)
