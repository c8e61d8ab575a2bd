"""Large files through the background import: seconds, processor time, peak memory of the child and of the asker.

A million rows of CSV, 500 MB of JSONL, a million pairs in one JSON object, a million rows of Parquet in .gz, an archive of 2,000 documents.

Run: python tests/bench/bench_import.py [--share 0.01] [--only rows.csv]
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

ROWS, BYTES = 1_000_000, 500_000_000


def phrases() -> list[str]:
    chance = random.Random(0)
    return [" ".join(chance.choices([f"word{number}" for number in range(5_000)], k=12)) for _ in range(3_000)]


def rows_csv(path: Path, share: float) -> None:
    words = phrases()
    with path.open("w") as file:
        file.write("question,category\n")
        file.writelines(f"{words[n % 2_999]} number {n},label {n * 7 % 20}\n" for n in range(int(ROWS * share)))


def lines_jsonl(path: Path, share: float) -> None:
    words = phrases()
    with path.open("w") as file:
        size = number = 0
        while size < BYTES * share:
            size += file.write(f'{{"instruction": "Question {number}: {words[number % 3_000]} {words[number * 7 % 2_999]}", '
                               f'"output": "{words[number * 13 % 2_998]} {words[number * 17 % 2_997]} answer {number}"}}\n')
            number += 1


def pairs_json(path: Path, share: float) -> None:
    words = phrases()
    with path.open("w") as file:
        file.write('{"version": "1.0", "data": [\n')
        for n in range(count := int(ROWS * share)):
            file.write(f'{{"prompt": "Question {n}: {words[n % 3_000]}", "chosen": "{words[n * 13 % 2_998]} yes {n}", '
                       f'"rejected": "{words[n * 17 % 2_997]} no {n}"}}{"," if n + 1 < count else ""}\n')
        file.write("]}")


def rows_parquet_gz(path: Path, share: float) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    words, count = phrases(), int(ROWS * share)
    plain = path.with_suffix("")
    pq.write_table(pa.table({"question": [f"{words[n % 2_999]} number {n}" for n in range(count)], "answer": [f"label {n * 7 % 20}" for n in range(count)]}),
                   plain, row_group_size=50_000)
    with plain.open("rb") as file, gzip.open(path, "wb", 1) as packed:
        shutil.copyfileobj(file, packed)
    plain.unlink()


def documents_zip(path: Path, share: float) -> None:
    words = phrases()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(int(2_000 * share)):
            parts = (" ".join(words[(n * 31 + part * 7 + line) % 3_000] for line in range(30)) for part in range(8))
            archive.writestr(f"handbook/{n % 20}/{n}.md", "".join(f"# Part {part} of {n}\n{text}.\n" for part, text in enumerate(parts)))


FILES = {"rows.csv": ("examples", rows_csv), "lines.jsonl": ("examples", lines_jsonl), "pairs.json": ("preferences", pairs_json),
         "rows.parquet.gz": ("examples", rows_parquet_gz), "documents.zip": ("documents", documents_zip)}


def measured(path: Path, kind: str) -> str:
    """One line of the table."""
    from lab import corpus, store
    from lab.core import Example, Scorer, Task, TaskData
    from lab.jobs import importing
    if kind != "examples" and "asks" not in store.tasks.ids():
        rows = tuple(Example(id=f"e{n}", prompt=f"Which of the words is the first one of the text number {n}?", answer="a", split="test") for n in range(500))
        store.tasks.save(TaskData(task=Task(id="asks", name="asks", scorers=(Scorer(kind="exact_match"),)), examples=rows))
    if kind == "documents":
        plan = importing.plan_documents(path, "asks")
    else:
        table = importing.look(path)
        plan = importing.plan_for(path, table, kind=kind, task="asks" if kind == "preferences" else "", mapping=corpus.guess_mapping(table))
    began = time.monotonic()
    job = importing.start(path, plan)
    child = psutil.Process(store.files.read_json(store.place("imports", job) / "job.json")["pid"])
    busy = 0.0
    while (found := importing.progress(job)).state == "running":
        try:
            busy = sum(child.cpu_times()[:4])  # its own and that of the children it waited for
        except psutil.Error:
            break
        time.sleep(0.2)
    seconds, found = time.monotonic() - began, importing.progress(job)
    if found.failure:
        raise SystemExit(found.failure.sentence())
    rows = sum(importing.draft(job).counts.values())
    importing.save(job, {"id": path.name.replace(".", "-"), "name": path.name})
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    return (f"| {path.name} | {path.stat().st_size / 1e6:,.0f} MB | {rows:,} | {seconds:,.0f} s | {busy:,.0f} s | {found.peak_bytes / 2**20:,.0f} MiB | "
            f"{own:,.0f} MiB |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the full sizes, for trying")
    parser.add_argument("--only", nargs="*", choices=FILES, default=list(FILES))
    args = parser.parse_args()
    print("| file | size | rows | seconds | processor | peak of the child | peak of the asker |\n|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LAB_HOME"] = f"{folder}/workspace"
            kind, make = FILES[name]
            # In a process of its own, so that what it takes to make a file is not counted as the asker's.
            maker = multiprocessing.get_context("spawn").Process(target=make, args=(Path(folder) / name, args.share))
            maker.start()
            maker.join()
            print(measured(Path(folder) / name, kind), flush=True)


if __name__ == "__main__":
    main()
