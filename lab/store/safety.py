"""What is never loaded, found before anything loads it: pickle, Python, remote code, links that leave the folder, weights whose header lies.

Reads names, sizes, config.json and the weights' headers; no tensor and no template. Each refusal says why and names the way out.
"""

from __future__ import annotations

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

from lab.core import ModelError

PICKLE = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".pt2")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
CONFIGS = ("config.json", "tokenizer_config.json")  # either may ask for remote code
HEADER_LIMIT = 100 << 20  # a safetensors header above this is not a model's
TEXT_LIMITS = {"config.json": 2 << 20, "generation_config.json": 2 << 20, "special_tokens_map.json": 2 << 20, "chat_template.jinja": 2 << 20,
               "tokenizer_config.json": 64 << 20, "tokenizer.json": 256 << 20, "tokenizer.model": 256 << 20, "vocab.json": 256 << 20,
               "merges.txt": 256 << 20}  # bytes; several times the largest published ones
BITS = {"F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
        "F8_E4M3": 8, "F8_E5M2": 8, "I8": 8, "U8": 8, "BOOL": 8}
MOST = {"hidden_size": 1_000_000, "n_embd": 1_000_000, "intermediate_size": 10_000_000, "num_hidden_layers": 10_000, "n_layer": 10_000,
        "num_attention_heads": 100_000, "vocab_size": 100_000_000, "max_position_embeddings": 1 << 40, "n_positions": 1 << 40, "n_ctx": 1 << 40}
SLACK = 8  # so many times what is stored may be claimed: packed weights and narrow embeddings stay below
AGAIN = "Download or save the model again"
KNOWN = "Use a model whose architecture transformers knows"


def check(path: Path) -> None:
    """Refuse a folder that must not or cannot be loaded. Raises ModelError."""
    if not path.is_dir() or not (path / "config.json").is_file():
        raise ModelError("This is not a Hugging Face model folder: config.json is missing", str(path),
                         "Give the folder that holds config.json, model.safetensors and tokenizer.json")
    _plain(path)
    names = [p.name for p in path.iterdir()]
    if bad := [name for name in names if name.endswith(PICKLE)]:
        raise ModelError(f"The folder holds pickle files ({', '.join(sorted(bad)[:3])}), which can run code when loaded", str(path),
                         "Convert the weights to safetensors (save_pretrained does) and remove the pickle files")
    if bad := [name for name in names if name.endswith(".py")]:
        raise ModelError(f"The folder holds Python files ({', '.join(sorted(bad)[:3])}); models never bring code here", str(path),
                         "Use a model whose architecture transformers knows, and remove the Python files")
    _small(path)
    for name in CONFIGS:
        if (path / name).is_file():
            check_config(config(path, name), str(path), name)
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelError("The folder has no safetensors weights", str(path), "Save the model with save_pretrained")
    if not set(TOKENIZERS) & set(names):
        raise ModelError("The folder has no tokenizer", str(path), "Put the tokenizer's files (tokenizer.json) beside the weights")
    _claims(config(path), sum(elements(p) for p in path.glob("*.safetensors")), str(path))


def config(path: Path, name: str = "config.json") -> dict[str, Any]:
    """One of the model's settings files. Raises ModelError where it is no JSON object."""
    return as_object((path / name).read_bytes(), str(path), name)


def as_object(content: bytes, where: str, name: str) -> dict[str, Any]:
    """A settings file's content. Raises ModelError where it is no JSON object."""
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not valid JSON", where, AGAIN) from error
    if not isinstance(found, dict):
        raise ModelError(f"{name} is not a JSON object", where, AGAIN)
    return found


def check_config(found: dict[str, Any], where: str, name: str = "config.json") -> None:
    """Refuse settings that ask for code, or that describe no model that writes answers. Raises ModelError."""
    if "auto_map" in found:
        raise ModelError(f"{name} asks for remote code (auto_map)", where, KNOWN)
    kinds = found.get("architectures") or ()
    if not isinstance(kinds, (list, tuple)):
        raise ModelError(f"{name} does not say its architectures as a list", where, AGAIN)
    if any(str(kind).endswith("ForMaskedLM") for kind in kinds):
        raise ModelError("This model fills masked tokens; it cannot write answers", where, "Choose a causal (next-token) language model")
    for key, most in MOST.items():
        value = found.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most):
            raise ModelError(f"{name} says {key} is {str(value)[:40]}; a whole number up to {most:,} is possible", where, AGAIN)


def _plain(path: Path) -> None:
    """Every entry is a file or a folder here. A hub cache's snapshot may point to the blobs beside it."""
    home = path.resolve()
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    for entry in sorted(home.iterdir()):
        try:
            real = entry.resolve()
        except (OSError, RuntimeError):  # links in a circle
            real = Path("/")
        if not real.is_relative_to(home) and not real.is_relative_to(blobs):
            raise ModelError(f"{entry.name[:80]!r} is a link that leads out of the model's folder", str(path), "Put the file itself into the folder")
        if not entry.is_file() and not entry.is_dir():
            raise ModelError(f"{entry.name[:80]!r} is neither a file nor a folder", str(path), "Take it out of the folder, or download the model again")


def _small(path: Path) -> None:
    for name, most in TEXT_LIMITS.items():
        if (path / name).is_file() and (size := (path / name).stat().st_size) > most:
            raise ModelError(f"{name} has {size / 1e6:,.0f} MB; {most / 1e6:,.0f} MB are the most", str(path), AGAIN)


def _claims(found: dict[str, Any], stored: int, where: str) -> None:
    """Settings that describe a model much larger than its weights would fill the memory with tensors that nobody trained."""
    width = found.get("hidden_size") or found.get("n_embd") or 0
    for part, claimed in (("embeddings", (found.get("vocab_size") or 0) * width),
                          ("layers", (found.get("num_hidden_layers") or found.get("n_layer") or 0) * width**2)):
        if claimed > SLACK * stored:
            raise ModelError(f"config.json describes {claimed:,} numbers in its {part} and the weights hold {stored:,}", where,
                             "Give the folder whose config.json belongs to its weights")


def elements(path: Path) -> int:
    """Elements of all tensors of a safetensors file, read from the header alone. Raises ModelError where the header does not fit the file."""
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            room = path.stat().st_size - 8 - size
            if size > HEADER_LIMIT or room < 0:
                raise ValueError(f"a header of {size:,} bytes")
            header = json.loads(file.read(size))
        tensors = {name: about for name, about in header.items() if name != "__metadata__"}
        _demand_filled(tensors, room)
        return sum(prod(about["shape"]) for about in tensors.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
        raise ModelError(f"The weights cannot be read ({str(error)[:200]})", str(path), AGAIN) from error


def _demand_filled(tensors: dict[str, Any], room: int) -> None:
    """The tensors fill the file from end to end, each as long as its shape says. Raises ValueError."""
    here = 0
    for name, about in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = about["data_offsets"]
        if begin != here or not begin <= end <= room:
            raise ValueError(f"the tensor {name[:80]} is said to lie at {begin:,} to {end:,} of {room:,} bytes")
        if any(isinstance(length, bool) or not isinstance(length, int) or length < 0 for length in about["shape"]):
            raise ValueError(f"the tensor {name[:80]} has an impossible shape")
        bits = BITS.get(about["dtype"])
        if bits and prod(about["shape"]) * bits != (end - begin) * 8:
            raise ValueError(f"the tensor {name[:80]} has another length than its shape needs")
        here = end
    if here != room:
        raise ValueError(f"{room - here:,} bytes belong to no tensor")
