"""Bases: the shipped ones and local Hugging Face folders. A folder is judged here before anything loads it."""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from lab.core import Base, ModelError, content_key
from lab.store import files
from lab.store.places import SAFE_ID, SHIPPED

PICKLE = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".pt2")
NAMED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
         "chat_template.jinja", "tokenizer.model", "vocab.json", "merges.txt")
HEADER_LIMIT = 100 << 20  # a safetensors header above this is not a model's


def shipped() -> list[str]:
    """Names of the bases that ship, smallest first."""
    root = SHIPPED / "bases"
    found = [path.parent for path in root.glob("*/config.json")] if root.is_dir() else []
    return [path.name for path in sorted(found, key=lambda path: sum(p.stat().st_size for p in path.glob("*.safetensors")))]


def folder_of(base: Base) -> Path:
    """Where a Base's files are, checked to be the ones it was made from. Raises ModelError."""
    path = _folder(base.kind, base.ref)
    if resolve(base.kind, base.ref).fingerprint != base.fingerprint:
        raise ModelError("The base model's files have changed since this was set up", str(path),
                         "Build the experiment again with the files as they are now")
    return path


def _folder(kind: str, ref: str) -> Path:
    if kind == "shipped":
        if not SAFE_ID.fullmatch(ref):
            raise ModelError("This is not a shipped base", repr(ref)[:80], f"Shipped: {', '.join(shipped())}")
        return SHIPPED / "bases" / ref
    return Path(ref).expanduser().resolve()


def resolve(kind: str, ref: str) -> Base:
    """A Base from a shipped name or a folder path. Raises ModelError with the reason and the way out."""
    path = _folder(kind, ref)
    check(path)
    stamps = tuple((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in _named_files(path))
    fingerprint, parameters = _measure(path, stamps)
    return Base(kind=kind, ref=ref if kind == "shipped" else str(path), fingerprint=fingerprint, parameters=parameters,
                context=_context(files.read_json(path / "config.json")))


def check(path: Path) -> None:
    """Refuse what is never loaded: pickle weights, Python files, remote code, a folder without tokenizer or weights."""
    if not path.is_dir() or not (path / "config.json").is_file():
        raise ModelError("This is not a Hugging Face model folder: config.json is missing", str(path),
                         "Give the folder that holds config.json, model.safetensors and tokenizer.json")
    names = [p.name for p in path.iterdir()]
    if bad := [name for name in names if name.endswith(PICKLE)]:
        raise ModelError(f"The folder holds pickle files ({', '.join(sorted(bad)[:3])}), which can run code when loaded", str(path),
                         "Convert the weights to safetensors (save_pretrained does) and remove the pickle files")
    if bad := [name for name in names if name.endswith(".py")]:
        raise ModelError(f"The folder holds Python files ({', '.join(sorted(bad)[:3])}); models never bring code here", str(path),
                         "Use a model whose architecture transformers knows, and remove the Python files")
    config = _config(path)
    if "auto_map" in config:
        raise ModelError("config.json asks for remote code (auto_map)", str(path), "Use a model whose architecture transformers knows")
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelError("The folder has no safetensors weights", str(path), "Save the model with save_pretrained")
    if not {"tokenizer.json", "tokenizer.model", "vocab.json"} & set(names):
        raise ModelError("The folder has no tokenizer", str(path), "Put the tokenizer's files (tokenizer.json) beside the weights")


def _config(path: Path) -> dict[str, Any]:
    try:
        return files.read_json(path / "config.json")
    except ValueError as error:
        raise ModelError("config.json is not valid JSON", str(path), "Download or save the model again") from error


def _context(config: dict[str, Any]) -> int:
    return int(next((config[key] for key in ("max_position_embeddings", "n_positions", "n_ctx") if config.get(key)), 0))


def _named_files(path: Path) -> list[Path]:
    return [p for p in sorted(path.iterdir()) if p.is_file() and (p.name in NAMED or p.suffix == ".safetensors")]


@lru_cache(maxsize=64)
def _measure(path: Path, stamps: tuple) -> tuple[str, int]:
    """Fingerprint and parameter count; cached by the files' names, sizes and times."""
    named = _named_files(path)
    fingerprint = content_key({p.name: files.sha256(p) for p in named})
    return fingerprint, sum(_parameters(p) for p in named if p.suffix == ".safetensors")


def _parameters(path: Path) -> int:
    """Elements of all tensors, read from the header alone. Raises ModelError where the file is damaged."""
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if size > HEADER_LIMIT:
                raise ValueError(f"header of {size} bytes")
            header = json.loads(file.read(size))
        return sum(prod(about["shape"]) for name, about in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise ModelError(f"The weights cannot be read ({error})", str(path), "Download or save the model again") from error
