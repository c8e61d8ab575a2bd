"""A large import from a shell: the same child, the same draft and the same checks as on the Data page, with a line of progress."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any, Literal

from lab import store
from lab.core import DataError
from lab.corpus.bulk_plan import Plan
from lab.corpus.cells import demand_columns
from lab.corpus.guess import examples_of_pairs, guess_mapping
from lab.corpus.mapping import PART_NAMES, Mapping, recalled
from lab.corpus.rows import demand_pairs
from lab.corpus.values import Table
from lab.jobs import importing

SHOWN = 5  # problems
PARTS = {"examples": ("prompt", "answer"), "preferences": ("prompt", "chosen", "rejected")}
NOUNS = {"examples": "rows", "preferences": "pairs", "documents": "documents"}
COLUMN = '"{column}"'


def run(path: Path, name: str, parts: dict[str, str | None], settings: dict[str, Any]) -> int:
    """Import a file and save it as a Task; 1 where something must be mended first. Leaving it early leaves nothing. Raises DataError.

    `settings`: fields of the plan. Preference pairs and documents name the `task` whose examples they are brought beside.
    """
    job = importing.start(path, _plan(path, parts, settings))
    try:
        found = _watched(job)
        if found.failure:
            raise DataError(found.failure.what, found.failure.where, found.failure.do)
        made = importing.draft(job)
        print(_report(found, made))
        if not made.allowed:
            return 1
        title = name or path.name.partition(".")[0]
        task = importing.save(job, {"id": store.new_id(re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:30] or "task"), "name": title})
        print(f"Saved as the task {task.id}")
        return 0
    finally:
        importing.discard(job)


def _plan(path: Path, parts: dict[str, str | None], settings: dict[str, Any]) -> Plan:
    kind = settings["kind"]
    if kind != "examples" and not settings["task"]:
        raise DataError(f"Nothing says which task the {kind} are for", path.name, f"--task ID, one of: {', '.join(store.tasks.ids())[:400]}")
    if kind == "documents":
        return importing.plan_documents(path, settings["task"], tuple(settings["mends"]))
    table = importing.look(path)
    return importing.plan_for(path, table, mapping=mapping_for(table, parts, kind), **settings)


def mapping_for(table: Table, parts: dict[str, str | None], kind: Literal["examples", "preferences"] = "examples") -> Mapping:
    """What was asked for, over the mapping of a Task with the same columns, over what the columns' names say. Raises DataError."""
    known = recalled(store.tasks.newest(), table.columns, kind)
    if kind == "preferences":
        demand_pairs(table)
    mapping = known[0] if known else guess_mapping(table)
    if kind == "examples":
        mapping = examples_of_pairs(mapping)
    if known:
        print(f"Mapped as in the task {known[1].name}", file=sys.stderr)
    asked = {part: text.replace("\\n", "\n") for part, text in parts.items() if text is not None}
    wanted = PARTS[kind]
    mapping = mapping.model_copy(update={**asked, **({"reason": ""} if asked.keys() >= set(wanted) else {})})
    if mapping.kind != kind:
        raise DataError(mapping.reason or f"It is not clear which columns are the {', the '.join(PART_NAMES[part] for part in wanted)}", table.name,
                        f"Say so: {' '.join(f'--{part} {COLUMN}' for part in wanted)}. Columns: {', '.join(table.columns)[:300]}")
    demand_columns([getattr(mapping, part) for part in wanted], table.columns, table.name)
    return mapping


def _watched(job: str) -> importing.Progress:
    while True:
        found = importing.progress(job)
        if found is None or found.state != "running":
            print(file=sys.stderr)
            if found is None:
                raise DataError("The import is gone", job, "Somebody discarded it")
            return found
        share = f"{found.share:4.0%}" if found.share is not None else "    "
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{found.stage:<10} {share}  {found.rows:,} {NOUNS[found.kind]}, {found.lost:,} stayed out", end=end, file=sys.stderr, flush=True)
        time.sleep(0.5 if sys.stderr.isatty() else 5)


def _report(found: importing.Progress, made: importing.Draft) -> str:
    counts = ", ".join(f"{name} {count:,}" for name, count in made.counts.items())
    lines = [f"{sum(made.counts.values()):,} {NOUNS[found.kind]} ({counts}), {made.lost:,} stayed out, "
             f"{found.seconds:,.0f} seconds, at most {found.peak_bytes / 2**20:,.0f} MiB of memory"]
    lines += [f"  {problem.sentence()}" for problem in made.problems[:SHOWN]]
    lines += [f"  {finding.level}: {finding.what}" + (f" ({finding.count:,})" if finding.count else "") + f". {finding.do}" for finding in made.findings]
    return "\n".join(lines)
