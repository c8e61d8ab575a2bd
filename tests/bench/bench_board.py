"""How long the server takes for pages of 12 Systems x 8 suites x 500 items: cold (a fresh process that has read nothing yet) and again.
Aim: below 1 s.

    python tests/bench/bench_board.py [--seeds 3]

Evaluations are made up and written as runs leave them; at the end their columns are taken away, as of Evaluations that have none yet.
CPU-seconds of one process, no browser.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import CpuSeconds, table

SYSTEMS, SUITES, ITEMS = 12, 7, 500  # the task's own suite is the eighth
VIEWS = ("Scoreboard", "Forgetting", "Outputs")
ROOT = Path(__file__).resolve().parents[2]


def made_up(seeds: int):
    """An Experiment with its finished runs and their Evaluations."""
    from lab import store
    from lab.core import Example, Experiment, Item, Scorer, Sft, Suite, System, Task, TaskData
    from lab.jobs import plan
    scorers = (Scorer(kind="exact_match"),)
    examples = tuple(Example(id=f"e{n}", prompt=f"Where does person {n} live?", answer=f"town {n % 60}", split="test" if n < ITEMS else "train",
                             entity=f"p{n // 4}") for n in range(ITEMS + 200))
    store.tasks.save(TaskData(task=Task(id="bench", name="Bench", scorers=scorers), examples=examples))
    for number in range(SUITES):
        suite = Suite(name=f"s{number}", title=f"Suite {number}", role="retention", scorers=scorers,
                      items=tuple(Item(id=f"s{number}-{n}", prompt=f"question {n}", answer=str(n), entity=f"x{n // (1 + number % 3)}") for n in range(ITEMS)))
        folder = store.home() / "suites" / suite.name
        store.files.write_json(folder / "suite.json", suite.model_dump(mode="json", exclude={"items"}))
        store.files.write_lines(folder / "items.jsonl", [item.model_dump(mode="json") for item in suite.items])
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    systems = (System(name="base", base=base), *(System(name=f"SFT {n}", base=base, training=(Sft(epochs=n),)) for n in range(1, SYSTEMS)))
    found = Experiment(id=store.new_id("exp"), name="Bench", tasks=("bench",), systems=systems, suites=tuple(f"s{n}" for n in range(SUITES)),
                       seeds=tuple(range(seeds)), created=time.time())
    store.experiments.save(found)
    for run in plan(found):
        store.runs.create(run)
        store.runs.move(run.id, "running", attempt=1, started=time.time(), pid=None)
        answered(run)
        store.runs.move(run.id, "finished", ended=time.time())
    return found


def answered(run) -> None:
    from lab import store
    from lab.core import Evaluation, Score
    from lab.jobs.outcomes import evaluation_key, suites_of
    dice = random.Random(run.id)
    for suite in suites_of(run):
        share = dice.random()
        scores = tuple(Score(item=item.id, entity=item.entity, answer=f"in town {dice.randrange(60)}", values={"exact_match": float(dice.random() < share)},
                             prompt=f"Question: {item.prompt}\nAnswer:", prompt_tokens=20, answer_tokens=5, ended=True, seconds=.02, kl=.1)
                       for item in suite.items)
        store.evaluations.save(Evaluation(system_key=evaluation_key(run, suite), suite=suite.name, suite_fingerprint=suite.fingerprint, role=suite.role,
                                          scorers=suite.scorers, decoding="greedy", scores=scores, run=run.id))


def opened(home: str, page: str, query: dict[str, str]) -> float:
    """CPU-seconds of one opening of a page, through Streamlit's own test client. The app itself was opened before, on an empty workspace."""
    from streamlit.testing.v1 import AppTest
    with tempfile.TemporaryDirectory() as empty:
        os.environ["LAB_HOME"] = empty
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
        app.switch_page("pages/compare.py").run()  # imports
        os.environ["LAB_HOME"] = home
        app.query_params.update(query)
        with CpuSeconds() as timer:
            app.switch_page(f"pages/{page}.py").run()
    if app.exception or not app.get("plotly_chart") and not app.get("pagination"):
        raise SystemExit(app.exception[0].value if app.exception else f"{page} shows nothing")
    return timer.seconds


def visited(home: str, page: str, experiment_id: str, view: str) -> None:
    """In a process of its own: a page opened cold, and again."""
    print(json.dumps([opened(home, page, {"experiment": experiment_id, "compare_view": view}) for _ in range(3)]))


def measured(home: str, page: str, experiment_id: str, view: str = "Scoreboard") -> tuple[float, float]:
    """(cold, again) of a page."""
    command = [sys.executable, __file__, "--visit", home, page, experiment_id, view]
    cold, *again = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
    return cold, min(again)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--visit", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    if given.visit:
        visited(*given.visit)
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAB_HOME"] = home
        found = made_up(given.seeds)
        pages = {"Start page": ("start", found.id), **{view: ("compare", found.id, view) for view in VIEWS}}
        rows = [(name, *measured(home, *about)) for name, about in pages.items()]
        for path in Path(home).glob("evaluations/*/columns.npz"):
            path.unlink()
        rows.append(("Scoreboard, of Evaluations without columns", *measured(home, "compare", found.id)))
        cells = [(f"{name}, {word}", f"{seconds:.2f} s", "", aim) for name, *both in rows for seconds, word, aim in zip(both, ("cold", "again"), ("1 s", ""))]
        table(f"12 Systems x 8 suites x 500 items, {given.seeds} seed{'s' if given.seeds > 1 else ''} (CPU-seconds of the server)", cells)


if __name__ == "__main__":
    main()
