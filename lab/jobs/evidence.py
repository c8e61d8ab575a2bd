"""The grid behind the base's evidence: one ordinary Experiment per task on a shipped base, launched like any other.

Knows Systems and steps, nothing of the claims that are decided from them (lab/compare/claims.py names the same Systems; a test holds
the two together). Everything one may want to tune stands in the table at the top.
"""

from __future__ import annotations

import time

from lab import store
from lab.core import FINAL, Base, DataError, Dpo, Experiment, Prompting, Sft, System, TaskData, proposed_retrieval, proposed_stage, training_rows
from lab.jobs.checking import problems
from lab.jobs.launching import launch
from lab.jobs.watch import views

PREFIX = "evidence"
SEEDS = (0, 1, 2)
COMMON = ("capitals", "words", "known_people", "text_loss")  # asked of every System; the form group is asked every suite

LORA_RATES = (3e-4, 1e-3, 2e-3, 4e-3)
FULL_RATES = {"low": 1e-4, "middle": 1e-3, "high": 3e-3}
FORM_EPOCHS = 8  # as many as the proposed SFT takes, so that it is one of the sweep
REPLAY = {"5 %": 0.05, "20 %": 0.20}
EWC = 100.0  # strength of the pull to the base's weights
DOCUMENT_RATE, DOCUMENT_STEPS = 1e-3, 300  # each document arm takes the same number of steps, however many texts it has
LABELS = (16, 64, 256, 1_024, 2_048)
LABEL_RATE = 1e-3  # full tuning: LoRA at its proposed rate stays at chance for hundreds of steps
LABEL_EPOCHS, FEWEST_STEPS, MOST_STEPS = 4, 120, 400
WORDINGS = {"SFT, one wording": "material=document", "SFT, several wordings": "material=document|more wordings",
            "SFT, wordings and questions": "material=document|more wordings|question"}

# What each group of claims needs: forgetting is read from the form group's runs.
TASKS = {"form": "form", "facts": "facts", "tone": "tone", "forgetting": "form", "compound": "compound", "labels": "labels"}


def experiments(only: tuple[str, ...] = (), seeds: tuple[int, ...] = SEEDS, base_name: str | None = None) -> list[Experiment]:
    """New Experiments, not yet saved: one per task of the groups asked for (empty: all), on a shipped base (the smallest unless named).

    Raises DataError for an unknown group and for a task that is not there.
    """
    if unknown := [group for group in only if group not in TASKS]:
        raise DataError(f"There is no group {', '.join(unknown)}", do=f"Groups: {', '.join(TASKS)}")
    base = store.bases.resolve("shipped", base_name or store.bases.shipped()[0])
    tasks = dict.fromkeys(TASKS[group] for group in only or TASKS)
    return [_experiment(task, base, seeds) for task in tasks]


def launch_all(planned: list[Experiment], slots: int | None = None) -> dict[str, str]:
    """Launch them, after all were checked; task -> Experiment. Raises the first reason why one could not end well; then none runs."""
    for problem in (problem for experiment in planned for problem in problems(experiment)):
        raise problem
    for experiment in planned:
        launch(experiment, slots)
    return {experiment.tasks[0]: experiment.id for experiment in planned}


def task_of(experiment_id: str) -> str:
    """The task whose evidence an Experiment is; empty for any other Experiment."""
    prefix, _, rest = experiment_id.partition("-")
    task = rest.split("-")[0]
    return task if prefix == PREFIX and task in SYSTEMS else ""


def newest(finished_only: bool = False) -> dict[str, str]:
    """Task -> id of the newest evidence Experiment in the workspace; `finished_only`: of those whose runs have all ended."""
    found: dict[str, str] = {}
    for name in sorted(store.experiments.ids(), key=_started, reverse=True):
        if (task := task_of(name)) and task not in found and (not finished_only or _ended(name)):
            found[task] = name
    return {task: found[task] for task in SYSTEMS if task in found}


def _started(experiment_id: str) -> str:
    return "-".join(experiment_id.split("-")[2:4])


def _ended(experiment_id: str) -> bool:
    found = views(experiment_id)
    return bool(found) and all(view.state.name in FINAL for view in found)


def _experiment(task: str, base: Base, seeds: tuple[int, ...]) -> Experiment:
    data = store.tasks.load(task)
    suites = tuple(store.tasks.suite_names()) if task == "form" else COMMON
    return Experiment(id=store.new_id(f"{PREFIX}-{task}"), name=f"Evidence: {data.task.name}", question="Does the sentence hold on this base?",
                      tasks=(task,), systems=SYSTEMS[task](base, data), suites=suites, seeds=seeds, created=time.time())


def _usual(base: Base) -> dict[str, System]:
    """The Systems as the Build page proposes them."""
    sft, dpo, found = proposed_stage("sft", base.parameters), proposed_stage("dpo", base.parameters), proposed_retrieval(base.parameters)
    systems = (System(name="base", base=base), System(name="3 shots", base=base, prompting=Prompting(shots=3)),
               System(name="RAG", base=base, retrieval=found), System(name="SFT", base=base, training=(sft,)),
               System(name="DPO", base=base, training=(dpo,)), System(name="RAG + SFT", base=base, retrieval=found, training=(sft,)))
    return {system.name: system for system in systems}


def _tuned(name: str, base: Base, *stages: Sft | Dpo) -> System:
    return System(name=name, base=base, training=stages)


def _form(base: Base, data: TaskData) -> tuple[System, ...]:
    usual = _usual(base)
    lora = [_tuned(f"LoRA {rate:g}", base, Sft(learning_rate=rate, epochs=FORM_EPOCHS)) for rate in LORA_RATES]
    full = {name: Sft(tuning="full", learning_rate=rate, epochs=FORM_EPOCHS) for name, rate in FULL_RATES.items()}
    cures = {f"replay {share}": {"replay": value} for share, value in REPLAY.items()} | {"EWC": {"ewc": EWC}}
    return (usual["base"], usual["3 shots"], usual["SFT"],
            *(system for system in lora if system.training != usual["SFT"].training),  # SFT is one of the sweep's rates
            *(_tuned(f"full, {name} rate", base, stage) for name, stage in full.items()),
            *(_tuned(f"full, high rate, {name}", base, full["high"].model_copy(update=change)) for name, change in cures.items()))


def _facts(base: Base, data: TaskData) -> tuple[System, ...]:
    usual = _usual(base)
    return (usual["base"], usual["3 shots"], usual["RAG"], *(_tuned(name, base, _on_documents(data, rows)) for name, rows in WORDINGS.items()))


def _on_documents(data: TaskData, rows: str) -> Sft:
    """Full tuning on some of the rows for a fixed number of steps. Raises DataError where the task has none of them."""
    count = len(training_rows(data.split("train"), rows))
    if not count:
        raise DataError(f"The task has no training rows with {rows}", f"Task {data.task.name}", "Make the task again with the world's own generator")
    stage = Sft(tuning="full", learning_rate=DOCUMENT_RATE, rows=rows)
    return stage.model_copy(update={"epochs": _epochs(DOCUMENT_STEPS, count, stage.batch_size)})


def _epochs(steps: int, rows: int, batch: int) -> float:
    """Epochs that take about `steps` optimizer steps; an epoch's last, smaller batch is a step too."""
    return round(steps / -(-rows // batch), 3)


def _tone(base: Base, data: TaskData) -> tuple[System, ...]:
    return tuple(_usual(base)[name] for name in ("base", "SFT", "DPO"))


def _compound(base: Base, data: TaskData) -> tuple[System, ...]:
    return tuple(_usual(base).values())


def _labels(base: Base, data: TaskData) -> tuple[System, ...]:
    stage, there = Sft(tuning="full", learning_rate=LABEL_RATE), len(data.split("train"))
    if there < max(LABELS):
        raise DataError(f"The task has {there} training rows; the largest arm needs {max(LABELS):,}", f"Task {data.task.name}",
                        "Make the task again with the world's own generator")
    arms = {}
    for count in LABELS:
        per_epoch = -(-count // stage.batch_size)
        steps = min(MOST_STEPS, max(FEWEST_STEPS, LABEL_EPOCHS * per_epoch))
        arms[f"SFT, {count:,} labels"] = stage.model_copy(
            update={"examples": count, "epochs": _epochs(steps, count, stage.batch_size)})
    return (System(name="base", base=base), *(_tuned(name, base, each) for name, each in arms.items()))


SYSTEMS = {"form": _form, "facts": _facts, "tone": _tone, "compound": _compound, "labels": _labels}
