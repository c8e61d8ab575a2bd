"""Documents of a folder or a large archive, as a Task keeps them. Guarded children parse the files; the texts of
some of them stand in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lab.core import DataError, Document, Example, Scorer, Task, TaskData
from lab.core.tasks import RowsKey, row_content
from lab.corpus import bulk_checks, bulk_rows
from lab.corpus.bulk_plan import Plan, Progress
from lab.corpus.check_leaks import overlap_findings
from lab.corpus.check_rows import empty_findings
from lab.corpus.check_text import text_findings
from lab.corpus.documents import each_document, nothing_read
from lab.corpus.limits import LIMITS, Notes, Refused
from lab.corpus.values import Problem

SAMPLE_LETTERS = 20_000_000  # of the first documents, that are looked at one by one
ARCHIVE = LIMITS._replace(file_bytes=2_000_000_000, unpacked_bytes=2_000_000_000, result_bytes=2_000_000_000, cpu_seconds=300, wall_seconds=600)


def made(plan: Plan, folder: Path, progress: Progress, notes: Notes) -> dict[str, Any]:
    """documents/ in the folder; its count, fingerprint and findings. Raises Refused and DataError."""
    progress.say(at_once=True, stage="unpacking")
    key, sample, letters, sections, names = RowsKey(), [], 0, {}, {}
    (folder / "documents").mkdir()
    for document in _mended(_read(plan, progress, notes), plan):
        (folder / "documents" / f"{document.id}.txt").write_text(document.text, "utf-8", errors="surrogatepass")
        names[document.id] = document.name
        if document.sections:
            sections[document.id] = [[section.start, section.page, section.heading] for section in document.sections]
        key.add(row_content(document))
        letters += len(document.text)
        if letters <= SAMPLE_LETTERS:
            sample.append(document)
    for name, about in (("names", names), ("sections", sections)):
        (folder / "documents" / f"{name}.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8", errors="surrogatepass")
    progress.say(at_once=True, stage="checking")
    asked = tuple(Example(id=row["id"], prompt=row["prompt"], answer=row["answer"], split="test") for row in bulk_rows.test_rows(plan.asked))
    data = TaskData(task=Task(id="draft", name="draft", scorers=(Scorer(kind="exact_match"),)), documents=tuple(sample))
    looks = (empty_findings, text_findings, lambda texts: overlap_findings(texts.model_copy(update={"examples": asked})))
    return {"counts": {"documents": key.count}, "fingerprints": {"documents": key.key()}, "letters": letters,
            "findings": bulk_checks.findings((), looks, data, key.count, plan.model_copy(update={"base": ""}))}


def _read(plan: Plan, progress: Progress, notes: Notes) -> Iterator[Document]:
    problems: list[Problem] = []
    told = count = 0
    try:
        for number, files, document in each_document(Path(plan.path), problems, LIMITS, ARCHIVE):
            for problem in problems[told:]:
                notes.add(problem.line, problem.reason)
            notes.refused += (len(problems) if number == 1 else 0) if document else max(1, len(problems) - told)
            told = len(problems)
            if document:
                count += 1
                yield document
            progress.say(stage="parsing", written=number, of=files, rows=count, lost=notes.refused)
    except DataError as error:
        raise Refused(error.failure.what, error.failure.do, error.failure.where) from error
    if not count:
        raise nothing_read(problems)


def _mended(documents: Iterable[Document], plan: Plan) -> Iterator[Document]:
    """As `corpus.mending` does it: names and texts alike."""
    for document in documents:
        yield document.model_copy(update={"name": bulk_rows.mended(document.name, plan.mends), "text": bulk_rows.mended(document.text, plan.mends)})
