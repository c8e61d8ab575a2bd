"""One run's process: makes a System real and scores it. Wires methods, evals and the store; decides nothing else.

Called as work(run, attempt, slot) in a child of the warm parent, or as `python -m lab.worker RUN ATTEMPT SLOT`.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
import traceback

import psutil

from lab import store
from lab.core import Event, Failure, Retrieval, Run, Stopped, TaskData, adapter_key, failure_of, index_key
from lab.jobs.outcomes import evaluation_key, kept_name, suites_of


def prepare() -> None:
    """The heavy imports, once, in the warm parent. Starts no thread pool, so that forking stays safe."""
    import torch
    torch.set_num_threads(1)
    from transformers import GPTNeoXForCausalLM, LlamaForCausalLM  # noqa: F401  (the classes of the shipped and the usual bases)

    import lab.engine.embed  # noqa: F401
    import lab.evals.evaluate  # noqa: F401
    import lab.methods.dpo  # noqa: F401
    import lab.methods.sft  # noqa: F401


def work(run_id: str, attempt: int, slot: str) -> int:
    """Run to the end and write the final state. Returns the exit code: 0 finished or stopped, 1 failed."""
    job = _Job(run_id, attempt)
    signal.signal(signal.SIGTERM, lambda *_: job.stop.set())
    now = time.time()
    store.runs.move(run_id, "running", attempt=attempt, pid=os.getpid(), pid_created=psutil.Process().create_time(), slot=slot,
                    started=now, ended=None, failure=None)
    try:
        kept = job.execute(slot)
        store.runs.move(run_id, "stopped" if kept else "finished", ended=time.time(), kept=attempt if kept else 0)
        return 0
    except Stopped:
        store.runs.move(run_id, "stopped", ended=time.time())
        return 0
    except BaseException as error:  # the boundary: every failure becomes the run's recorded state
        traceback.print_exc()
        job.fail(failure_of(error, where=job.stage))
        return 1


class _Job:
    """The steps of one run. `stage` names the one that is running, for events and failures."""

    def __init__(self, run_id: str, attempt: int):
        self.run: Run = store.runs.load(run_id)
        self.attempt = attempt
        self.stage = "load"
        self.stop = threading.Event()
        self.kept = False

    def execute(self, slot: str) -> bool:
        """Build the parts, score them. True where the user stopped the training and kept what was there."""
        from lab.engine.devices import settle
        from lab.engine.load import load_base
        from lab.methods.asking import Asker
        self.note("load", "Loading the base model")
        data = store.tasks.load(self.run.task)
        loaded = load_base(store.bases.folder_of(self.run.system.base), settle(slot), self.run.system.template)
        asker = Asker(self.run.system, loaded, data.split("train"), self.index(data) if self.run.system.retrieval else None)
        if self.run.system.training:
            self.train(loaded, data, asker)
        self.score(asker)
        return self.kept

    # events ------------------------------------------------------------------------------------------------------------

    def emit(self, kind: str, stage: str, **fields) -> None:
        """Append an event. A full disk must not end a training run for the sake of a point on a curve: it is printed."""
        self.stage = stage
        try:
            store.runs.emit(self.run.id, Event(at=time.time(), attempt=self.attempt, kind=kind, stage=stage, **fields))
        except OSError as error:
            print(f"An event could not be written: {error}", file=sys.stderr)

    def note(self, stage: str, message: str) -> None:
        self.emit("note", stage, message=message)

    def fail(self, failure: Failure) -> None:
        store.runs.move(self.run.id, "failed", ended=time.time(), failure=failure)

    def should_stop(self) -> bool:
        return self.stop.is_set() or store.runs.asked_to_stop(self.run.id) is not None

    # parts -------------------------------------------------------------------------------------------------------------

    def index(self, data: TaskData):
        from lab.methods.retrieval import Searcher, build_index
        settings: Retrieval = self.run.system.retrieval
        key = index_key(settings, data.task)
        with store.artifacts.only_maker(key):
            if store.artifacts.find(key) is None:
                self.note("index", f"Indexing {len(data.documents)} documents")
                with store.artifacts.making(key, {"kind": "index", "settings": settings.model_dump(mode="json")}) as folder:
                    build_index(settings, data.documents, folder)
        return Searcher(settings, store.artifacts.find(key))

    def train(self, loaded, data: TaskData, asker) -> None:
        """Put the System's adapter on the base: stages that some System trained before are reused."""
        from lab.engine.bank import AdapterBank
        bank = AdapterBank(loaded)
        stages = self.run.system.training
        for number, stage in enumerate(stages, start=1):
            key = adapter_key(self.run.system, data.task, number)
            with store.artifacts.only_maker(key):
                if store.artifacts.find(key) is None:
                    kept = self.train_stage(loaded, data, asker, number, key)
                    if kept:
                        key = kept
                        break
                else:
                    self.note(stage.kind, "Adapter found: an equal stage was trained before")
        bank.add(key, store.artifacts.find(key))
        bank.choose([key])

    def train_stage(self, loaded, data: TaskData, asker, number: int, key: str) -> str | None:
        """Train one stage into its artifact. Returns the kept adapter's name where the user stopped and kept."""
        from lab.engine.adapters import new_adapter, save_adapter, saved_adapter, trainable_parameters
        from lab.methods.stages import run_stage
        from lab.methods.training import Hooks
        stage = self.run.system.training[number - 1]
        before = store.artifacts.find(adapter_key(self.run.system, data.task, number - 1)) if number > 1 else None
        model = saved_adapter(loaded, before) if before else new_adapter(
            loaded, stage.lora_rank, stage.lora_alpha, stage.lora_dropout, stage.seed)
        work = dataclasses.replace(loaded, model=model)
        root = store.runs.checkpoints(self.run.id, key)
        hooks = Hooks(metric=lambda step, total, values: self.emit("metric", stage.kind, step=step, total=total, values=values),
                      should_stop=self.should_stop, finish_checkpoint=store.files.write_manifest, checkpoints=root,
                      resume_from=store.runs.complete_checkpoint(root),
                      checkpoint_seconds=float(os.environ.get("LAB_CHECKPOINT_SECONDS", "60")))
        self.note(stage.kind, f"Training on {stage.kind.upper()} rows" + (f", resuming at {hooks.resume_from.name}" if hooks.resume_from else ""))
        begun, cpu = time.time(), time.process_time()
        about = {"kind": "adapter", "stage": stage.model_dump(mode="json"), "trainable": trainable_parameters(model)}
        try:
            run_stage(work, stage, asker.training_messages(stage.with_passages), data, root, hooks)
        except Stopped:
            if not (store.runs.asked_to_stop(self.run.id) or {}).get("keep"):
                raise
            self.kept = True
        finally:
            about |= {"seconds": time.time() - begun, "cpu_seconds": time.process_time() - cpu}
        model.eval()
        name = kept_name(key, self.run.id, self.attempt) if self.kept else key
        with store.artifacts.making(name, about) as folder:
            save_adapter(model, folder)
        model.unload()  # the next stage, or the scoring, starts from the saved file
        return name if self.kept else None

    # scores ------------------------------------------------------------------------------------------------------------

    def score(self, asker) -> None:
        from lab.evals.evaluate import evaluate
        stop = self.stop.is_set if not self.kept else lambda: False
        for suite in suites_of(self.run):
            key = evaluation_key(self.run, suite, kept=self.attempt if self.kept else 0)
            if store.evaluations.find(key, suite.fingerprint):
                self.note("evaluate", f"{suite.title}: scored before")
                continue
            report = _Throttle(lambda done, total, suite=suite: self.emit("progress", "evaluate", step=done, total=total,
                                                                          values={"suite": suite.name}))
            store.evaluations.save(evaluate(asker, suite, key, self.run.id, report, stop))


class _Throttle:
    """Passes progress on at most twice a second, and always the last."""

    def __init__(self, tell):
        self.tell, self.last = tell, 0.0

    def __call__(self, done: int, total: int) -> None:
        if done >= total or time.monotonic() - self.last > 0.5:
            self.last = time.monotonic()
            self.tell(done, total)


if __name__ == "__main__":
    raise SystemExit(work(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
