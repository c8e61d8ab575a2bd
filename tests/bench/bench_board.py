"""How long the Compare page's server part takes for 12 Systems x 8 suites x 500 items: cold (everything read from disk for the first time),
after a new result, and again. Aim: below 1 s.

    python tests/bench/bench_board.py [--seeds 3]

Evaluations are made up and written as runs leave them. CPU-seconds of one process, no browser.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import tempfile
import time
from pathlib import Path

from common import CpuSeconds, table

SYSTEMS, SUITES, ITEMS = 12, 7, 500  # the task's own suite is the eighth


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
                      items=tuple(Item(id=f"s{number}-{n}", prompt=f"question {n}", answer=str(n), entity=f"x{n // 2}") for n in range(ITEMS)))
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


def opened(experiment_id: str, view: str) -> tuple[float, float]:
    """CPU-seconds of the Start page, with which the app opens, and of one opening of a view of Compare."""
    from streamlit.testing.v1 import AppTest
    app = AppTest.from_file(str(Path(__file__).resolve().parents[2] / "app.py"), default_timeout=600)
    app.query_params["experiment"], app.query_params["compare_view"] = experiment_id, view
    with CpuSeconds() as start:
        app.run()
    with CpuSeconds() as timer:
        app.switch_page("pages/compare.py").run()
    if app.exception:
        raise SystemExit(app.exception[0].value)
    return start.seconds, timer.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    seeds = parser.parse_args().seeds
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAB_HOME"] = home
        opened("", "Scoreboard")  # imports are the app's start, not the page's
        found = made_up(seeds)
        start, board = opened(found.id, "Scoreboard")
        rows = [("Start page, every answer read from disk", start), ("Scoreboard, first time", board)]
        rows += [(f"{view}, {word}", opened(found.id, view)[1]) for view, word in
                 (("Scoreboard", "again"), ("Forgetting", "first time"), ("Forgetting", "again"), ("Outputs", "first time"), ("Outputs", "again"))]
        rows = [(what, f"{seconds:.2f} s", "", "1 s") for what, seconds in rows]
        table(f"12 Systems x 8 suites x 500 items, {seeds} seed{'s' if seeds > 1 else ''} (CPU-seconds of the server)", rows)


if __name__ == "__main__":
    main()
