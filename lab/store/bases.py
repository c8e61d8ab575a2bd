"""Bases: the shipped ones, local Hugging Face folders, the checkpoints of pretrainings (made) and what was downloaded from a hub. A folder
is judged (store/safety.py) before anything loads it. A model behind an endpoint has no folder: it is asked whether it answers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from lab.core import Base, DataError, ModelError, content_key
from lab.store import artifacts, downloads, files, safety
from lab.store.places import SAFE_ID, SHIPPED, home

NAMED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
         "chat_template.jinja", "tokenizer.model", "vocab.json", "merges.txt")
MADE = "base-"  # artifacts of this name are checkpoints of pretrainings


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


def downloaded() -> list[dict[str, Any]]:
    """What the downloads wrote about the models that they kept, with the "ref" of the Base that each is, newest first."""
    return [about | {"ref": f"{about['repo']}@{about['commit']}"} for about in downloads.there(downloads.MODEL)]


def has_files(base: Base) -> bool:
    """Whether the model itself is on this machine: weights to train, a tokenizer to count with. An endpoint only answers."""
    return base.kind != "endpoint"


def folder_of(base: Base) -> Path:
    """Where a Base's files are, checked to be the ones it was made from. Raises ModelError."""
    if not has_files(base):
        raise ModelError("A model behind an endpoint shows no files", f"{base.address}, model {base.ref}", "Choose a base that is on this machine")
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
    if kind == "hub":
        return _downloaded(ref)
    return Path(ref).expanduser().resolve()


def _downloaded(ref: str) -> Path:
    """A hub base's artifact. Its files are compared by size here; `_measure` answers for their content."""
    repository, commit = downloads.parts(ref)
    key = downloads.model_key(repository, commit)
    folder = home() / "artifacts" / key
    told = artifacts.about(key).get("files", {})
    if not told or any(not (folder / name).is_file() or (folder / name).stat().st_size != about["bytes"] for name, about in told.items()):
        raise ModelError("This model is not (or no longer wholly) on this machine", f"{repository} at {commit[:12]}",
                         f"Download it on the page Build, or with: python -m lab download {repository} --revision {commit}")
    return folder


def tokenizer_name(base: Base) -> str:
    """What Retrieval.tokenizer says for a base's own tokenizer: empty for the smallest one that ships, and where the base has none that counts."""
    if base.kind == "endpoint" or (base.kind == "shipped" and base.ref == shipped()[0]):
        return ""
    folder = _folder(base.kind, base.ref)
    return (base.ref if base.kind == "shipped" else str(folder)) if (folder / "tokenizer.json").is_file() else ""


def tokenizer_names() -> dict[str, str]:
    """What Retrieval.tokenizer can say for the bases at hand, with a name for people: other shipped ones, and what was downloaded."""
    found = {name: name for name in shipped()[1:]}
    for about in downloaded():
        folder = home() / "artifacts" / about["key"]
        if (folder / "tokenizer.json").is_file():
            found[str(folder)] = about["repo"]
    return found


def tokenizer_folder(name: str) -> Path:
    """The folder with tokenizer.json that Retrieval.tokenizer names: empty or a shipped base's name, else a folder. Raises DataError."""
    names = shipped()
    name = name.strip() or names[0]
    path = SHIPPED / "bases" / name if name in names else Path(name).expanduser().resolve()
    where = f"tokenizer {name}"
    way_out = f"Name a base that ships ({', '.join(names)}) or a local folder that holds tokenizer.json, or cut by words"
    if not (path / "tokenizer.json").is_file():
        raise DataError("There is no tokenizer.json to count the passages' tokens with", where, way_out)
    if (path / "tokenizer.json").stat().st_size > safety.TEXT_LIMITS["tokenizer.json"]:
        raise DataError("tokenizer.json is larger than any tokenizer's", where, way_out)
    return path


def resolve(kind: str, ref: str, address: str = "") -> Base:
    """A Base from a shipped name, a folder path, the artifact key of a pretraining's checkpoint (made), a downloaded name@commit (hub) or a model's
    name at an endpoint's address. Raises ModelError with the reason and the way out; for an endpoint AccessError too."""
    if kind == "endpoint":
        return _endpoint(ref, address)
    path = _folder(kind, ref)
    safety.check(path)
    stamps = tuple((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in _named_files(path))
    fingerprint, parameters = _measure(path, stamps)
    return Base(kind=kind, ref=str(path) if kind == "folder" else ref, fingerprint=fingerprint, parameters=parameters,
                context=_context(files.read_json(path / "config.json")))


def _endpoint(model: str, address: str) -> Base:
    """A model that answers at an address, asked whether it does. Its fingerprint names both: what is behind them nobody can see."""
    from lab import remote
    if not model.strip():
        raise ModelError("No model is named", address, "Name one of the endpoint's models")
    address, found = remote.checked(address), remote.verify(address, model.strip())
    return Base(kind="endpoint", ref=found.name, address=address, fingerprint=content_key("endpoint", address, found.name), context=found.context)


def _context(config: dict[str, Any]) -> int:
    return int(next((config[key] for key in ("max_position_embeddings", "n_positions", "n_ctx") if config.get(key)), 0))


def _named_files(path: Path) -> list[Path]:
    return [p for p in sorted(path.iterdir()) if p.is_file() and (p.name in NAMED or p.suffix == ".safetensors")]


@lru_cache(maxsize=64)
def _measure(path: Path, stamps: tuple) -> tuple[str, int]:
    """Fingerprint and parameter count; cached by the files' names, sizes and times."""
    named = _named_files(path)
    return content_key(_digests(path, named)), sum(safety.elements(p) for p in named if p.suffix == ".safetensors")


def _digests(path: Path, named: list[Path]) -> dict[str, str]:
    """SHA-256 by file name. What a download wrote in its manifest holds as long as the file is not younger: gigabytes are not read again."""
    manifest = path / "manifest.json"
    told = files.read_json(manifest)["files"] if path.name.startswith(downloads.MODEL) and path.parent == home() / "artifacts" else {}
    return {p.name: told[p.name]["sha256"] if p.name in told and p.stat().st_mtime_ns <= manifest.stat().st_mtime_ns else files.sha256(p) for p in named}


def shape(base: Base) -> str:
    """Equal for bases whose weights fit into each other's place: the same architecture and sizes, and the same tokenizer and template."""
    path = folder_of(base)
    config = {name: value for name, value in safety.config(path).items() if name not in ("_name_or_path", "transformers_version", "dtype", "use_cache")}
    return content_key(config, {p.name: files.sha256(p) for p in _named_files(path) if p.suffix != ".safetensors" and "config" not in p.name})
