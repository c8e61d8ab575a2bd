"""A page of curves: 200 runs of 2,000 points in the workspace, 20 curves drawn. Server time of a rerun and bytes to the browser.

    python tests/bench/bench_curves.py

Aims (shared performance notes): 30 ms of server time for a rerun, 60 KB gzipped. The first look reads events; later ones find them read.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import tempfile
import time

import numpy as np
from common import CpuSeconds, table

RUNS, POINTS, DRAWN = 200, 2_000, 20


def made_up() -> list:
    """Runs whose events are written as a training stage writes them."""
    from lab import store
    from lab.core import Run, Sft, System
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    dice, runs = np.random.default_rng(0), []
    for number in range(RUNS):
        run = Run(id=store.new_id("run"), experiment="bench", system=System(name=f"SFT {number}", base=base, training=(Sft(seed=number),)), task="facts",
                  seed=number, created=time.time() + number)
        store.runs.create(run)
        loss = .6 + 2.4 * np.exp(-np.arange(POINTS) / 400) + dice.normal(0, .08, POINTS)
        lines = [json.dumps({"at": 1e9 + step, "attempt": 1, "kind": "metric", "stage": "sft", "step": step,
                             "values": {"loss": float(value), "tokens": step * 900, "epoch": step / 500}}) for step, value in enumerate(loss)]
        (store.runs.folder(run.id) / "events.jsonl").write_text("\n".join(lines) + "\n")
        runs.append(run)
    return runs


def draw(runs: list) -> bytes:
    """What the panel does for its chart, up to the bytes that go to the browser."""
    from lab.ui import charts
    from lab.ui.panels.curves import _overlay
    labels = {run.system.name: run for run in runs}
    data = _overlay(labels, "sft", "loss", "step", 0.6)
    figure = charts.curve_chart(data, charts.style_of(labels), charts.Look(), "step", "loss")
    return figure.to_json().encode()


def main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAB_HOME"] = home
        runs = made_up()
        draw(runs[-1:])  # imports
        with CpuSeconds() as first:
            draw(runs[:DRAWN])
        with CpuSeconds() as again:
            for _ in range(10):
                sent = draw(runs[:DRAWN])
        table(f"{RUNS} runs of {POINTS:,} points, {DRAWN} curves drawn, smoothed over a faint raw line", [
            ("first look (events read)", f"{first.seconds * 1_000:.0f} ms", "", ""), ("again", f"{again.seconds * 100:.0f} ms", "", "30 ms"),
            ("to the browser", f"{len(sent) / 1e3:.0f} KB", "", ""), ("gzipped", f"{len(gzip.compress(sent)) / 1e3:.0f} KB", "", "60 KB")])


if __name__ == "__main__":
    main()
