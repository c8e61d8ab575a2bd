"""Uploaded files: into a temporary folder of the workspace, read there, gone again whatever happens. Parsed content is cached by its hash."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

import streamlit as st

from lab import corpus, store
from lab.core import DataError, LabError
from lab.corpus.documents import read_documents
from lab.corpus.tables import join_files, read_table
from lab.jobs.hub import split_of

TABLES = ["csv", "tsv", "json", "jsonl", "ndjson", "parquet", "gz", "zip"]
DOCUMENTS = ["txt", "md", "html", "htm", "pdf", "docx", "zip"]


@contextmanager
def laid_out(files: Sequence[tuple[str, bytes]]) -> Iterator[list[Path]]:
    """The files on disk for as long as the block lasts. Their own names are labels: the paths are ours, only the endings are kept."""
    root = store.home() / "uploads"
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=root))
    try:
        paths = []
        for number, (name, content) in enumerate(files):
            path = folder / f"{number:05d}{_ending(name)}"
            path.write_bytes(content)
            paths.append(path)
        yield paths
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ending(name: str) -> str:
    ending = Path(name).suffix.lower()
    return ending if ending.lstrip(".") in (*TABLES, *DOCUMENTS) else ""


def table(upload: Any) -> corpus.Table:
    """An uploaded table. Raises DataError with the reason; nothing is left behind."""
    content = upload.getvalue()
    return _or_raise(_table(_digest([content]), upload.name, lambda: content))


def tables(uploads: Sequence[Any]) -> corpus.Table:
    """One table of one uploaded file or several, whose names may say train, validation and test. Raises DataError."""
    found = [table(upload) for upload in uploads]
    if len(found) == 1:
        return found[0]
    names = tuple(upload.name for upload in uploads)
    return _or_raise(_joined(_digest([upload.getvalue() for upload in uploads]), names, found))


def documents(uploads: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """(documents, problems) of the uploaded files."""
    files = [(upload.name, upload.getvalue()) for upload in uploads]
    return _or_raise(_documents(_digest([content for _, content in files]), tuple(name for name, _ in files), lambda: files))


def mark(*tables: Any) -> str:
    """A short name for what tables hold, for the keys of widgets that belong to these files: another file begins with fresh proposals. Of a
    long table the columns, the number of rows and rows from its beginning, middle and end are looked at: pages ask often."""
    return "-".join(_digest([repr((table.columns, len(table.rows), [table.rows[place] for place in _places(len(table.rows))])).encode()])[:10]
                    for table in tables if table)


def _places(count: int) -> list[int]:
    """Up to some 120 numbers below `count`, from the beginning to the end."""
    return sorted({*range(min(count, 40)), *range(max(0, count - 40), count), *range(0, count, count // 40 + 1)})


def _or_raise(found: Any) -> Any:
    if isinstance(found, LabError):
        raise found
    return found


def _digest(contents: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


@st.cache_resource(max_entries=8, ttl=3_600, show_spinner="Reading the file …")
def _table(digest: str, name: str, _content: Callable[[], bytes]) -> Any:
    try:
        with laid_out([(name, _content())]) as paths:
            return read_table(paths[0], name)
    except LabError as error:
        return error


@st.cache_resource(max_entries=4, ttl=3_600, show_spinner=False)
def _joined(digest: str, names: tuple[str, ...], _found: list[corpus.Table]) -> Any:
    try:
        return join_files(zip(map(split_of, names), _found))
    except LabError as error:
        return error


@st.cache_resource(max_entries=8, ttl=3_600, show_spinner="Reading the documents …")
def _documents(digest: str, names: tuple[str, ...], _files: Callable[[], list[tuple[str, bytes]]]) -> Any:
    try:
        with laid_out(_files()) as paths:
            return read_documents(zip(names, paths))
    except LabError as error:
        return error


def read_or_none(read: Callable[[], Any], complain: Callable[[DataError], None]) -> Any:
    """What was read, or None after telling why not."""
    try:
        return read()
    except LabError as error:
        complain(error)
        return None
