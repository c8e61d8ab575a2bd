"""Bases: the shipped ones, local Hugging Face folders, and the checkpoints of pretrainings (made). A folder is judged here before
anything loads it."""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from lab.core import Base, ModelError, content_key
from lab.store import artifacts, files
from lab.store.places import SAFE_ID, SHIPPED, home

PICKLE = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".pt2")
NAMED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
         "chat_template.jinja", "tokenizer.model", "vocab.json", "merges.txt")
MADE = "base-"  # artifacts of this name are checkpoints of pretrainings
HEADER_LIMIT = 100 << 20  # a safetensors header above this is not a model's


def shipped() -> list[str]:
    """Names of the bases that ship, smallest first."""
    root = SHIPPED / "bases"
    found = [path.parent for path in root.glob("*/config.json")] if root.is_dir() else []
    return [path.name for path in sorted(found, key=lambda path: sum(p.stat().st_size for p in path.glob("*.safetensors")))]


def made_key(run_id: str, step: int) -> str:
    """The artifact key of a run's checkpoint at a step."""
    return f"{MADE}{step}-{run_id}"


def made(all_objectives: bool = False) -> list[dict[str, Any]]:
    """What the makers wrote about the checkpoints that pretrainings kept, with their artifact "key": newest run first, steps ascending.

    Next-token models only, unless all are asked for: a masked-token model cannot answer.
    """
    root = home() / "artifacts"
    found = [files.read_json(path) | {"key": path.parent.name} for path in root.glob(f"{MADE}*/manifest.json")]
    causal = [about for about in found if all_objectives or about["objective"] == "causal"]
    steps = sorted(causal, key=lambda about: about["step"])
    return sorted(steps, key=lambda about: about["run"], reverse=True)


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
    if kind == "made":
        found = artifacts.find(ref)
        if found is None:
            raise ModelError("This checkpoint of a pretraining is no longer there", repr(ref)[:80],
                             "Choose another base, or pretrain it again on the page Pretrain")
        return found
    return Path(ref).expanduser().resolve()


def resolve(kind: str, ref: str) -> Base:
    """A Base from a shipped name, a folder path or the artifact key of a pretraining's checkpoint (made). Raises ModelError with the reason and the way out."""
    path = _folder(kind, ref)
    check(path)
    stamps = tuple((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in _named_files(path))
    fingerprint, parameters = _measure(path, stamps)
    return Base(kind=kind, ref=str(path) if kind == "folder" else ref, fingerprint=fingerprint, parameters=parameters,
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
    if any(str(name).endswith("ForMaskedLM") for name in config.get("architectures") or ()):
        raise ModelError("This model fills masked tokens; it cannot write answers", str(path), "Choose a causal (next-token) language model")
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


def shape(base: Base) -> str:
    """Equal for bases whose weights fit into each other's place: the same architecture and sizes, and the same tokenizer and template."""
    path = folder_of(base)
    config = {name: value for name, value in _config(path).items() if name not in ("_name_or_path", "transformers_version", "dtype", "use_cache")}
    return content_key(config, {p.name: files.sha256(p) for p in _named_files(path) if p.suffix != ".safetensors" and "config" not in p.name})
