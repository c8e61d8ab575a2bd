"""What a model's folder says about itself: architecture, licence, size, special tokens. Reads small text files only; weights are not opened."""

from __future__ import annotations

import re
from pathlib import Path

from lab.core import Value
from lab.store import files

README_HEAD = 20_000  # characters in which a front matter ends
TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")


class Facts(Value):
    """`end_stops`: whether the tokenizer's end token is one that answers stop at; None: the files do not say."""

    architecture: str
    licence: str
    size: int
    special: dict[str, str]
    end_stops: bool | None


def facts(folder: Path) -> Facts:
    """Of a folder that was checked to be a base's."""
    config = files.read_json(folder / "config.json")
    special = _special(folder)
    return Facts(architecture=", ".join(config.get("architectures") or ()) or config.get("model_type", "not said"), licence=_licence(folder),
                 size=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()), special=special,
                 end_stops=_end_stops(folder, config, special.get("eos_token", "")))


def _special(folder: Path) -> dict[str, str]:
    path = folder / "tokenizer_config.json"
    found = files.read_json(path) if path.is_file() else {}
    values = {name: found.get(name) for name in TOKENS}
    return {name: str(value["content"] if isinstance(value, dict) else value) for name, value in values.items() if value}


def _licence(folder: Path) -> str:
    """The README's front matter, or the name of a licence file."""
    readme = folder / "README.md"
    head = readme.read_text("utf-8", errors="replace")[:README_HEAD] if readme.is_file() else ""
    front = head.split("---", 2)[1] if head.startswith("---") and head.count("---") > 1 else ""
    if said := re.search(r"^licen[sc]e:[ \t]*(\S.*)$", front, re.MULTILINE):
        return said.group(1).strip()[:80]
    return next((f"see {path.name}" for path in sorted(folder.iterdir()) if path.name.upper().startswith(("LICENSE", "LICENCE"))), "not said")


def _end_stops(folder: Path, config: dict, end: str) -> bool | None:
    path, more = folder / "tokenizer.json", folder / "generation_config.json"
    if not end or not path.is_file():
        return None
    names = {added["content"]: added["id"] for added in files.read_json(path).get("added_tokens", [])}
    stops: list[int] = []
    for said in (config.get("eos_token_id"), files.read_json(more).get("eos_token_id") if more.is_file() else None):
        stops += said if isinstance(said, list) else [said] if said is not None else []
    return names[end] in stops if end in names and stops else None
