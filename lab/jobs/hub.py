"""Looks at a repository of a hub before anything is downloaded: its commit, its files, and whether the lab would take them.

Of a model only what transformers loads without code comes: safetensors, tokenizer files, settings, chat template, README, licence.
Of a data set only tables. Pickle, Python, GGUF and ONNX files are never asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

import httpx

from lab.core import AccessError, DataError, ModelError, Value
from lab.corpus.nested import SPLITS
from lab.corpus.packed import TABLES
from lab.jobs import hub_client
from lab.store import downloads, safety

Kind = Literal["model", "dataset"]
TEXTS = re.compile(r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|[A-Za-z0-9][A-Za-z0-9_.-]*\.model"
                   r"|merges\.txt|vocab\.txt|chat_template\.(jinja|json)|README\.md|LICEN[SC]E(\.(txt|md))?")
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"model-\d{5}-of-(\d{5})\.safetensors")
TABLE = re.compile(r"[\w(\[][\w ()\[\].,+=@#-]*(/[\w(\[][\w ()\[\].,+=@#-]*)*")
MOST_BYTES = 1 << 44  # of one file: what is announced beyond is no file
MOST_TEXT = 512 << 20  # of a file that is no weights


class HubFile(Value):
    """One file: its size in bytes and the hub's checksum (SHA-256 of large files, the Git name of small ones)."""

    name: str
    size: int
    sha256: str = ""
    blob: str = ""


class HubRepo(Value):
    """One commit of a repository: `files` may come, `left` others stay there. `allowed`: the hub lets us read it."""

    kind: Kind
    repo: str
    revision: str
    commit: str
    files: tuple[HubFile, ...]
    left: int
    gated: bool
    allowed: bool
    licence: str

    @property
    def total(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def key(self) -> str:
        """The artifact's key."""
        if self.kind == "model":
            return downloads.model_key(self.repo, self.commit)
        return downloads.data_key(self.repo, self.commit, [file.name for file in self.files])

    def only(self, names: Sequence[str]) -> "HubRepo":
        """The same with some of the files. Raises DataError for a file that is not there or no table."""
        known = {file.name for file in self.files}
        if missing := [name for name in names if name not in known]:
            raise DataError("The data set has no such table", missing[0][:200], f"It has: {', '.join(sorted(known)[:8])}")
        return self.model_copy(update={"files": tuple(file for file in self.files if file.name in set(names))})


def look(name: str, revision: str = "main", kind: Kind = "model") -> HubRepo:
    """What a repository holds at a revision, pinned to its commit. Takes a few seconds at most; nothing is downloaded but its settings.

    Raises AccessError where the hub does not answer or refuses, ModelError or DataError with the way out where it is nothing for the lab.
    """
    name = name.strip()
    downloads.demand_names(name, revision)
    with hub_client.client() as asked:
        about = _object(hub_client.body(asked, hub_client.listing_of(kind, name, revision), name), name, revision)
        listed = [_file(one) for one in about["siblings"] if isinstance(one, dict)]
        found = _model_files(listed, name) if kind == "model" else _tables(listed, name)
        try:
            _judge(asked, kind, name, about["sha"], found)
            allowed = True
        except AccessError:
            if not about.get("gated"):
                raise
            allowed = False
    return HubRepo(kind=kind, repo=name, revision=revision, commit=about["sha"], files=tuple(sorted(found, key=lambda file: (file.size, file.name))),
                   left=len(listed) - len(found), gated=bool(about.get("gated")), allowed=allowed, licence=_licence(about))


def split_of(name: str) -> str:
    """train, validation or test where a file's name or folder says so; else nothing."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLITS[word] for word in reversed(words) if word in SPLITS), "")


def _object(found: bytes, where: str, revision: str) -> dict[str, Any]:
    try:
        about = json.loads(found)
        pinned = about["sha"] == revision or not downloads.COMMIT.fullmatch(revision)
        if pinned and downloads.COMMIT.fullmatch(about["sha"]) and isinstance(about["siblings"], list):
            return about
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise AccessError("The hub's answer does not follow the protocol", where, "Check HF_ENDPOINT: is it the address of a hub?")


def _file(one: dict[str, Any]) -> HubFile:
    large = one.get("lfs") if isinstance(one.get("lfs"), dict) else {}
    size = large.get("size", one.get("size"))
    return HubFile(name=str(one.get("rfilename", "")), size=size if isinstance(size, int) else -1,
                   sha256=str(large.get("sha256") or ""), blob=str(one.get("blobId") or ""))


def _model_files(listed: list[HubFile], where: str) -> list[HubFile]:
    """Refuses what could not be loaded afterwards."""
    names = {file.name for file in listed}
    shards = {name for name in names if SHARD.fullmatch(name)}
    weights = {WHOLE} if WHOLE in names else {*shards, INDEX} if shards and INDEX in names else set()
    if not weights:
        has = next((kind for kind, mark in (("an adapter, not a whole model", "adapter_model.safetensors"), ("pickle weights", ".bin"),
                                            ("GGUF files", ".gguf"), ("ONNX files", ".onnx")) if any(name.endswith(mark) for name in names)), "")
        raise ModelError("The repository has no safetensors weights" + (f"; it holds {has}" if has else ""), where,
                         "Choose a repository with model.safetensors; the hub's converted copies of a model have it")
    if missing := [count for count in {SHARD.fullmatch(name)[1] for name in weights & shards} if int(count) != len(weights & shards)]:
        raise ModelError(f"The repository has {len(weights & shards)} of {int(missing[0])} parts of its weights", where, "Choose another revision")
    if not names & set(safety.TOKENIZERS):
        raise ModelError("The repository has no tokenizer", where, "Choose one that has tokenizer.json beside its weights")
    if "config.json" not in names:
        raise ModelError("The repository has no config.json", where, "Choose a model that transformers can load")
    wanted = [file for file in listed if file.name in weights or TEXTS.fullmatch(file.name)]
    return [_sound(file, where, MOST_BYTES if file.name in weights else MOST_TEXT) for file in wanted]


def _tables(listed: list[HubFile], where: str) -> list[HubFile]:
    found = [file for file in listed if is_table(file.name)]
    if not found:
        raise DataError("The data set holds no table", where, f"Tables end in {', '.join(TABLES)}; for many others the hub keeps copies at the "
                        "revision refs/convert/parquet")
    return [_sound(file, where) for file in found]


def is_table(name: str) -> bool:
    return bool(TABLE.fullmatch(name)) and ".." not in name and len(name) <= 200 and ending(name).removesuffix(".gz") in (*TABLES, ".zip")


def ending(name: str) -> str:
    """The ending that says how to read a file; ".csv.gz" is one ending."""
    endings = [part.lower() for part in PurePosixPath(name).suffixes]
    return "".join(endings[-2:] if endings[-1:] == [".gz"] else endings[-1:])


def _sound(file: HubFile, where: str, most: int = MOST_BYTES) -> HubFile:
    """A size that can be, and a checksum to hold the bytes against."""
    if not 0 <= file.size <= most:
        raise ModelError(f"The hub gives {file.name[:80]} a size that cannot be", where, "Choose another revision or another hub")
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256) and not re.fullmatch(r"[0-9a-f]{40}", file.blob):
        raise ModelError(f"The hub names no checksum for {file.name[:80]}", where, "Use the hub itself or a mirror that keeps its checksums")
    return file


def _judge(asked: httpx.Client, kind: Kind, name: str, commit: str, found: list[HubFile]) -> None:
    """Whether files can be read at all; a model's settings are read and judged on the way. Raises LabError."""
    if kind == "dataset":
        hub_client.demand_well(asked.head(hub_client.path_of(kind, name, commit, found[0].name)), name)
        return
    for file in found:
        if file.name in safety.CONFIGS:
            if file.size > safety.TEXT_LIMITS[file.name]:
                raise ModelError(f"{file.name} has {file.size / 1e6:,.0f} MB", name, "Choose another model")
            content = hub_client.body(asked, hub_client.path_of(kind, name, commit, file.name), name)
            safety.check_config(safety.as_object(content, name, file.name), name, file.name)


def _licence(about: dict[str, Any]) -> str:
    card = about.get("cardData")
    said = card.get("license") if isinstance(card, dict) else ""
    return str(", ".join(map(str, said)) if isinstance(said, list) else said or "not said")[:80]
