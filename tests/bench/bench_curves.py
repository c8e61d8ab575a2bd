"""A page of curves: 200 runs of 2,000 points in the workspace, 20 curves drawn. Server time of a redraw and bytes to the browser.

    python tests/bench/bench_curves.py

Aims (shared performance notes): 30 ms of server time for a redraw, 60 KB gzipped. A redraw is everything from the ticked runs to the bytes of
the figure; what the page around it costs (its other widgets, Streamlit, the test's own reading of the page) stands apart.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from common import CpuSeconds, table

RUNS, POINTS, DRAWN = 200, 2_000, 20
WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9)


def made_up() -> list:
    """Finished runs of one Experiment, whose events are written as a training stage writes them."""
    from lab import store
    from lab.core import Experiment, Run, Sft, System
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    systems = tuple(System(name=f"SFT {number}", base=base, training=(Sft(seed=number),)) for number in range(RUNS))
    store.experiments.save(Experiment(id="exp-bench", name="Bench", tasks=("facts",), systems=systems, created=time.time()))
    dice, runs = np.random.default_rng(0), []
    for number, system in enumerate(systems):
        run = Run(id=store.new_id("run"), experiment="exp-bench", system=system, task="facts", created=time.time() + number)
        store.runs.create(run)
        store.runs.move(run.id, "running", attempt=1, started=time.time(), pid=None)
        loss = .6 + 2.4 * np.exp(-np.arange(POINTS) / 400) + dice.normal(0, .08, POINTS)
        lines = [json.dumps({"at": 1e9 + step, "attempt": 1, "kind": "metric", "stage": "sft", "step": step,
                             "values": {"loss": float(value), "tokens": step * 900, "epoch": step / 500}}) for step, value in enumerate(loss)]
        (store.runs.folder(run.id) / "events.jsonl").write_text("\n".join(lines) + "\n")
        store.runs.move(run.id, "finished", ended=time.time())
        runs.append(run)
    return runs


def draw(runs: list, weight: float = 0.0) -> bytes:
    """What the panel does for its chart, up to the bytes that go to the browser."""
    import plotly.io

    from lab.ui import charts, lines
    labels = {run.system.name: run for run in runs}
    found = lines.each(labels, lines.Wish("sft", "loss", weight=weight), charts.style_of(labels))
    figure = charts.curves_chart([charts.Panel("SFT: training loss", "", found)], charts.Look(), "step")
    return plotly.io.to_json(figure.to_dict(), validate=False).encode()


def rows_of_figure(runs: list) -> list[tuple[str, str, str, str]]:
    with CpuSeconds() as first:
        draw(runs[:DRAWN])
    with CpuSeconds() as again:
        for _ in WEIGHTS:
            plain = draw(runs[:DRAWN])
    with CpuSeconds() as smoothed:
        sent = [draw(runs[:DRAWN], weight) for weight in WEIGHTS]
    with CpuSeconds() as ticked:
        for place in range(len(WEIGHTS)):
            draw(runs[place + 1: place + 1 + DRAWN])
    return [("first look (events read)", f"{first.seconds * 1_000:.0f} ms", "", ""), ("redraw", _each(again), "", "30 ms"),
            ("redraw with a smoothing nobody saw yet", _each(smoothed), "", "30 ms"),
            ("redraw with one more run, whose events are read", _each(ticked), "", ""),
            ("to the browser, raw / smoothed over raw", f"{len(plain) / 1e3:.0f} / {len(sent[0]) / 1e3:.0f} KB", "", ""),
            ("gzipped", f"{_zipped(plain):.0f} / {_zipped(sent[0]):.0f} KB", "", "60 KB")]


def rows_of_page() -> list[tuple[str, str, str, str]]:
    """The whole page Compare with its 200 runs, rerun because somebody moved the smoothing."""
    from streamlit.testing.v1 import AppTest
    app = AppTest.from_file(str(Path(__file__).resolve().parents[2] / "app.py"), default_timeout=600)
    app.query_params.update(experiment="exp-bench", compare_view="Curves", curve="sft loss", compare_runs=[f"SFT {number}" for number in range(DRAWN)])
    app.run()
    app.switch_page("pages/compare.py").run()
    if app.exception:
        raise SystemExit(app.exception[0].value)
    with CpuSeconds() as page:
        for weight in WEIGHTS:
            app.slider(key="compare_smoothing").set_value(weight).run()
    return [("the whole page, rerun through Streamlit's own test client", _each(page), "", "")]


def _each(timer: CpuSeconds) -> str:
    return f"{timer.seconds / len(WEIGHTS) * 1_000:.0f} ms"


def _zipped(data: bytes) -> float:
    return len(gzip.compress(data)) / 1e3


def main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAB_HOME"] = home
        runs = made_up()
        draw(runs[-1:], 0.1)  # imports
        table(f"{RUNS} runs of {POINTS:,} points, {DRAWN} curves drawn (CPU-ms of the server)", [*rows_of_figure(runs), *rows_of_page()])


if __name__ == "__main__":
    main()
