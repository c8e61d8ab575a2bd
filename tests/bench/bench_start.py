"""App start to first page, and click to first loss, cold and warm."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import table

ROOT = Path(__file__).resolve().parents[2]
FIRST_PAGE = ("from streamlit.testing.v1 import AppTest; import sys; page = AppTest.from_file('app.py', default_timeout=60).run(); "
              "assert not page.exception, page.exception; assert 'torch' not in sys.modules")


def seconds_of(argv: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def experiment(seed: int):
    from lab import store
    from lab.core import Experiment, Sft, System
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    system = System(name="SFT", base=base, training=(Sft(learning_rate=2e-3, epochs=1),))
    return Experiment(id=store.new_id("bench"), name="bench", tasks=("form",), systems=(system,), seeds=(seed,),
                      created=time.time())  # another seed, so that nothing is reused


def first_loss(run_id: str, begun: float, seconds: float = 120) -> float:
    from lab import store
    while time.perf_counter() - begun < seconds:
        if any("loss" in event.get("values", {}) for event in store.runs.events(run_id)[0]):
            return time.perf_counter() - begun
        time.sleep(0.01)
    raise SystemExit(f"no loss within {seconds} s")


def cold() -> float:
    """A fresh process for the run: every import is paid."""
    from lab import jobs, store
    one = experiment(1)
    store.experiments.save(one)
    run = [run for run in jobs.plan(one) if run.system.training][0]
    store.runs.create(run)
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "lab.worker", run.id, "1", "cpu:0"], cwd=ROOT, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    took = first_loss(run.id, begun)
    child.kill()
    child.wait()
    return took


def warm(seeds: tuple[int, ...] = (2, 3)) -> float:
    """Through the supervisor; the first launch warms the parent, the last one is measured."""
    from lab import jobs
    took = 0.0
    for seed in seeds:
        one = experiment(seed)
        begun = time.perf_counter()
        runs = jobs.launch(one, slots=2)
        trained = next(run for run in runs if run.system.training)
        took = first_loss(trained.id, begun)
        while any(view.status in ("queued", "running") for view in jobs.views(one.id)):
            time.sleep(0.2)
    return took


def end_supervisor() -> None:
    import psutil

    from lab.jobs import office
    one = psutil.Process(office.who()["pid"])
    for process in [*one.children(recursive=True), one]:
        process.kill()


def main() -> None:
    start = seconds_of([sys.executable, "-c", FIRST_PAGE])
    bare = seconds_of([sys.executable, "-c", "import streamlit"])
    with tempfile.TemporaryDirectory() as home:
        os.environ["LAB_HOME"] = home
        fresh, quick = cold(), warm()
        end_supervisor()
    table("Starting (wall seconds)", [
        ("import streamlit alone", f"{bare:.2f}", "", ""),
        ("process start to first page, no torch", f"{start:.2f}", "", "about a second over the import"),
        ("click to first loss, fresh process", f"{fresh:.2f}", "", ""),
        ("click to first loss, warm", f"{quick:.2f}", f"{fresh / quick:.1f}x below", "3x now, 7x aim; 0.3 s plus a step")])


if __name__ == "__main__":
    main()
