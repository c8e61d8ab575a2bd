"""A large import from a shell: the same child, the same draft and the same checks as on the Data page, with a line of progress."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

from lab import store
from lab.core import DataError
from lab.corpus.cells import demand_columns
from lab.corpus.guess import guess_mapping
from lab.corpus.mapping import Mapping, recalled
from lab.corpus.values import Table
from lab.jobs import importing

SHOWN = 5  # problems


def run(path: Path, name: str, parts: dict[str, str | None], settings: dict[str, Any]) -> int:
    """Import a file and save it as a Task; 1 where something must be mended first. Leaving it early leaves nothing. Raises DataError."""
    table = importing.look(path)
    mapping = mapping_for(table, parts)
    job = importing.start(path, importing.plan_for(path, table, mapping=mapping, **settings))
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


def mapping_for(table: Table, parts: dict[str, str | None]) -> Mapping:
    """What was asked for, over the mapping of a Task with the same columns, over what the columns' names say. Raises DataError."""
    known = recalled(store.tasks.newest(), table.columns, "examples")
    mapping = known[0] if known else guess_mapping(table)
    if known:
        print(f"Mapped as in the task {known[1].name}", file=sys.stderr)
    asked = {part: text.replace("\\n", "\n") for part, text in parts.items() if text is not None}
    mapping = mapping.model_copy(update={**asked, **({"reason": ""} if "prompt" in asked and "answer" in asked else {})})
    if mapping.kind != "examples":
        raise DataError(mapping.reason or "It is not clear which columns are the prompt and the answer", table.name,
                        f"Say so: --prompt \"{{column}}\" --answer \"{{column}}\". Columns: {', '.join(table.columns)[:300]}")
    demand_columns((mapping.prompt, mapping.answer), table.columns, table.name)
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
        print(f"{found.stage:<10} {share}  {found.rows:,} rows, {found.lost:,} stayed out", end=end, file=sys.stderr, flush=True)
        time.sleep(0.5 if sys.stderr.isatty() else 5)


def _report(found: importing.Progress, made: importing.Draft) -> str:
    lines = [f"{sum(made.counts.values()):,} rows ({', '.join(f'{name} {count:,}' for name, count in made.counts.items())}), {made.lost:,} stayed out, "
             f"{found.seconds:,.0f} seconds, at most {found.peak_bytes / 2**20:,.0f} MiB of memory"]
    lines += [f"  {problem.sentence()}" for problem in made.problems[:SHOWN]]
    lines += [f"  {finding.level}: {finding.what}" + (f" ({finding.count:,})" if finding.count else "") + f". {finding.do}" for finding in made.findings]
    return "\n".join(lines)
