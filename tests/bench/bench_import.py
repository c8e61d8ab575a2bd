"""A million rows of CSV and 500 MB of JSONL through the background import: seconds, processor time, peak memory of the child and of the asker.

Run: python tests/bench/bench_import.py [--share 0.01]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ROWS, BYTES = 1_000_000, 500_000_000


def generated(folder: Path, share: float) -> list[Path]:
    """The two files, or a share of each."""
    chance = random.Random(0)
    phrases = [" ".join(chance.choices([f"word{number}" for number in range(5_000)], k=12)) for _ in range(3_000)]
    with (folder / "rows.csv").open("w") as file:
        file.write("question,category\n")
        file.writelines(f"{phrases[n % 2_999]} number {n},label {n * 7 % 20}\n" for n in range(int(ROWS * share)))
    with (folder / "lines.jsonl").open("w") as file:
        size = number = 0
        while size < BYTES * share:
            size += file.write(f'{{"instruction": "Question {number}: {phrases[number % 3_000]} {phrases[number * 7 % 2_999]}", '
                               f'"output": "{phrases[number * 13 % 2_998]} {phrases[number * 17 % 2_997]} answer {number}"}}\n')
            number += 1
    return [folder / "rows.csv", folder / "lines.jsonl"]


def measured(path: Path) -> str:
    """One line of the table."""
    from lab import corpus, store
    from lab.jobs import importing
    table = importing.look(path)
    began = time.monotonic()
    job = importing.start(path, importing.plan_for(path, table, mapping=corpus.guess_mapping(table)))
    child = psutil.Process(store.files.read_json(store.place("imports", job) / "job.json")["pid"])
    busy = 0.0
    while (found := importing.progress(job)).state == "running":
        try:
            busy = sum(child.cpu_times()[:2])
        except psutil.Error:
            break
        time.sleep(0.2)
    seconds, found = time.monotonic() - began, importing.progress(job)
    if found.failure:
        raise SystemExit(found.failure.sentence())
    rows = sum(importing.save(job, {"id": path.stem, "name": path.stem}).counts.values())
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    return (f"| {path.name} | {path.stat().st_size / 1e6:,.0f} MB | {rows:,} | {seconds:,.0f} s | {busy:,.0f} s | {found.peak_bytes / 2**20:,.0f} MiB | "
            f"{own:,.0f} MiB |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the full sizes, for trying")
    share = parser.parse_args().share
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LAB_HOME"] = f"{folder}/workspace"
        print("| file | size | rows | seconds | processor | peak of the child | peak of the asker |\n|---|---:|---:|---:|---:|---:|---:|")
        for path in generated(Path(folder), share):
            print(measured(path), flush=True)


if __name__ == "__main__":
    main()
