"""The guarded child: reads strange files under limits that it sets on itself, and leaves what it found as JSON in a file.

Started by `guard`, one process per table and one for some documents. It imports neither pydantic nor anything of ours but the readers, so
that it starts at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lab.corpus.limits import Limits, Notes, Refused

SEVERAL = "documents"


def main(arguments: list[str]) -> int:
    kind, path, suffix, result, limits_text = arguments
    limits = Limits(**json.loads(limits_text))
    confine(limits)
    with open(result, "w", encoding="ascii") as file:
        if kind == SEVERAL:
            for each, its_suffix in json.loads(Path(path).read_text("utf-8")):
                file.write(json.dumps(_answer("document", Path(each), its_suffix, limits)) + "\n")
                file.flush()  # what was read is there also if the next one ends this process
        else:
            json.dump(_answer(kind, Path(path), suffix, limits), file)
    return 0


def _answer(kind: str, path: Path, suffix: str, limits: Limits) -> dict[str, Any]:
    try:
        return READERS[kind](path, suffix, limits)
    except Refused as refusal:
        return {"refused": [refusal.what, refusal.where, refusal.do]}
    except MemoryError:
        return {"refused": [f"Reading it needs more than {limits.memory_bytes >> 20:,} MiB of memory", "", "Cut it into smaller files"]}
    except RecursionError:
        return {"refused": ["Its parts are nested too deep", "", "Save it in a simpler form"]}


def confine(limits: Limits) -> None:
    """Memory, processor time and the size of what is written, enforced by the system. Only where the system knows them (POSIX)."""
    try:
        import resource
    except ImportError:  # Windows: the wall limit of the parent remains
        return
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.result_bytes, limits.result_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _table(path: Path, suffix: str, limits: Limits) -> dict[str, Any]:
    from lab.corpus import bytes_to_rows
    notes = Notes(limits.problems)
    columns, rows, name = bytes_to_rows.read(_bytes(path, limits), suffix, limits, notes)
    if not rows:
        raise Refused(f"The file has no usable row{_last_reason(notes)}",
                      "Put the names of the columns into the first line and a row into each line below it; or objects into a JSON list")
    return {"columns": columns, "rows": rows, "problems": notes.all(), "refused": notes.refused, "encoding": name,
            "labels": notes.labels}


def _head(path: Path, suffix: str, limits: Limits) -> dict[str, Any]:
    """The first rows of a large table, as a table."""
    from lab.corpus import streams
    notes = Notes(limits.problems)
    source = streams.Source(path, suffix, limits, notes)
    columns, rows = streams.head(source, limits.head_rows)
    if not rows:
        raise Refused(f"The file has no usable row{_last_reason(notes)}", "Look whether its first lines are a table")
    return {"columns": columns, "rows": rows, "problems": notes.all(), "refused": notes.refused, "encoding": source.encoding, "labels": notes.labels}


def _last_reason(notes: Notes) -> str:
    if not notes.kept:
        return ""
    line, reason = notes.kept[-1]
    others = len(notes.kept) + notes.more - 1
    return f" ({f'line {line:,}: ' if line else ''}{reason}{f'; and {others:,} more' if others else ''})"


def _document(path: Path, suffix: str, limits: Limits) -> dict[str, Any]:
    from lab.corpus import extract
    notes = Notes(limits.problems)
    text, sections = extract.text_of(_bytes(path, limits), suffix, limits, notes)
    return {"text": text, "sections": sections, "problems": notes.all()}


def _archive(path: Path, suffix: str, limits: Limits) -> dict[str, Any]:
    from lab.corpus import archive
    notes = Notes(limits.problems)
    return {"members": archive.unpack(path, limits, notes), "problems": notes.all()}


def _template(path: Path, suffix: str, limits: Limits) -> dict[str, Any]:
    """Writes two plain conversations with the chat template of the model that the file belongs to."""
    from lab.core import LabError
    from lab.corpus.template import ChatTemplate
    question, answer = {"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."}
    try:
        template = ChatTemplate.of(path.parent)
        template.render([question], True)
        template.render([question, answer], False)
    except LabError as error:
        raise Refused(error.failure.what, error.failure.do) from error
    return {}


def _bytes(path: Path, limits: Limits) -> bytes:
    with path.open("rb") as file:
        data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise Refused(f"The file is larger than {limits.file_bytes // 1_000_000} MB", "Cut it into smaller files, or take a sample")
    return data


READERS = {"table": _table, "head": _head, "document": _document, "archive": _archive, "template": _template}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
