"""Files that survive a crash: whole or not at all, appended line by line, torn last lines skipped."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Iterator


def write_text(path: Path, text: str) -> None:
    """Write a file whole: a reader sees the old content or the new one, never a part. Raises OSError."""
    write_bytes(path, text.encode("utf-8", "surrogatepass"))


def write_bytes(path: Path, data: bytes, safe: bool = True) -> None:
    """As `write_text`. `safe` False spares the wait for the disk, for what can be made again after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if safe:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def write_lines(path: Path, rows: Iterable[Any]) -> None:
    """Write a JSON Lines file whole."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8", errors="surrogatepass"))


def append_line(path: Path, row: Any) -> None:
    """Append one JSON line in one write, so that lines of one writer never mix."""
    line = json.dumps(row, ensure_ascii=False) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line.encode("utf-8", "surrogatepass"))
    finally:
        os.close(handle)


def read_lines(path: Path, offset: int = 0) -> tuple[list[Any], int]:
    """JSON lines from a byte offset, and the offset behind the last whole line. A torn last line is left for later."""
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines()
    try:  # all at once costs half; a torn line makes the whole unreadable, as nothing behind it can close what it left open
        rows = json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        rows = None
    return rows if rows is not None and len(rows) == len(lines) else list(_parsed(lines)), offset + end


def _parsed(lines: Iterable[bytes]) -> Iterator[Any]:
    for line in lines:
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError:  # a line torn by a kill, followed by the next attempt's first line
            continue


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write_manifest(folder: Path, extra: dict[str, Any] | None = None) -> None:
    """Sizes and SHA-256 of every file of a folder, written last: no manifest, not complete."""
    files = {str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": sha256(path)}
             for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json"}
    write_json(folder / "manifest.json", {"files": files, **(extra or {})})


def is_complete(folder: Path) -> bool:
    """Whether a folder holds every file of its manifest, byte for byte."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return False
    try:
        files = read_json(manifest)["files"]
        return all((folder / name).stat().st_size == about["bytes"] and sha256(folder / name) == about["sha256"]
                   for name, about in files.items())
    except (OSError, ValueError, KeyError):
        return False
