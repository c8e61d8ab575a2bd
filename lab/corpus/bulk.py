"""The child process of a background import, under limits that it sets on itself: a large table, or a folder of documents, becomes files of a Task.

It reads `plan.json` of its folder and leaves the rows or documents and `result.json` there; `progress.json` says how far it is. A kind of file
is a function (plan, folder, progress, notes) in a `bulk_*` file, listed in KINDS.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from lab.core import DataError
from lab.corpus import bulk_documents, bulk_examples, bulk_pairs
from lab.corpus.bulk_plan import Plan, Progress, peak_bytes
from lab.corpus.child import confine
from lab.corpus.limits import Notes, Refused

KINDS = {"examples": bulk_examples.made, "preferences": bulk_pairs.made, "documents": bulk_documents.made}


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    plan = Plan(**json.loads((folder / "plan.json").read_text("utf-8")))
    confine(plan.limits())
    progress, notes = Progress(folder), Notes(plan.limits().problems)
    try:
        result = KINDS[plan.kind](plan, folder, progress, notes)
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


def _refused(what: str, where: str, do: str) -> dict[str, Any]:
    return {"refused": [what, where, do]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
