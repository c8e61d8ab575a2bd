"""A large table becomes the rows of a Task on disk: the child process of a background import, under limits that it sets on itself.

It reads `plan.json` of its folder and leaves `examples.jsonl` and `result.json` there; `progress.json` says how far it is. The rows stand
on disk; in memory stand, for each row, a hash of its prompt, its answer where answers are labels, its group and its split.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from lab.core import DataError, Value
from lab.core.tasks import RowsKey
from lab.corpus import bulk_checks, streams
from lab.corpus.cells import demand_columns, render, text_of
from lab.corpus.child import confine
from lab.corpus.garbled import mended_text
from lab.corpus.limits import LARGE, Limits, Notes, Refused
from lab.corpus.mapping import Mapping
from lab.corpus.nested import SPLITS
from lab.corpus.private import masked_text
from lab.corpus.rows import with_declared
from lab.corpus.splits import NAMES, prompt_key

ORDER = ("test", "validation", "train")  # in the file: who only scores, or only looks, reads its beginning
MOST_TEST = 50_000
MOST_LABELS, LONGEST_LABEL = 50_000, 200
_EVERY = 0.4  # seconds between two lines of progress


class Plan(Value):
    """What was decided on the first rows. `rows`: at most so many, drawn with the seed (0: all). `test` and `validation` in rows."""

    path: str
    name: str
    suffix: str
    columns: tuple[str, ...]
    mapping: Mapping
    rows: int = 0
    test: int = 1_000
    validation: int = 1_000
    seed: int = 0
    mends: tuple[str, ...] = ()
    memory_bytes: int = LARGE.memory_bytes
    cpu_seconds: int = LARGE.cpu_seconds

    def limits(self) -> Limits:
        return LARGE._replace(memory_bytes=self.memory_bytes, cpu_seconds=self.cpu_seconds)


class Keys(NamedTuple):
    """What is kept in memory of each row, in the order of the file."""

    numbers: list[int]
    prompts: list[str]
    answers: list[str]
    entities: list[str]
    declared: list[str | None]


class Progress:
    """Writes how far the import is, at most a few times a second, whole each time."""

    def __init__(self, folder: Path):
        self._path, self._next, self._began = folder / "progress.json", 0.0, time.monotonic()
        self.now: dict[str, Any] = {}

    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def say(self, at_once: bool = False, **now: Any) -> None:
        self.now |= now
        if not at_once and time.monotonic() < self._next:
            return
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({**self.now, "seconds": self.seconds(), "peak_bytes": peak_bytes()}), "utf-8")
        os.replace(draft, self._path)
        self._next = time.monotonic() + _EVERY


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    plan = Plan(**json.loads((folder / "plan.json").read_text("utf-8")))
    confine(plan.limits())
    progress, notes = Progress(folder), Notes(plan.limits().problems)
    try:
        result = made(plan, folder, progress, notes)
    except Refused as refusal:
        result = _refused(refusal.what, f"{plan.name}, {refusal.where}" if refusal.where else plan.name, refusal.do)
    except DataError as error:
        result = _refused(error.failure.what, error.failure.where, error.failure.do)
    except MemoryError:
        result = _refused(f"Reading it needs more than {plan.memory_bytes >> 20:,} MiB of memory", plan.name, "Use fewer rows, or cut the file into parts")
    except RecursionError:
        result = _refused("Its parts are nested too deep", plan.name, "Save it in a simpler form")
    except OSError as error:
        result = _refused(f"The disk refused ({error.strerror or error})", plan.name, "Free some space; the import needs about twice the file's size")
    result["problems"] = [(line, reason) for line, reason in notes.all()]
    draft = folder / "result.draft"
    draft.write_text(json.dumps({**result, **progress.now, "lost": notes.refused, "seconds": progress.seconds(), "peak_bytes": peak_bytes()}),
                     "utf-8")
    os.replace(draft, folder / "result.json")
    return 0


def made(plan: Plan, folder: Path, progress: Progress, notes: Notes) -> dict[str, Any]:
    """Counts, fingerprints and findings of the rows that were written. Raises Refused and DataError."""
    mapping = plan.mapping
    demand_columns((mapping.prompt, mapping.answer), plan.columns, plan.name)
    keys = _spooled(plan, folder / "spool.jsonl", progress, notes)
    if not keys.prompts:
        first = f" ({notes.kept[0][1]})" if notes.kept else ""
        raise Refused(f"No row has both a prompt and an answer{first}", "Look at the mapping")
    progress.say(at_once=True, stage="splitting")
    splits = _splits(plan, keys)
    if (tested := splits.count("test")) > MOST_TEST:
        raise Refused(f"{tested:,} rows would be in the test split; {MOST_TEST:,} are the most, for every System answers each of them",
                      "Map no split column, so that the lab draws the test, or mark fewer rows as test")
    tally = bulk_checks.Tally(keys.prompts, splits, plan.mends)
    counts, prints = _written(folder, keys, splits, tally, progress)
    progress.say(at_once=True, stage="checking")
    findings = bulk_checks.findings(tally, counts)
    return {"counts": counts, "fingerprints": prints, "findings": [found.model_dump() for found in findings], "scorer": tally.scorer().model_dump()}


def _spooled(plan: Plan, spool: Path, progress: Progress, notes: Notes) -> Keys:
    """Every usable row written down as (number in the file, prompt, answer, entity); what is kept of it in memory."""
    keys, limits, mapping = Keys([], [], [], [], []), plan.limits(), plan.mapping
    source = streams.Source(Path(plan.path), plan.suffix, limits, notes)
    labels: dict[str, str] | None = {}
    number = 0
    with spool.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for line, row in source.rows():
            number += 1
            if number > limits.rows:
                raise Refused(f"The file has more than {limits.rows:,} rows", "Cut it into parts, or take a sample")
            if number % 512 == 1:
                progress.say(stage="reading", bytes=source.seen(), size=source.size, rows=len(keys.numbers), lost=notes.refused)
            found = _filled(row, number, line, mapping, plan.mends, notes)
            if found is None:
                continue
            prompt, answer, declared = found
            entity = text_of(row.get(mapping.entity_column)) if mapping.entity_column else ""
            file.write(json.dumps([number, prompt, answer, entity], ensure_ascii=False) + "\n")
            labels = _more_labels(labels, answer, keys)
            keys.numbers.append(number)
            keys.prompts.append(blake2b(prompt_key(prompt).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest())
            keys.answers.append(labels[answer] if labels is not None else "")
            keys.entities.append(sys.intern(entity))
            keys.declared.append(declared)
    progress.say(bytes=source.size, size=source.size, rows=len(keys.numbers), lost=notes.refused)
    return keys


def _filled(row: dict[str, Any], number: int, line: int | None, mapping: Mapping, mends: Sequence[str], notes: Notes) -> tuple[str, str, str | None] | None:
    """(prompt, answer, the split that the row names); None, and a problem, where the row cannot be used."""
    where = "" if line else f"row {number:,}: "
    try:
        prompt, answer = render(mapping.prompt, row), render(mapping.answer, row)
    except ValueError as error:
        notes.lose(line, f"{where}{error}")
        return None
    if not prompt or not answer:
        notes.lose(line, f"{where}the {' and the '.join(name for name, text in (('prompt', prompt), ('answer', answer)) if not text)} is empty")
        return None
    declared = None
    if mapping.split_column:
        word = text_of(row.get(mapping.split_column)).strip().lower()
        if word not in SPLITS:
            notes.lose(line, f"{where}{word[:40]!r} in '{mapping.split_column}' is no split (train, validation, test)")
            return None
        declared = SPLITS[word]
    for name, mend in (("garbled", mended_text), ("mask", masked_text)):
        if name in mends:
            prompt, answer = mend(prompt), mend(answer)
    return prompt, mapping.labels.get(answer, answer), declared


def _more_labels(labels: dict[str, str] | None, answer: str, keys: Keys) -> dict[str, str] | None:
    """The different answers so far, each once in memory; None for good where they are too many or too long to be labels."""
    if labels is None:
        return None
    labels.setdefault(answer, answer)
    if len(labels) <= MOST_LABELS and len(answer) <= LONGEST_LABEL:
        return labels
    keys.answers[:] = [""] * len(keys.answers)
    return None


def _splits(plan: Plan, keys: Keys) -> list[str]:
    """The split of each row that was spooled; empty for rows that are not wanted. The same law as for small files (`splits.assign`)."""
    total = len(keys.prompts)
    wanted = sorted(random.Random(plan.seed).sample(range(total), plan.rows)) if 0 < plan.rows < total else range(total)
    count = len(wanted)
    test, validation = min(plan.test, count) / count, min(plan.validation, max(0, count - plan.test)) / count
    columns = [keys.prompts, keys.answers, keys.entities, keys.declared]
    prompts, answers, entities, declared = ([column[place] for place in wanted] for column in columns)
    made = with_declared(declared, prompts, answers, entities, plan.seed, (max(0.0, 1 - test - validation), validation, test))
    found = [""] * total
    for place, name in zip(wanted, made):
        found[place] = name
    return found


def _written(folder: Path, keys: Keys, splits: list[str], tally: bulk_checks.Tally, progress: Progress) -> tuple[dict[str, int], dict[str, str]]:
    """The rows as a Task keeps them: (counts, fingerprints), both by split."""
    prints = {name: RowsKey() for name in NAMES}
    files = {name: (folder / f"{name}.part").open("w", encoding="utf-8", errors="surrogatepass") for name in NAMES}
    try:
        for place, (number, prompt, answer, entity) in enumerate(_lines(folder / "spool.jsonl")):
            if place % 512 == 0:
                progress.say(stage="writing", written=place, of=len(splits))
            split = splits[place]
            if not split or not tally.takes(place, split, prompt, answer):
                continue
            row = {"id": f"e{number:05d}", "prompt": prompt, "answer": answer, "split": split, "entity": entity, "documents": [], "slices": {}}
            files[split].write(json.dumps(row, ensure_ascii=False) + "\n")
            prints[split].add(row)
    finally:
        for file in files.values():
            file.close()
    with (folder / "examples.jsonl").open("wb") as whole:
        for name in ORDER:
            with (folder / f"{name}.part").open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
            (folder / f"{name}.part").unlink()
    (folder / "spool.jsonl").unlink()
    return {name: each.count for name, each in prints.items()}, {name: each.key() for name, each in prints.items()}


def _lines(path: Path) -> Iterator[list[Any]]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _refused(what: str, where: str, do: str) -> dict[str, Any]:
    return {"refused": [what, where, do]}


def peak_bytes() -> int:
    """The most memory that this program ever held; 0 where the system does not say. (The system's own counter for children, ru_maxrss, begins
    with what the process that started them held.)"""
    try:
        lines = Path("/proc/self/status").read_text("ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
