"""Examples of a large table, as a Task keeps them: the rows stand on disk; in memory stand, for each, a hash of its prompt, its answer where
answers are labels, its group and its split."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lab.core import Example, Scorer, Task, TaskData
from lab.core.tasks import row_content
from lab.corpus import bulk_checks, bulk_rows
from lab.corpus.bulk_plan import Plan, Progress
from lab.corpus.cells import text_of
from lab.corpus.check_leaks import leaking
from lab.corpus.limits import Notes, Refused
from lab.corpus.nested import SPLITS
from lab.corpus.rows import with_declared
from lab.corpus.splits import NAMES

ORDER = ("test", "validation", "train")  # in the file: who only scores, or only looks, reads its beginning
MOST_TEST = 50_000
MOST_LABELS, LONGEST_LABEL = 50_000, 200


class Keys(NamedTuple):
    """What is kept in memory of each row, in the order of the file."""

    numbers: list[int]
    prompts: list[str]
    answers: list[str]
    entities: list[str]
    declared: list[str | None]


def made(plan: Plan, folder: Path, progress: Progress, notes: Notes) -> dict[str, Any]:
    """examples.jsonl in the folder; its counts, fingerprints and findings. Raises Refused and DataError."""
    keys = _spooled(plan, folder, progress, notes)
    if not keys.prompts:
        raise bulk_rows.nothing_usable("both a prompt and an answer", notes)
    progress.say(at_once=True, stage="splitting")
    splits = _splits(plan, keys)
    if (tested := splits.count("test")) > MOST_TEST:
        raise Refused(f"{tested:,} rows would be in the test split; {MOST_TEST:,} are the most, for every System answers each of them",
                      "Map no split column, so that the lab draws the test, or mark fewer rows as test")
    tally = bulk_checks.Tally(keys.prompts, splits, plan, _shared(folder / "spool.jsonl", splits) if "overlap" in plan.mends else set())
    prints = bulk_rows.written(folder, "examples.jsonl", ORDER, _rows(folder / "spool.jsonl", splits, tally, progress))
    (folder / "spool.jsonl").unlink()
    progress.say(at_once=True, stage="checking")
    counts = {name: prints[name].count for name in NAMES}
    data = TaskData(task=Task(id="draft", name="draft", scorers=(Scorer(kind="exact_match"),)), examples=tuple(tally.sample))
    counted = (*bulk_checks.of_examples(tally, data), *bulk_checks.of_room(tally.room, plan))
    findings = bulk_checks.findings(counted, bulk_checks.ON_EXAMPLES, data, sum(counts.values()), plan)
    return {"counts": counts, "fingerprints": {name: each.key() for name, each in prints.items()}, "findings": findings,
            "scorer": tally.scorer().model_dump(), "answers": bulk_checks.answer_lengths(data, plan)}


def _spooled(plan: Plan, folder: Path, progress: Progress, notes: Notes) -> Keys:
    """Every usable row written down as (number in the file, prompt, answer, entity); what is kept of it in memory."""
    keys, mapping = Keys([], [], [], [], []), plan.mapping
    labels: dict[str, str] | None = {}
    with (folder / "spool.jsonl").open("w", encoding="utf-8", errors="surrogatepass") as file:
        for row in bulk_rows.usable(plan, ("prompt", "answer"), progress, notes):
            declared = None
            if mapping.split_column:
                word = text_of(row.cells.get(mapping.split_column)).strip().lower()
                if word not in SPLITS:
                    bulk_rows.lose(row, f"{word[:40]!r} in '{mapping.split_column}' is no split (train, validation, test)", notes)
                    continue
                declared = SPLITS[word]
            prompt, answer = row.texts[0], mapping.labels.get(row.texts[1], row.texts[1])
            entity = text_of(row.cells.get(mapping.entity_column)) if mapping.entity_column else ""
            file.write(json.dumps([row.number, prompt, answer, entity], ensure_ascii=False) + "\n")
            labels = _more_labels(labels, answer, keys)
            keys.numbers.append(row.number)
            keys.prompts.append(bulk_rows.prompt_hash(prompt))
            keys.answers.append(labels[answer] if labels is not None else "")
            keys.entities.append(sys.intern(entity))
            keys.declared.append(declared)
    return keys


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
    wanted = bulk_rows.drawn(plan, total)
    count = len(wanted)
    test, validation = min(plan.test, count) / count, min(plan.validation, max(0, count - plan.test)) / count
    columns = [keys.prompts, keys.answers, keys.entities, keys.declared]
    prompts, answers, entities, declared = ([column[place] for place in wanted] for column in columns)
    made = with_declared(declared, prompts, answers, entities, plan.seed, (max(0.0, 1 - test - validation), validation, test))
    found = [""] * total
    for place, name in zip(wanted, made):
        found[place] = name
    return found


def _shared(spool: Path, splits: Sequence[str]) -> set[int]:
    """Sequences of words that the test shares with other rows that are wanted."""
    def prompts(*wanted: str) -> Iterator[str]:
        return (row[1] for row, split in zip(bulk_rows.lines(spool), splits) if split in wanted)
    return leaking(prompts("test"), prompts("train", "validation"))


def _rows(spool: Path, splits: Sequence[str], tally: bulk_checks.Tally, progress: Progress) -> Iterator[dict[str, Any]]:
    """The rows that stay, as a Task keeps them."""
    for place, (number, prompt, answer, entity) in enumerate(bulk_rows.lines(spool)):
        if place % 512 == 0:
            progress.say(stage="writing", written=place, of=len(splits))
        if splits[place] and tally.takes(place, splits[place], prompt, answer):
            yield row_content(Example(id=f"e{number:05d}", prompt=prompt, answer=answer, split=splits[place], entity=entity))
