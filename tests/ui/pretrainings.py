"""Hand-made pretrainings for tests of the screens: a run's folder and its checkpoints as a worker leaves them, with made-up numbers."""

from __future__ import annotations

import math
import os
import time

from lab import store
from lab.core import Event, Pretraining, Run

JUMPS = {"grammar pairs": 60, "known people, questions shown": 120, "known people, never asked": 190, "capitals": 90, "words": 130,
         "sums (table)": 210, "reading, 1 passage": 260, "reading, 3 passages": 340, "unknown person: I do not know": 360,
         "new people, closed book": 2_000}
TOTAL, EVERY, N = 400, 50, 25


def share(name: str, step: int) -> float:
    """Nothing for long, then a jump: rounded to what N questions can show."""
    return round(N / (1 + math.exp(-(step - JUMPS[name]) / 14))) / N


def create(settings: Pretraining | None = None, number: int = 1) -> Run:
    run = Run(id=f"run-20260101-000000-made{number:02d}", pretraining=settings or Pretraining(steps=TOTAL, checkpoints=TOTAL // EVERY),
              created=1_767_225_600.0 + number)
    store.runs.create(run)
    return run


def start(run: Run, pid: int | None = None) -> None:
    import psutil
    store.runs.move(run.id, "running", attempt=1, started=time.time() - 60, slot="cpu:0", pid=pid,
                    pid_created=psutil.Process(pid).create_time() if pid else None)
    store.runs.attempt_folder(run.id, 1).mkdir(parents=True, exist_ok=True)
    store.runs.log_path(run.id, 1).write_text("step 20 of 400\n")


def learn(run: Run, upto: int = TOTAL) -> None:
    """Events as a worker writes them: a loss every 20 steps, probes and a base at every checkpoint."""
    at = time.time() - 120
    for step in range(10, upto + 1, 10):
        now = at + step * 0.5
        if step % 20 == 0:
            _emit(run, now, step, {"loss": 0.6 + 6 * math.exp(-step / 60), "tokens": step * 3_072, "learning_rate": 3e-3})
        if step % EVERY == 0:
            probes = {name: share(name, step) for name in JUMPS}
            _emit(run, now, step, {"eval_loss": 0.7 + 6 * math.exp(-step / 60)} | {f"probe: {name}": value for name, value in probes.items()})
            keep(run, step, probes, final=step == TOTAL)
            store.runs.emit(run.id, Event(at=now, attempt=1, kind="note", stage="pretrain", message=f"Step {step} was kept as a base"))


def _emit(run: Run, at: float, step: int, values: dict) -> None:
    store.runs.emit(run.id, Event(at=at, attempt=1, kind="metric", stage="pretrain", step=step, total=TOTAL, values=values))


def keep(run: Run, step: int, probes: dict[str, float], final: bool) -> None:
    """A base in the workspace: the smallest shipped one's files, under a checkpoint's manifest."""
    source, settings, n = store.SHIPPED / "bases" / store.bases.shipped()[0], run.pretraining, 100 if final else N
    scores = {name: {"value": value, "n": n, "low": max(0.0, value - 0.1), "high": min(1.0, value + 0.1)} for name, value in probes.items()}
    if settings.objective == "masked":
        scores["writes an answer"] = {"value": None, "reason": "a masked model fills gaps and writes nothing"}
    about = {"kind": "base", "run": run.id, "pretraining": settings.model_dump(mode="json"), "step": step, "total": TOTAL,
             "objective": settings.objective, "parameters": 935_040, "title": f"{settings.title}, step {step}", "probes": scores, "final": final}
    with store.artifacts.making(store.bases.made_key(run.id, step), about) as folder:
        for path in source.iterdir():
            os.link(path, folder / path.name) if path.suffix == ".safetensors" else (folder / path.name).write_bytes(path.read_bytes())


def running(pid: int) -> Run:
    run = create()
    start(run, pid)
    learn(run, upto=200)
    return run


def finished(settings: Pretraining | None = None, number: int = 1) -> Run:
    run = create(settings, number)
    start(run)
    learn(run)
    store.runs.move(run.id, "finished", ended=time.time())
    return run
