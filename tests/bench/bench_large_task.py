"""What a Task of a million rows costs the processes that use it: memory beyond the model, and seconds until it is ready.

Each line is a process of its own. "beyond" is its peak after the work less its peak with the model alone.

Run: python tests/bench/bench_large_task.py [--rows 1000000] [--only asking shots]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
TEST = 1_000
TITLES = {"page": "a page (its glance at the Task)",
          "asking": "asking: the base, no shots", "shots": "asking: 3 random shots", "similar": "asking: 3 similar shots",
          "rows": "training: the rows as token ids, and their order"}


def made(folder: Path, rows: int) -> None:
    """A Task as a large import leaves it: test, validation, training rows."""
    from lab import store
    from lab.core import Scorer, Task
    from lab.core.tasks import RowsKey
    prints = {name: RowsKey() for name in ("test", "validation", "train")}
    path = folder / "examples.jsonl"
    with path.open("w") as file:
        for number in range(rows):
            split = "test" if number < TEST else "validation" if number < 2 * TEST else "train"
            row = {"id": f"e{number:05d}", "prompt": f"Tom has {number} red boxes and {number * 7 % 1_000} blue ones. Anna has {number * 13 % 977} more. "
                   f"How many boxes are there in house {number % 89}?", "answer": f"There are {number * 11 % 4_999} boxes.", "split": split,
                   "entity": "", "documents": [], "slices": {}}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            prints[split].add(row)
    task = Task(id="large", name="Large", scorers=(Scorer(kind="exact_match"),))
    kept = {**store.tasks.empty_fingerprints(task), **{name: key.key() for name, key in prints.items()}}
    counts = dict.fromkeys(kept, 0) | {name: key.count for name, key in prints.items()}
    store.tasks.adopt(folder, task.model_copy(update={"counts": counts, "fingerprints": kept}))


def peak() -> int:
    return next(int(line.split()[1]) << 10 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))


def work(what: str) -> dict[str, float]:
    """One line's work in this process."""
    from lab import store
    if what == "page":
        before, began = peak(), time.monotonic()
        store.tasks.glance("large")
        return {"before": before, "after": peak(), "seconds": time.monotonic() - began}
    from lab.core import Prompting, System, training_rows
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    from lab.methods.asking import Asker
    shots = {"shots": Prompting(shots=3), "similar": Prompting(shots=3, choice="similar")}
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    loaded = load_base(store.bases.folder_of(base), settle())
    bare = Asker(System(name="base", base=base), loaded, (), None)
    bare.write([bare.ask("Where?", 8)], 8)
    before, began = peak(), time.monotonic()
    data = store.tasks.load("large")
    system = System(name="s", base=base, prompting=shots.get(what))
    asker = Asker(system, loaded, data.split("train"), None)
    if what == "rows":
        from lab.methods.order import ByLength
        from lab.methods.sft import rows_of
        found = rows_of(loaded, asker.training_messages(False), training_rows(data.split("train")), 4_096)
        assert len(list(ByLength(list(found["length"]), 16, 0))) == data.task.counts["train"]
    else:
        asker.write([asker.ask("How many boxes are there?", 8)], 8)
    return {"before": before, "after": peak(), "seconds": time.monotonic() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", default=list(TITLES))
    parser.add_argument("--work", choices=TITLES)
    args = parser.parse_args()
    if args.work:
        print(json.dumps(work(args.work)))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAB_HOME"] = f"{folder}/workspace"
        made(Path(folder), args.rows)
        print(f"| {args.rows:,} rows | before | beyond | seconds |\n|---|---:|---:|---:|")
        for what in args.only:
            done = subprocess.run([sys.executable, __file__, "--work", what], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr[-2_000:])
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"| {TITLES[what]} | {found['before'] / 2**20:,.0f} MiB | {(found['after'] - found['before']) / 2**20:,.0f} MiB | "
                  f"{found['seconds']:,.1f} s |", flush=True)


if __name__ == "__main__":
    main()
