"""Hand-made workspaces for tests of the screens: folders as a finished, running or broken lab leaves them, with made-up numbers."""

from __future__ import annotations

import math
import random
import time

from lab import store
from lab.core import (
    Base,
    Document,
    Dpo,
    Evaluation,
    Event,
    Example,
    Experiment,
    Failure,
    Item,
    Passage,
    Preference,
    Prompting,
    Retrieval,
    Run,
    Score,
    Scorer,
    Sft,
    Suite,
    System,
    Task,
    TaskData,
    adapter_key,
)
from lab.jobs import plan
from lab.jobs.outcomes import checkpoint_key, evaluation_key, places, suites_of

NASTY = "<b>bold</b> **stars** [link](http://example.org) :tada: $x$ =1+1"
SHARE = {"base": .1, "3 shots": .35, "RAG": .45, "SFT": .55, "SFT → DPO": .6, "RAG + SFT": .85}
KNOWS = {"base": .9, "3 shots": .85, "RAG": .8, "SFT": .55, "SFT → DPO": .4, "RAG + SFT": .5}


def base() -> Base:
    """The smallest shipped base."""
    return store.bases.resolve("shipped", store.bases.shipped()[0])


def systems() -> tuple[System, ...]:
    model, sft, dpo, search = base(), Sft(epochs=2), Dpo(), Retrieval(top_k=1)
    return (System(name="base", base=model), System(name="3 shots", base=model, prompting=Prompting(shots=3)),
            System(name="RAG", base=model, retrieval=search), System(name="SFT", base=model, training=(sft,)),
            System(name="SFT → DPO", base=model, training=(sft, dpo)), System(name="RAG + SFT", base=model, retrieval=search, training=(sft,)))


def task(name: str, title: str, rows: int = 40) -> TaskData:
    """A small task with all three kinds of rows, saved into the workspace."""
    def split(number: int) -> str:
        return "test" if number >= rows * 2 // 3 else "validation" if number >= rows // 2 else "train"

    examples = tuple(Example(id=f"e{n}", prompt=f"Where does person {n} live ({name})?", answer=f"in town {n % 7}", split=split(n), entity=f"p{n // 2}",
                             documents=(f"d{n % 7}",)) for n in range(rows))
    pairs = tuple(Preference(id=f"p{n}", prompt=f"Who is {n}?", chosen=f"Certainly, it is {n}.", rejected=str(n)) for n in range(12))
    documents = tuple(Document(id=f"d{n}", name=f"note {n}.txt", text=f"Town {n} lies by the sea. " * 8) for n in range(7))
    about = Task(id=name, name=title, need=title.lower(), description="Made up for tests.", scorers=(Scorer(kind="exact_match"),))
    return store.tasks.save(TaskData(task=about, examples=examples, preferences=pairs, documents=documents))


def suite(name: str, title: str, items: int = 30) -> Suite:
    found = Suite(name=name, title=title, role="retention", scorers=(Scorer(kind="exact_match"),),
                  items=tuple(Item(id=f"{name}{n}", prompt=f"{title} {n}?", answer=str(n)) for n in range(items)))
    folder = store.home() / "suites" / name
    store.files.write_json(folder / "suite.json", found.model_dump(mode="json", exclude={"items"}))
    store.files.write_lines(folder / "items.jsonl", [item.model_dump(mode="json") for item in found.items])
    return found


def experiment(number: int = 1, seeds: tuple[int, ...] = (0,), name: str = "Which lever?") -> Experiment:
    """Two tasks, six Systems, two suites; saved, with queued runs."""
    for known, title in (("t-facts", "New facts made up"), ("t-form", "Strict form made up")):
        if known not in store.tasks.ids():
            task(known, title)
    for known, title in (("s-capitals", "Capitals"), ("s-sums", "Sums")):
        if known not in store.tasks.suite_names():
            suite(known, title)
    found = Experiment(id=f"exp-20260101-00000{number}-abcdef", name=name, question="What moves what?", tasks=("t-facts", "t-form"),
                       systems=systems(), suites=("s-capitals", "s-sums"), seeds=seeds, created=1_767_225_600.0 + number)
    store.experiments.save(found)
    for run in plan(found):
        store.runs.create(run)
    return found


def runs_of(found: Experiment) -> list[Run]:
    return sorted((run for run in map(store.runs.load, store.runs.ids()) if run.experiment == found.id), key=lambda run: run.created)


def train(run: Run, steps: int = 40, upto: int | None = None) -> None:
    """Events of every training stage, from the untrained model on; `upto` cuts the last stage."""
    at, dice = time.time() - 300, random.Random(run.system.name)
    for stage in run.system.training:
        for step in range((steps if upto is None else upto) + 1):
            loss = .6 + 2.4 * math.exp(-step / 12)
            values = {"loss": loss + dice.gauss(0, .08), "tokens": step * 900, "epoch": step / 20, "learning_rate": 2e-3}
            if stage.kind == "dpo":
                values |= {"logps_chosen": -20 - step * .1, "logps_rejected": -22 - step * .5, "reward_margin": step * .05,
                           "reward_accuracy": min(1, .5 + step * .015)}
            if step:
                _emit(run, "metric", stage.kind, step, steps, values, at + step)
            if step % 8 == 0:
                checked = {"eval_loss": loss + .1} | ({"eval_reward_margin": step * .04, "eval_reward_accuracy": min(1, .5 + step * .012)}
                                                      if stage.kind == "dpo" else {})
                _emit(run, "metric", stage.kind, step, steps, checked, at + step)
        _emit(run, "progress", stage.kind, steps if upto is None else upto, steps, {}, at + steps)


def _emit(run: Run, kind: str, stage: str, step: int, total: int, values: dict, at: float) -> None:
    store.runs.emit(run.id, Event(at=at, attempt=1, kind=kind, stage=stage, step=step, total=total, values=values))


def score(run: Run) -> None:
    """Answers of the run's System to its task and its suites; some of them hostile to a screen."""
    for asked in suites_of(run):
        share = SHARE[run.system.name] if asked.role == "task" else KNOWS[run.system.name]
        dice = random.Random(f"{asked.name}{run.system.name}{run.seed}")
        scores = tuple(_score(run, item, dice.random() < share, number) for number, item in enumerate(asked.items))
        store.evaluations.save(Evaluation(system_key=evaluation_key(run, asked), suite=asked.name, suite_fingerprint=asked.fingerprint,
                                          role=asked.role, scorers=asked.scorers, decoding="greedy", scores=scores, seconds=2.0, run=run.id))


def score_on_the_way(run: Run, steps: int = 40) -> None:
    """Checkpoints of the run's first stage, and their answers: the task learned bit by bit, the suites forgotten likewise."""
    data = store.tasks.load(run.task).task
    with store.artifacts.making(adapter_key(run.system, data, 1), {"checkpoints": [2, 8, 20], "steps": steps}):
        pass
    for place in places(run, data)[:3]:
        part = place.step / steps
        for asked in suites_of(run):
            share = part * SHARE[run.system.name] if asked.role == "task" else 1 - part * (1 - KNOWS[run.system.name])
            scores = tuple(_score(run, item, number < share * len(asked.items), number) for number, item in enumerate(asked.items))
            store.evaluations.save(Evaluation(system_key=checkpoint_key(run, asked, place, data), suite=asked.name, suite_fingerprint=asked.fingerprint,
                                              role=asked.role, scorers=asked.scorers, decoding="greedy", scores=scores, seconds=2.0, run=run.id))


def _score(run: Run, item: Item, right: bool, number: int) -> Score:
    passages = (Passage(document="d1", text=f"Town 1 lies by the sea. {NASTY}", score=3.2),) if run.system.retrieval else ()
    answer = item.answer if right else (NASTY if number % 5 == 0 else f"in town {number % 3 + 90}")
    return Score(item=item.id, entity=item.entity, answer=answer, values={"exact_match": float(right)}, passages=passages, seconds=.02 + number / 1000,
                 prompt=f"Question: {item.prompt}\nAnswer:", prompt_tokens=20 + 60 * bool(passages), answer_tokens=5, ended=True,
                 reason="" if right else "another answer")


def start(run: Run, pid: int | None = None) -> None:
    store.runs.move(run.id, "running", attempt=1, started=time.time() - 40, slot="cpu:0", pid=pid, pid_created=_born(pid))
    folder = store.runs.attempt_folder(run.id, 1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text("loading\nstep 1 of 40\n")


def _born(pid: int | None) -> float | None:
    import psutil
    return psutil.Process(pid).create_time() if pid else None


def finish(run: Run) -> None:
    """A run from queued to finished, with curves, answers and a log."""
    start(run)
    train(run)
    score(run)
    store.runs.move(run.id, "finished", ended=time.time())


def finished(number: int = 1, **kwargs) -> Experiment:
    found = experiment(number, **kwargs)
    for run in runs_of(found):
        finish(run)
    return found


def running(pid: int, number: int = 1) -> Experiment:
    """The first runs are done, one trains in process `pid`, the rest wait."""
    found = experiment(number)
    runs = runs_of(found)
    trained = next(run for run in runs if run.system.name == "SFT → DPO")
    for run in runs[:5]:
        finish(run)
    start(trained, pid)
    train(trained, upto=12)
    return found


def broken(number: int = 1) -> Experiment:
    """Failed, stopped and lost runs, torn and damaged files, an experiment and a task that cannot be read."""
    found = experiment(number)
    runs = runs_of(found)
    for run in runs[:4]:
        finish(run)
    start(runs[4])
    store.runs.move(runs[4].id, "failed", ended=time.time(), failure=Failure(kind="memory", what=f"Memory ran out {NASTY}", where="SFT, step 12",
                                                                           do="Use a smaller batch size"))
    start(runs[5])
    store.runs.move(runs[5].id, "stopped", ended=time.time())
    start(runs[6])  # no process behind it: lost
    (store.runs.folder(runs[6].id) / "events.jsonl").write_bytes(b'{"at": 1.0, "attempt": 1, "kind": "met')
    (store.runs.folder(runs[7].id) / "state.json").write_text("{torn")
    (store.runs.folder(runs[8].id) / "run.json").write_text("not json")
    for kind, name in (("experiments", "exp-broken"), ("tasks", "task-broken")):
        store.files.write_text(store.home() / kind / name / f"{kind[:-1]}.json", "{torn")
    return found
