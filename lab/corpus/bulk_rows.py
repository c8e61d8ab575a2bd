"""What the rows of every large table go through: read, filled into the mapping, mended, written down, drawn. Knows no kind of row."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from lab.core.tasks import RowsKey
from lab.corpus import streams
from lab.corpus.bulk_plan import Plan, Progress
from lab.corpus.cells import demand_columns, render
from lab.corpus.garbled import mended_text
from lab.corpus.limits import Notes, Refused
from lab.corpus.mapping import PART_NAMES
from lab.corpus.private import masked_text
from lab.corpus.splits import prompt_key

_MENDS = (("garbled", mended_text), ("mask", masked_text))  # what changes texts, in the order in which it is done


class Usable(NamedTuple):
    """A row that can be used: its number and line in the file, its cells, and the texts of the mapping's parts."""

    number: int
    line: int | None
    cells: dict[str, Any]
    texts: list[str]


def usable(plan: Plan, parts: Sequence[str], progress: Progress, notes: Notes) -> Iterator[Usable]:
    """Every row in which no part of the mapping is empty; the others are lost with their reason. Raises Refused and DataError."""
    templates, limits = [getattr(plan.mapping, part) for part in parts], plan.limits()
    demand_columns(templates, plan.columns, plan.name)
    source = streams.Source(Path(plan.path), plan.suffix, limits, notes)
    number = 0
    for line, row in source.rows():
        number += 1
        if number > limits.rows:
            raise Refused(f"The file has more than {limits.rows:,} rows", "Cut it into parts, or take a sample")
        if number % 512 == 1:
            progress.say(stage="reading", bytes=source.seen(), size=source.size, rows=number - 1, lost=notes.refused)
        if texts := _filled(row, number, line, parts, templates, plan.mends, notes):
            yield Usable(number, line, row, texts)
    progress.say(bytes=source.size, size=source.size, rows=number, lost=notes.refused)


def lose(row: Usable, reason: str, notes: Notes) -> None:
    """A row that stays out after all."""
    notes.lose(row.line, f"{_where(row.number, row.line)}{reason}")


def _where(number: int, line: int | None) -> str:
    return "" if line else f"row {number:,}: "


def _filled(row: dict[str, Any], number: int, line: int | None, parts: Sequence[str], templates: Sequence[str], mends: Sequence[str],
            notes: Notes) -> list[str] | None:
    try:
        texts = [render(template, row) for template in templates]
    except ValueError as error:
        notes.lose(line, f"{_where(number, line)}{error}")
        return None
    if empty := [PART_NAMES[part] for part, text in zip(parts, texts) if not text]:
        notes.lose(line, f"{_where(number, line)}the {' and the '.join(empty)} is empty")
        return None
    return [mended(text, mends) for text in texts]


def mended(text: str, mends: Sequence[str]) -> str:
    """The text after those of the mends that change texts."""
    for name, mend in _MENDS:
        if name in mends:
            text = mend(text)
    return text


def prompt_hash(prompt: str) -> str:
    """Equal for prompts that are the same question."""
    return blake2b(prompt_key(prompt).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def drawn(plan: Plan, total: int) -> Sequence[int]:
    """Places of the rows that are wanted, in the order of the file."""
    return sorted(random.Random(plan.seed).sample(range(total), plan.rows)) if 0 < plan.rows < total else range(total)


def nothing_usable(what: str, notes: Notes) -> Refused:
    return Refused(f"No row has {what}{f' ({notes.kept[0][1]})' if notes.kept else ''}", "Look at the mapping")


def lines(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


def written(folder: Path, name: str, order: Sequence[str], rows: Iterator[dict[str, Any]]) -> dict[str, RowsKey]:
    """Rows as a Task keeps them, each split for itself in this order; the count and fingerprint of each split."""
    prints = {split: RowsKey() for split in order}
    files = {split: (folder / f"{split}.part").open("w", encoding="utf-8", errors="surrogatepass") for split in order}
    try:
        for row in rows:
            files[row["split"]].write(json.dumps(row, ensure_ascii=False) + "\n")
            prints[row["split"]].add(row)
    finally:
        for file in files.values():
            file.close()
    with (folder / name).open("wb") as whole:
        for split in order:
            with (folder / f"{split}.part").open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
            (folder / f"{split}.part").unlink()
    return prints


def test_rows(path: str) -> Iterator[dict[str, Any]]:
    """The test rows of a Task's examples; none where there is no Task."""
    return (row for row in lines(Path(path)) if row["split"] == "test") if path else iter(())
