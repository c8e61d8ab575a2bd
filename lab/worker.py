"""One run's process: makes a System real and scores it. Wires methods, evals and the store; decides nothing else.

Called as work(run, attempt, slot) in a child of the warm parent, or as `python -m lab.worker RUN ATTEMPT SLOT`. With a stage's number
behind these it is a further process of a stage that several devices share: it computes its part and writes nothing.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from itertools import islice

import psutil

from lab import store
from lab.core import WORLD_TEXT, Event, Failure, LabError, Run, Stopped, TaskData, adapter_key, failure_of
from lab.core.fit import Plan, size_words
from lab.jobs import fit, hardware, plans
from lab.jobs.outcomes import evaluation_key, kept_name, suites_of

WORLD_TEXTS = 2_000  # documents of the world's corpus to replay from


def prepare() -> None:
    """The heavy imports, once, in the warm parent. Starts no thread pool, so that forking stays safe."""
    import torch
    torch.set_num_threads(1)
    from transformers import GPTNeoXForCausalLM, LlamaForCausalLM  # noqa: F401  (the classes of the shipped and the usual bases)

    import lab.engine.embed  # noqa: F401
    import lab.evals.evaluate  # noqa: F401
    import lab.methods.dpo  # noqa: F401
    import lab.methods.sft  # noqa: F401
    import lab.world.pretrain  # noqa: F401


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
        self.slot = ""
        self.silent = False
        self.plan = Plan()

    def execute(self, slot: str) -> bool:
        """Build the parts, score them. True where the user stopped the training and kept what was there."""
        self.slot = slot
        if self.run.pretraining:
            return self.pretrain(slot)
        data = store.tasks.load(self.run.task)
        if not store.bases.has_files(self.run.system.base):
            self.score(self.endpoint(data), None)
            return self.kept
        self.note("load", "Loading the base model")
        loaded, asker = self.load(data)
        self.score(asker, self.train(loaded, data, asker) if self.run.system.training else None)
        return self.kept

    def load(self, data: TaskData):
        """The base on its device, and the System's asker."""
        from lab.engine.devices import settle
        from lab.engine.load import load_base
        from lab.methods.asking import Asker
        system = self.run.system
        loaded = load_base(store.bases.folder_of(system.base), settle(self.slot), system.template, system.quantisation)
        return loaded, Asker(system, loaded, data.split("train"), self.index(data) if system.retrieval else None)

    def endpoint(self, data: TaskData):
        """The asker of a System whose base is behind an endpoint. No model is loaded."""
        from lab.methods.endpoint import EndpointAsker
        from lab.remote import Client
        system = self.run.system
        self.note("load", f"Asking {system.base.ref} at {system.base.address}")
        client = Client(system.base.address, system.base.ref, self.should_stop)
        return EndpointAsker(system, client, data.split("train"), self.index(data) if system.retrieval else None)

    # events ------------------------------------------------------------------------------------------------------------

    def emit(self, kind: str, stage: str, **fields) -> None:
        """Append an event. A full disk must not end a training run for the sake of a point on a curve: it is printed."""
        self.stage = stage
        if self.silent:
            return
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
        from lab.searcher import index_of
        told: dict[str, _Throttle] = {}

        def report(part: str, done: int, total: int) -> None:
            if self.should_stop():
                raise Stopped
            tell = told.setdefault(part, _Throttle(lambda done, total: self.emit("progress", "index", step=done, total=total, values={"part": part})))
            tell(done, total)

        return index_of(self.run.system.retrieval, data, report)

    def train(self, loaded, data: TaskData, asker):
        """Put what the System trained on the base: stages that some System trained before are reused. Returns the bank that holds it."""
        from lab.engine.bank import AdapterBank
        from lab.engine.weights import BASE
        bank, weights, adapter = AdapterBank(loaded), BASE, None
        for number, stage in enumerate(self.run.system.training, start=1):
            name = adapter_key(self.run.system, data.task, number)
            with store.artifacts.only_maker(name):
                if store.artifacts.find(name) is None:
                    bank.choose([weights])
                    name = self.train_stage(loaded, bank, data, asker, number, name, adapter)
                else:
                    self.note(stage.kind, "Weights found: an equal stage was trained before" if stage.full else
                              "Adapter found: an equal stage was trained before")
            if stage.full:
                weights = name
                bank.add_weights(name, store.artifacts.find(name))
            else:
                adapter = store.artifacts.find(name)
            if self.kept:
                break
        if adapter:
            bank.add(name, adapter, on=weights)
        bank.choose([name])
        asker.adapter = name
        return bank

    def train_stage(self, loaded, bank, data: TaskData, asker, number: int, key: str, before) -> str:
        """Train one stage into its artifact, on the weights that the bank has chosen and the adapter `before`, if there is one. Returns the
        artifact's name, which is another one where the user stopped and kept."""
        from lab.engine.adapters import save_adapter, trainable_parameters
        from lab.engine.energy import Meter
        from lab.engine.weights import BASE, save_weights
        from lab.methods import group, memory
        from lab.methods.stages import run_stage
        from lab.methods.training import Hooks
        stage = self.run.system.training[number - 1]
        model = self.to_train(loaded, stage, before)
        if stage.full:
            bank.choose([BASE])  # what is trained is a copy; the model in memory is the base again, which replay and EWC hold on to
        root = store.runs.checkpoints(self.run.id, key)
        hooks = Hooks(metric=lambda step, total, values: self.emit("metric", stage.kind, step=step, total=total, values=values),
                      should_stop=self.should_stop, finish_checkpoint=store.files.write_manifest, checkpoints=root,
                      resume_from=store.runs.complete_checkpoint(root), plan=self.plans(loaded, stage),
                      checkpoint_seconds=float(os.environ.get("LAB_CHECKPOINT_SECONDS", "60")))
        self.note(stage.kind, f"Training on {stage.kind.upper()} rows" + (f", resuming at {hooks.resume_from.name}" if hooks.resume_from else ""))
        begun, cpu, meter = time.time(), time.process_time(), Meter(loaded.device)
        about = {"kind": "weights" if stage.full else "adapter", "stage": stage.model_dump(mode="json"), "trainable": trainable_parameters(model),
                 "rendered": rendered(loaded.template, asker.training_messages(stage.with_passages), data.split("test"))}
        try:
            with memory.measured(loaded.device) as peak, group.together(stage.devices, self.command(number), self.logs()) as others:
                hooks.check_group = others.check
                run_stage(dataclasses.replace(loaded, model=model), stage, asker.training_messages(stage.with_passages), data, root, hooks,
                          self.general(loaded, stage))
        except Stopped:
            if not (store.runs.asked_to_stop(self.run.id) or {}).get("keep"):
                raise
            self.kept = True
        finally:
            about |= {"seconds": time.time() - begun, "cpu_seconds": time.process_time() - cpu, "joules": meter.joules()}
        model.eval()
        about["memory"] = self.tell_memory(stage, loaded.device, peak.measured)
        name = kept_name(key, self.run.id, self.attempt) if self.kept else key
        with store.artifacts.making(name, about) as folder:
            if stage.full:
                save_weights(model, folder, store.bases.folder_of(self.run.system.base), loaded.model.dtype)
            else:
                save_adapter(model, folder)
                model.unload()  # the next stage, or the scoring, starts from the saved file
        return name

    def plans(self, loaded, stage):
        """How the stage's largest batches find room on this device, chosen once they are known and said as an event."""
        from lab.methods import memory

        def chosen(batches):
            system, shape = self.run.system, None
            try:
                shape = fit.shape_of(store.bases.folder_of(system.base), system.base.parameters)
            except LabError:  # it does not say its sizes: the dry run and the run will tell
                pass
            shared = [batch.model_copy(update={"rows": -(-batch.rows // stage.devices)}) for batch in batches]
            room = hardware.free(self.slot) + memory.held(loaded.device)
            self.plan = plans.plan(shape, stage, loaded.device.type, shared, room, system.quantisation)
            self.note(stage.kind, self.plan.why)
            return self.plan
        return chosen

    def tell_memory(self, stage, device, measured: int | None) -> dict[str, int | None]:
        """The estimate beside what the stage took at its highest moment: an event, and for the artifact's manifest."""
        from lab.methods.memory import comparable
        estimated = comparable(self.plan.estimate, device) if self.plan.estimate else None
        words = [f"{name} {size_words(value) if value else 'not known'}" for name, value in (("estimated", estimated), ("measured", measured))]
        found = {"estimated": estimated, "measured": measured}
        self.emit("note", stage.kind, message=f"Memory: {', '.join(words)}", values={f"memory_{name}": value for name, value in found.items()})
        return found

    def command(self, number: int) -> list[str]:
        """What starts a further process for a stage."""
        return [sys.executable, "-m", "lab.worker", self.run.id, str(self.attempt), self.slot, str(number)]

    def logs(self):
        return store.runs.log_path(self.run.id, self.attempt).parent

    def share(self, slot: str, number: int) -> None:
        """A further process's part in stage `number`: what stands before it is there already, and nothing is written."""
        from lab.engine.bank import AdapterBank
        from lab.engine.weights import BASE
        from lab.methods import group
        from lab.methods.stages import run_stage
        from lab.methods.training import Hooks
        self.slot, self.silent = slot, True
        data = store.tasks.load(self.run.task)
        loaded, asker = self.load(data)
        bank, weights, adapter = AdapterBank(loaded), BASE, None
        for place, before in enumerate(self.run.system.training[:number - 1], start=1):
            name = adapter_key(self.run.system, data.task, place)
            if before.full:
                weights = name
                bank.add_weights(name, store.artifacts.find(name))
            else:
                adapter = store.artifacts.find(name)
        bank.choose([weights])
        stage = self.run.system.training[number - 1]
        model = self.to_train(loaded, stage, adapter)
        if stage.full:
            bank.choose([BASE])
        root = store.runs.checkpoints(self.run.id, adapter_key(self.run.system, data.task, number))
        hooks = Hooks(metric=lambda *_: None, checkpoints=root, resume_from=store.runs.complete_checkpoint(root), plan=self.plans(loaded, stage))
        with group.joined():
            run_stage(dataclasses.replace(loaded, model=model), stage, asker.training_messages(stage.with_passages), data, root, hooks,
                      self.general(loaded, stage))

    def to_train(self, loaded, stage, before):
        """The model with what the stage trains: a copy with all weights, the adapter of the stage before, or a new one."""
        from lab.engine.adapters import new_adapter, saved_adapter
        from lab.engine.weights import trainable_copy
        if stage.full:
            return trainable_copy(loaded.model)
        return saved_adapter(loaded, before) if before else new_adapter(
            loaded, stage.lora_rank, stage.lora_alpha, stage.lora_dropout, stage.seed)

    def general(self, loaded, stage):
        """The general text that a stage replays or measures weights by; None where it needs none."""
        from lab.methods.replay import General
        if stage.kind != "sft" or not (stage.replay or stage.ewc):
            return None
        if stage.replay_from != WORLD_TEXT:
            return General(store.texts.load(stage.replay_from), loaded)
        from lab.world import corpus, people
        wanted = max(WORLD_TEXTS, stage.ewc_samples)
        return General(list(islice(corpus.Corpus(people.build(), stream="replay").documents(0, progress=1.0), wanted)), loaded)

    # a base ------------------------------------------------------------------------------------------------------------

    def pretrain(self, slot: str) -> bool:
        """Make a base from nothing; its checkpoints become artifacts. True where the user stopped it and kept the model so far."""
        from lab.engine.devices import settle
        from lab.world.pretrain import Hooks, pretrain
        device, wanted = settle(slot), self.run.pretraining
        root = store.runs.checkpoints(self.run.id, "pretrain")
        hooks = Hooks(metric=lambda step, total, values: self.emit("metric", "pretrain", step=step, total=total, values=values),
                      progress=lambda done, total: self.emit("progress", "evaluate", step=done, total=total, values={"suite": "probes"}),
                      should_stop=self.should_stop, keep_stopped=lambda: bool((store.runs.asked_to_stop(self.run.id) or {}).get("keep")),
                      keep=self.keep_base, states=root, finish_state=store.files.write_manifest,
                      resume_from=store.runs.complete_checkpoint(root),
                      state_seconds=float(os.environ.get("LAB_CHECKPOINT_SECONDS", "60")))
        self.note("pretrain", f"Pretraining {wanted.title}" + (f", resuming at {hooks.resume_from.name}" if hooks.resume_from else ""))
        facts = pretrain(wanted.preset, hooks, objective=wanted.objective, seed=wanted.seed, steps=wanted.steps,
                         checkpoints=wanted.checkpoints, device=device)
        return facts["stopped"]

    def keep_base(self, facts: dict, write) -> None:
        """A checkpoint becomes a Base. A resumed run may come by one that is there already: it is the same."""
        step, wanted = facts["steps"], self.run.pretraining
        key = store.bases.made_key(self.run.id, step)
        if store.artifacts.find(key):
            return
        about = {"kind": "base", "run": self.run.id, "pretraining": wanted.model_dump(mode="json"), "step": step, "total": facts["total"],
                 "objective": wanted.objective, "parameters": facts["parameters"], "title": f"{wanted.title}, step {step}",
                 "probes": facts["probes"], "not_measured": facts["not_measured"], "final": step == facts["total"]}
        with store.artifacts.making(key, about) as folder:
            write(folder)
        self.note("pretrain", f"Step {step} was kept as a base")

    # scores ------------------------------------------------------------------------------------------------------------

    def score(self, asker, bank) -> None:
        from lab.evals.evaluate import evaluate
        stop = self.stop.is_set if not self.kept else lambda: False
        for suite in suites_of(self.run):
            key = evaluation_key(self.run, suite, kept=self.attempt if self.kept else 0)
            if store.evaluations.find(key, suite.fingerprint):
                self.note("evaluate", f"{suite.title}: scored before")
                continue
            report = _Throttle(lambda done, total, suite=suite: self.emit("progress", "evaluate", step=done, total=total,
                                                                          values={"suite": suite.name}))
            store.evaluations.save(evaluate(asker, suite, key, self.run.id, report, stop, bank))


def rendered(template, messages, items) -> dict[str, str]:
    """The first test question as training would write it, to be held against the prompt that was really sent for it. Nothing is trained on it."""
    if not items:
        return {}
    prompt, trained = template.training_text(messages(items[0].prompt), items[0].answer)
    return {"item": items[0].id, "prompt": prompt, "answer": trained}


def share(run_id: str, attempt: int, slot: str, number: int) -> int:
    """A further process of a stage; the first one hears of a failure by the exit code and reads the reason in the log."""
    with suppress(Stopped):
        _Job(run_id, attempt).share(slot, number)
    return 0


class _Throttle:
    """Passes progress on at most twice a second, and always the last."""

    def __init__(self, tell):
        self.tell, self.last = tell, 0.0

    def __call__(self, done: int, total: int) -> None:
        if done >= total or time.monotonic() - self.last > 0.5:
            self.last = time.monotonic()
            self.tell(done, total)


if __name__ == "__main__":
    given = sys.argv[1:]
    raise SystemExit(share(given[0], int(given[1]), given[2], int(given[3])) if len(given) > 3 else work(given[0], int(given[1]), given[2]))
