"""From an Experiment to its Runs, in the order in which they are queued. Pure: nothing is written."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import chain, zip_longest
from pathlib import Path

from lab import store
from lab.core import Experiment, Run, System, Task, adapter_key, system_key

STEP = 1e-4  # seconds between the creation times of one plan's runs: they are the order of the queue


def plan(experiment: Experiment) -> list[Run]:
    """Every System, and the bare base of each base where it is missing, on every task with every seed.

    Bare bases come first, then what needs no training, then the rest, dealt out so that Systems that share an adapter stand
    apart: the first makes it, the others find it. Raises DataError for an unknown task.
    """
    tasks = {name: store.tasks.glance(name).task for name in experiment.tasks}
    wanted = [(system.with_seed(seed), tasks[name], seed)
              for system in (*missing_bases(experiment), *experiment.systems) for name in experiment.tasks
              for seed in experiment.seeds]
    now = time.time()
    return [Run(id=store.new_id("run"), experiment=experiment.id, system=system, system_key=system_key(system, task), task=task.id,
                suites=experiment.suites, seed=seed, checkpoints=experiment.checkpoints, created=now + number * STEP)
            for number, (system, task, seed) in enumerate(_ordered(wanted))]


def missing_bases(experiment: Experiment) -> list[System]:
    """The bare bases that nobody asked for, each under a name of its own."""
    there = {(system.base.fingerprint, system.template) for system in experiment.systems if system.is_bare}
    found = [base for base in experiment.bases() if (base.base.fingerprint, base.template) not in there]
    taken = {system.name for system in experiment.systems}
    named = []
    for base in found:
        name = _free("base" if len(experiment.bases()) == 1 else f"base {Path(base.base.ref).name.partition('@')[0]}", taken)
        taken.add(name)
        named.append(base.model_copy(update={"name": name}))
    return named


def _free(name: str, taken: set[str]) -> str:
    numbered = chain([name], (f"{name} ({number})" for number in range(2, len(taken) + 3)))
    return next(each for each in numbered if each not in taken)


Wanted = tuple[System, Task, int]


def _ordered(wanted: list[Wanted]) -> list[Wanted]:
    bare = [one for one in wanted if one[0].is_bare]
    light = [one for one in wanted if not one[0].is_bare and not one[0].training]
    groups: dict[str, list[Wanted]] = {}
    for one in wanted:
        if one[0].training:
            groups.setdefault(adapter_key(one[0], one[1], 1), []).append(one)
    shortest_first = [sorted(group, key=lambda one: len(one[0].training)) for group in groups.values()]
    return [*bare, *light, *_dealt(shortest_first)]


def _dealt(groups: Iterable[list[Wanted]]) -> list[Wanted]:
    """One of each group in turn."""
    return [one for turn in zip_longest(*groups) for one in turn if one is not None]
