"""Documents from files and folders. Each file is read in its own guarded child; one bad file never costs another."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from lab.core import DataError, Document
from lab.corpus.extract import SUFFIXES
from lab.corpus.guard import guarded
from lab.corpus.limits import LIMITS, Limits
from lab.corpus.values import Problem

MOST_FILES = 2_000
MOST_LETTERS = 100_000_000


def read_documents(source: Path | Iterable[Path | tuple[str, Path]],
                   limits: Limits = LIMITS) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Documents of a folder (with its sub-folders), of a list of files, or of (name, file) pairs; and what could not be read.

    Ids are d0001, d0002 ... in the order of the list, or of the names in a folder; a name is the path inside the folder. Raises
    DataError where nothing was readable.
    """
    files = _named(source)
    if len(files) > MOST_FILES:
        raise DataError(f"There are {len(files):,} files; {MOST_FILES:,} are the most", "documents", "Choose a smaller folder")
    documents: list[Document] = []
    problems: list[Problem] = []
    letters = 0
    for name, path in files:
        if Path(name).suffix.lower() not in SUFFIXES:
            problems.append(Problem(reason=f"{name}: left out, because this kind of file is not read ({', '.join(SUFFIXES)} are)"))
            continue
        try:
            found = guarded("document", path, name, limits)
        except DataError as error:
            problems.append(Problem(reason=f"{name}: {error.failure.what}. {error.failure.do}."))
            continue
        problems += [Problem(line=line, reason=f"{name}: {reason}") for line, reason in found["problems"]]
        letters += len(found["text"])
        if letters > MOST_LETTERS:
            raise DataError(f"The documents have more than {MOST_LETTERS:,} letters in all", name, "Choose fewer documents")
        documents.append(Document(id=f"d{len(documents) + 1:04d}", name=name, text=found["text"]))
    if not documents:
        do = problems[0].reason if problems else f"Choose files of {', '.join(SUFFIXES)}"
        raise DataError("No document could be read", "documents", do)
    return tuple(documents), tuple(problems)


def _named(source: Path | Iterable[Path | tuple[str, Path]]) -> list[tuple[str, Path]]:
    """(name, file) pairs by name. Links and hidden files of a folder are left alone: they may lead out of it."""
    if not isinstance(source, (str, os.PathLike)):
        return [(one[0], Path(one[1])) if isinstance(one, tuple) else (Path(one).name, Path(one)) for one in source]
    root = Path(source)
    if not root.is_dir():
        return [(root.name, root)]
    found = []
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder) / name for name in names if not name.startswith(".")]
    return sorted((path.relative_to(root).as_posix(), path) for path in found if path.is_file() and not path.is_symlink())
