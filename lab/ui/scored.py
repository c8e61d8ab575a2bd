"""Cached reads of what was scored: each Evaluation is read once, whatever else moves on. Shared between sessions, keyed by time stamps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from lab import compare, store
from lab.core import Evaluation, Measured, Numbers, Outcome, Place, Run, adapter_key, content_key
from lab.jobs import exports
from lab.jobs.outcomes import checkpoint_key, checkpoint_outcome, evaluation_key, places
from lab.ui import reads, results

ELSEWHERE = "It was scored on other rows, or made from others, than the task has today: those scores are not mixed with today's. Launch it again."


class Asked(NamedTuple):
    """A suite that a run answers, and the name of its Evaluation on disk."""

    suite: str
    key: str
    fingerprint: str

    @property
    def stamp(self) -> float | None:
        return store.evaluations.stamp(self.key, self.fingerprint)


def _asked(view: Any) -> tuple[Asked, ...]:
    return _asked_by(str(store.home()), view.run.id, view.state.kept)


@lru_cache(maxsize=2_048)  # looked up hundreds of times for one page: Streamlit's caches take 0.3 ms for a look
def _asked_by(home: str, run_id: str, kept: int) -> tuple[Asked, ...]:
    """A run and a saved task never change. A task that cannot be read has nothing to show."""
    run = store.runs.load(run_id)
    known = reads.known(run.task)
    suites = [known[1], *(reads.suite_mark(name) for name in run.suites)] if known else []
    return tuple(Asked(suite.name, evaluation_key(run, suite, kept, known[0]), suite.fingerprint) for suite in suites)


@lru_cache(maxsize=1_024)
def _numbers(home: str, asked: Asked, stamp: float) -> Numbers | None:
    return store.evaluations.numbers(asked.key, asked.fingerprint)


def with_answers(found: Mapping[str, Measured]) -> dict[str, Evaluation]:
    """The same with every answer: for what shows texts, and for nothing else, as this reads ten times as much."""
    asked = {name: Asked(one.suite, one.system_key, one.suite_fingerprint) for name, one in found.items()}
    read = {name: _answers(str(store.home()), one, stamp) for name, one in asked.items() if (stamp := one.stamp)}
    return {name: evaluation for name, evaluation in read.items() if evaluation}


def cut(found: Mapping[str, Measured]) -> dict[str, Evaluation]:
    """Those of which a prompt may have gone out without some of its shots or passages, with every answer; the others are not read."""
    asked = {name: Asked(one.suite, one.system_key, one.suite_fingerprint) for name, one in found.items()}
    return with_answers({name: found[name] for name, one in asked.items() if (stamp := one.stamp) and _says_cut(str(store.home()), one, stamp)})


@lru_cache(maxsize=1_024)
def _says_cut(home: str, asked: Asked, stamp: float) -> bool:
    return store.evaluations.holds(asked.key, asked.fingerprint, compare.NOT_WHOLE)


@lru_cache(maxsize=128)
def _answers(home: str, asked: Asked, stamp: float) -> Evaluation | None:
    return store.evaluations.find(asked.key, asked.fingerprint)


def outcomes(experiment_id: str) -> list[Outcome]:
    """Every run of an experiment with the Evaluations that exist, in the order in which they were queued."""
    return [_outcome(view) for view in reads.views(experiment_id)]


def _outcome(view: Any) -> Outcome:
    home = str(store.home())
    found = {asked.suite: _numbers(home, asked, stamp) for asked in _asked(view) if (stamp := asked.stamp)}
    failure = view.state.failure
    return Outcome.model_construct(system=view.run.system.name, task=view.run.task, seed=view.run.seed, run=view.run, status=view.status,
                                   reason=failure.sentence() if failure else ELSEWHERE if view.status == "finished" and view.run.task not in found else "",
                                   evaluations={name: evaluation for name, evaluation in found.items() if evaluation})


def checkpoints(experiment_id: str, task: str) -> list[Outcome]:
    """The states on the way to a task's Systems that were scored, in their order; empty where the experiment does not score them."""
    found = []
    for view in reads.views(experiment_id):
        for place, asked in _asked_on_the_way(view) if view.run.task == task else ():
            read = {one.suite: _numbers(str(store.home()), one, stamp) for one in asked if (stamp := one.stamp)}
            if task in read:
                found.append(checkpoint_outcome(view.run, view.status, place, read))
    return found


def without_checkpoints(experiment_id: str, task: str) -> list[str]:
    """Systems whose checkpoints are to be scored, and of which a stage was trained at another time, without keeping any."""
    found = []
    for view in reads.views(experiment_id):
        if view.status == "finished" and view.run.task == task and view.run.checkpoints and reads.known(task):
            kept = {place.stage for place, _ in _asked_on_the_way(view) if place.step < place.steps}
            found += [view.run.system.name] if len(kept) < len(view.run.system.training) else []
    return list(dict.fromkeys(found))


def _asked_on_the_way(view: Any) -> list[tuple[Place, list[Asked]]]:
    """Each scored state on the way of a run's training, and what it is asked."""
    run, known = view.run, reads.known(view.run.task) if view.run.checkpoints else None
    if not known or not run.system.training:
        return []
    suites = [known[1], *(reads.suite_mark(name) for name in run.suites)]
    return [(place, [Asked(suite.name, checkpoint_key(run, suite, place, known[0]), suite.fingerprint) for suite in suites])
            for place in places(run, known[0])]


def _mark(experiment_id: str) -> str:
    """Changes whenever an experiment has something new to show."""
    views = reads.views(experiment_id)
    names = [store.tasks.stamp(task) for task in dict.fromkeys(view.run.task for view in views)]  # a task can be renamed
    return content_key(names, [(view.run.id, view.status, [asked.stamp for asked in _asked(view)]) for view in views])


def board(experiment_id: str, seed: int | None = None) -> pd.DataFrame:
    """The long scoreboard of an experiment, of one seed or of all together. Do not change the frame: sessions share it."""
    return _board(str(store.home()), experiment_id, seed, _mark(experiment_id))


def differences(experiment_id: str, reference: str, task: str, seed: int | None) -> dict[str, compare.Difference]:
    """Every System against the reference by the metric that decides."""
    return _differences(str(store.home()), experiment_id, reference, task, seed, _mark(experiment_id))


def overview(experiment_id: str, task: str, seed: int | None, watts: float) -> pd.DataFrame:
    """Everything about every System on one task in one table."""
    return _overview(str(store.home()), experiment_id, task, seed, watts, _mark(experiment_id))


def paths(experiment_id: str, task: str, seed: int | None) -> pd.DataFrame:
    """Learned against kept for one task's Systems."""
    on_the_way = [one.stamp for view in reads.views(experiment_id) if view.run.task == task
                       for _, asked in _asked_on_the_way(view) for one in asked]
    return _paths(str(store.home()), experiment_id, task, seed, content_key(_mark(experiment_id), on_the_way))


def metric_names(found: list[Outcome], task: str, metric: str) -> dict[str, str]:
    """"task" -> the metric that decides, each suite -> its own."""
    return {suite: evaluation.primary for o in found for suite, evaluation in o.evaluations.items() if suite != task} | {"task": metric}


def forgetting(experiment_id: str, task: str | None = None) -> pd.DataFrame:
    """What each System forgot, pooled over tasks or for one."""
    return _forgetting(str(store.home()), experiment_id, task, _mark(experiment_id))


def metrics(experiment_id: str) -> pd.DataFrame:
    """Every metric of every run, long: the secondary ones too."""
    return _metrics(str(store.home()), experiment_id, _mark(experiment_id))


@st.cache_resource(max_entries=24, show_spinner=False)
def _metrics(home: str, experiment_id: str, mark: str) -> pd.DataFrame:
    return results.metrics(outcomes(experiment_id), reads.task_titles())


@st.cache_resource(max_entries=48, show_spinner=False)
def _board(home: str, experiment_id: str, seed: int | None, mark: str) -> pd.DataFrame:
    return results.board(store.experiments.load(experiment_id), outcomes(experiment_id), reads.task_titles(), seed)


@st.cache_resource(max_entries=96, show_spinner=False)
def _differences(home: str, experiment_id: str, reference: str, task: str, seed: int | None, mark: str) -> dict[str, compare.Difference]:
    return compare.differences(outcomes(experiment_id), reference, task, seed, store.experiments.load(experiment_id).primary.get(task))


@st.cache_resource(max_entries=96, show_spinner=False)
def _paths(home: str, experiment_id: str, task: str, seed: int | None, mark: str) -> pd.DataFrame:
    experiment = store.experiments.load(experiment_id)
    found = [o for o in (*outcomes(experiment_id), *checkpoints(experiment_id, task)) if seed in (None, o.seed)]
    return compare.paths(found, task, results.order(experiment, [o for o in found if not o.place]), experiment.primary.get(task, ""))


@st.cache_resource(max_entries=48, show_spinner=False)
def _overview(home: str, experiment_id: str, task: str, seed: int | None, watts: float, mark: str) -> pd.DataFrame:
    experiment = store.experiments.load(experiment_id)
    found = [o for o in outcomes(experiment_id) if o.task == task and seed in (None, o.seed)]
    made = {o.run.id: making(o.run) for o in found if o.run.system.training}
    return compare.overview(found, task, experiment.suites, results.order(experiment, found), experiment.primary.get(task, ""), made, watts)


def prompts(run: Run, evaluation: Evaluation | None) -> tuple[str, str, str] | None:
    """One question as the run's last training stage wrote it, as it was sent, and as another program writes it with the exported chat template
    (empty: not known); None where the one or the other was not recorded."""
    known = reads.known(run.task)
    if not (run.system.training and evaluation and known):
        return None
    about = store.artifacts.about(adapter_key(run.system, known[0], len(run.system.training))).get("rendered") or {}
    sent = next((score.prompt for score in evaluation.scores if score.item == about.get("item")), "")
    exported = exports.checked(run.id).get("example") or about
    return (about["prompt"], sent, exported.get("export", "")) if sent else None


def making(run: Run) -> compare.Making:
    """What the run's trained parts took, whoever trained them."""
    known = reads.known(run.task)
    keys = [adapter_key(run.system, known[0], place) for place in range(1, len(run.system.training) + 1)] if known else []
    return results.making([about for key in keys if (about := store.artifacts.about(key))])


@st.cache_resource(max_entries=48, show_spinner=False)
def _forgetting(home: str, experiment_id: str, task: str | None, mark: str) -> pd.DataFrame:
    return results.forgetting(store.experiments.load(experiment_id), outcomes(experiment_id), reads.suite_titles(), task)
