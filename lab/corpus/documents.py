"""Documents from files, folders and zip archives. They are read in guarded children; one bad file never costs another."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.core import DataError, Document, Section
from lab.corpus.archive import ARCHIVE
from lab.corpus.extract import SUFFIXES
from lab.corpus.guard import admits, guarded, guarded_documents
from lab.corpus.limits import LIMITS, Limits
from lab.corpus.values import Problem

MOST_FILES = 2_000
MOST_LETTERS = 100_000_000
TOGETHER = 40  # files that one child reads; their texts stand in memory together


def read_documents(source: Path | Iterable[Path | tuple[str, Path]],
                   limits: Limits = LIMITS) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """Documents of a folder (with its sub-folders), of a list of files, or of (name, file) pairs; and what could not be read.

    The files of a zip archive come in its place. Ids are d0001, d0002 ... in the order of the list, or of the names in a folder; a name
    is the path inside the folder or the archive. Raises DataError where nothing was readable, or where it is too much.
    """
    problems: list[Problem] = []
    documents = tuple(document for _, _, document in each_document(source, problems, limits) if document)
    if not documents:
        raise nothing_read(problems)
    return documents, tuple(problems)


def each_document(source: Path | Iterable[Path | tuple[str, Path]], problems: list[Problem], limits: Limits = LIMITS,
                  packed: Limits | None = None) -> Iterator[tuple[int, int, Document | None]]:
    """(number of the file from 1, number of all files, its document) one by one; None where a file could not be read, and a problem that
    says why. `packed`: limits of archives as a whole, where they are others. Raises DataError where it is too much."""
    letters = count = 0
    with _unpacked(_named(source), problems, packed or limits) as files:
        for number, (name, found) in enumerate(_read_all(files, problems, limits), 1):
            if found is None:
                yield number, len(files), None
                continue
            letters += len(found["text"])
            if letters > MOST_LETTERS:
                raise DataError(f"The documents have more than {MOST_LETTERS:,} letters in all", name, "Choose fewer documents")
            count += 1
            sections = tuple(Section(start=start, page=page, heading=tuple(heading)) for start, page, heading in found["sections"])
            yield number, len(files), Document(id=f"d{count:04d}", name=name, text=found["text"], sections=sections)


def nothing_read(problems: Sequence[Problem]) -> DataError:
    """Why there is no document at all."""
    return DataError("No document could be read", "documents", problems[0].reason if problems else f"Choose files of {', '.join((*SUFFIXES, ARCHIVE))}")


def _read_all(files: Sequence[tuple[str, Path]], problems: list[Problem], limits: Limits) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """(name, what was found) of each file in order. A child reads some of them: to start one takes longer than to read most files. Whatever it
    refused, or ended on, is read once more by itself: what one file took is not another's fault."""
    known: dict[int, dict[str, Any]] = {}
    begin = 0  # of the files that no child has looked at
    for number, (name, path) in enumerate(files):
        if number >= begin and _ready(name, path, limits):
            some = [place for place in range(number, min(number + TOGETHER, len(files))) if _ready(*files[place], limits)]
            answers = guarded_documents([files[place] for place in some], limits) if len(some) > 1 else []
            known = {place: answer for place, answer in zip(some, answers) if "refused" not in answer}
            begin = some[min(len(answers), len(some) - 1)] + 1
        yield name, _read(name, path, problems, limits, known.pop(number, None))


def _ready(name: str, path: Path, limits: Limits) -> bool:
    return _is_kind(name) and admits(path, limits)


def _is_kind(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _read(name: str, path: Path, problems: list[Problem], limits: Limits, answer: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """What was found in one file, or None and a problem that says why not. `answer`: of the child that read it with others."""
    if not _is_kind(name):
        problems.append(Problem(reason=f"{name}: left out, because this kind of file is not read ({', '.join((*SUFFIXES, ARCHIVE))} are)"))
        return None
    return _guarded("document", name, path, problems, limits, answer)


def _guarded(kind: str, name: str, path: Path, problems: list[Problem], limits: Limits, answer: dict[str, Any] | None = None) -> dict[str, Any] | None:
    try:
        found = answer or guarded(kind, path, name, limits)
    except DataError as error:
        problems.append(Problem(reason=f"{name}: {error.failure.what}. {error.failure.do}."))
        return None
    problems += [Problem(line=line, reason=f"{name}: {reason}") for line, reason in found["problems"]]
    return found


@contextmanager
def _unpacked(files: list[tuple[str, Path]], problems: list[Problem], limits: Limits) -> Iterator[list[tuple[str, Path]]]:
    """The files with those of archives in the archives' places. What was unpacked is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="lab-unpack-") as root:
        found = []
        for number, (name, path) in enumerate(files):
            found += _members(name, path, Path(root) / str(number), problems, limits) if Path(name).suffix.lower() == ARCHIVE else [(name, path)]
        if len(found) > MOST_FILES:
            raise DataError(f"There are {len(found):,} files; {MOST_FILES:,} are the most", "documents", "Choose fewer files or a smaller folder")
        yield found


def _members(name: str, path: Path, folder: Path, problems: list[Problem], limits: Limits) -> list[tuple[str, Path]]:
    """The child unpacks beside the archive that it is given, so it gets a copy in a folder of its own."""
    folder.mkdir()
    copy = folder / f"archive{ARCHIVE}"
    if not path.is_file() or path.stat().st_size > limits.file_bytes:
        copy = path  # not worth a copy: it is refused before anybody opens it
    else:
        shutil.copyfile(path, copy)
    found = _guarded("archive", name, copy, problems, limits)
    return [(member, folder / file) for member, file in found["members"]] if found else []


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
