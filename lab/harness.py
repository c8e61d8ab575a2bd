"""lm-evaluation-harness on a System: the verb's work. Loads a finished run, or a bare shipped base, and keeps the harness's own results.

Task files of the harness can hold code and templates that run on this machine: give only folders that you trust.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any, Sequence

from lab import store
from lab.core import DataError, ModelError, ScoringError
from lab.corpus.harness_tasks import task_files, task_name

PACKAGE = "lm_eval==0.4.13"


def write_task(suite: str, folder: Path) -> str:
    """Write a retention suite, or a task's test split, as a task folder of the harness. Returns the task's name there. Raises DataError."""
    known = store.tasks.suite_names()
    found = store.tasks.load_suite(suite) if suite in known else store.tasks.load(suite).test_suite()
    texts = task_files(found)
    if taken := [name for name in texts if (folder / name).exists()]:
        raise DataError("A file of this name exists already", str(folder / taken[0]), "Name another folder: nothing is overwritten")
    for name, text in texts.items():
        store.files.write_text(folder / name, text)
    return task_name(found)


def run(name: str, tasks: Sequence[str], include: Path | None = None, save: Path | None = None, plain: bool = False,
        limit: int | None = None, shots: int | None = None) -> tuple[str, Path]:
    """Evaluate a run's System (or a shipped base) on tasks of the harness. Returns its table and the results file.

    Files that the tasks of `include` name are looked for in that folder. Raises ScoringError where the harness is not installed,
    DataError where a task is not known.
    """
    evaluator = _harness()
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.utils import make_table

    from lab.evals.harness import SystemLM
    save = (save or store.home() / "harness").resolve()
    asker, about = _system(name)
    with contextlib.chdir(include) if include else contextlib.nullcontext():
        manager = _tasks(tasks, include)
        tracker = EvaluationTracker(output_path=str(save))
        results = evaluator.simple_evaluate(model=SystemLM(asker, plain), model_args=f"model={name}", tasks=list(tasks), limit=limit,
                                            num_fewshot=shots, task_manager=manager, evaluation_tracker=tracker)
    samples = results.pop("samples")
    results["lever_lab"] = about | {"prompting": "plain: contexts as raw text" if plain else "each context is a question to the System"}
    tracker.save_results_aggregated(results, samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)
    return make_table(results), save / tracker.general_config_tracker.model_name_sanitized / f"results_{tracker.date_id}.json"


def _harness() -> Any:
    try:
        from lm_eval import evaluator
    except ImportError as error:
        raise ScoringError("lm-evaluation-harness is not installed", "lm_eval", f"Install it beside the lab: pip install {PACKAGE}") from error
    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # a run's own settings are no warnings
    return evaluator


def _tasks(wanted: Sequence[str], include: Path | None) -> Any:
    """The folder's tasks, and the harness's own thousands, which take seconds to list, only where those are not enough."""
    from lm_eval.tasks import TaskManager
    manager = TaskManager(include_path=".", include_defaults=False) if include else None
    if manager is None or set(wanted) - set(manager.all_tasks):
        manager = TaskManager(include_path="." if include else None)
    if unknown := sorted(set(wanted) - set(manager.all_tasks)):
        raise DataError(f"The harness knows no task {', '.join(unknown)}", str(include or "its own tasks"),
                        "lm_eval ls tasks lists its own; --include_path names a folder with more")
    return manager


def _system(name: str) -> tuple[Any, dict[str, str]]:
    """The System's asker with its weights on, and what stands about it in the results. Raises DataError and ModelError."""
    from lab.answerer import Answerer
    from lab.engine.weights import BASE
    if name in store.bases.shipped():
        base, model = store.bases.resolve("shipped", name), "base"
        about = {"system": f"{name}, bare"}
    elif name in store.runs.ids() and (found := store.runs.load(name)).system:
        base, model = found.system.base, name
        about = {"system": found.system.name, "run": name, "system_key": found.system_key, "task": found.task}
    else:
        raise DataError("There is no run of a System, and no shipped base, of this name", name, "python -m lab runs lists the runs")
    if base.kind == "endpoint":
        raise ModelError("An endpoint shows no log-probabilities to the lab", name,
                         "Ask it with lm_eval --model local-chat-completions, as the README shows for the answerer")
    answerer = Answerer(base, "cuda:0")
    asker, _ = answerer.asker(model)
    answerer.bank.choose([asker.adapter or BASE])
    return asker, about | {"base": base.ref, "base_fingerprint": base.fingerprint}
