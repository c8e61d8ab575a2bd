"""Cached reads of what was scored: each Evaluation is read once, whatever else moves on. Shared between sessions, keyed by time stamps."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from lab import compare, store
from lab.core import Evaluation, Outcome, Run, adapter_key
from lab.jobs.outcomes import evaluation_key
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


@st.cache_resource(max_entries=2_048, show_spinner=False)
def _asked_by(home: str, run_id: str, kept: int) -> tuple[Asked, ...]:
    """A run and a saved task never change. A task that cannot be read has nothing to show."""
    run = store.runs.load(run_id)
    data = reads.task(run.task)
    suites = [data.test_suite(), *(reads.suite(name) for name in run.suites)] if data else []
    return tuple(Asked(suite.name, evaluation_key(run, suite, kept, data.task), suite.fingerprint) for suite in suites)


@st.cache_resource(max_entries=512, show_spinner=False)
def _evaluation(home: str, asked: Asked, stamp: float) -> Evaluation | None:
    return store.evaluations.find(asked.key, asked.fingerprint)


def outcomes(experiment_id: str) -> list[Outcome]:
    """Every run of an experiment with the Evaluations that exist, in the order in which they were queued."""
    return [_outcome(view) for view in reads.views(experiment_id)]


def _outcome(view: Any) -> Outcome:
    found = {asked.suite: _evaluation(str(store.home()), asked, stamp) for asked in _asked(view) if (stamp := asked.stamp)}
    failure = view.state.failure
    return Outcome.model_construct(system=view.run.system.name, task=view.run.task, seed=view.run.seed, run=view.run, status=view.status,
                                   reason=failure.sentence() if failure else ELSEWHERE if view.status == "finished" and view.run.task not in found else "",
                                   evaluations={name: evaluation for name, evaluation in found.items() if evaluation})


def _mark(experiment_id: str) -> tuple:
    """Changes whenever an experiment has something new to show."""
    return tuple((view.run.id, view.status, tuple(asked.stamp for asked in _asked(view))) for view in reads.views(experiment_id))


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
    return _paths(str(store.home()), experiment_id, task, seed, _mark(experiment_id))


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
def _metrics(home: str, experiment_id: str, mark: tuple) -> pd.DataFrame:
    return results.metrics(outcomes(experiment_id), reads.task_names())


@st.cache_resource(max_entries=48, show_spinner=False)
def _board(home: str, experiment_id: str, seed: int | None, mark: tuple) -> pd.DataFrame:
    return results.board(store.experiments.load(experiment_id), outcomes(experiment_id), reads.task_names(), seed)


@st.cache_resource(max_entries=96, show_spinner=False)
def _differences(home: str, experiment_id: str, reference: str, task: str, seed: int | None, mark: tuple) -> dict[str, compare.Difference]:
    return compare.differences(outcomes(experiment_id), reference, task, seed, store.experiments.load(experiment_id).primary.get(task))


@st.cache_resource(max_entries=96, show_spinner=False)
def _paths(home: str, experiment_id: str, task: str, seed: int | None, mark: tuple) -> pd.DataFrame:
    experiment = store.experiments.load(experiment_id)
    found = [o for o in outcomes(experiment_id) if seed in (None, o.seed)]
    return compare.paths(found, task, results.order(experiment, found), experiment.primary.get(task, ""))


@st.cache_resource(max_entries=48, show_spinner=False)
def _overview(home: str, experiment_id: str, task: str, seed: int | None, watts: float, mark: tuple) -> pd.DataFrame:
    experiment = store.experiments.load(experiment_id)
    found = [o for o in outcomes(experiment_id) if o.task == task and seed in (None, o.seed)]
    made = {o.run.id: making(o.run) for o in found if o.run.system.training}
    return compare.overview(found, task, experiment.suites, results.order(experiment, found), experiment.primary.get(task, ""), made, watts)


def prompts(run: Run, evaluation: Evaluation | None) -> tuple[str, str] | None:
    """One question as the run's last training stage wrote it and as it was sent; None where the one or the other was not recorded."""
    data = reads.task(run.task)
    if not (run.system.training and evaluation and data):
        return None
    about = store.artifacts.about(adapter_key(run.system, data.task, len(run.system.training))).get("rendered") or {}
    sent = next((score.prompt for score in evaluation.scores if score.item == about.get("item")), "")
    return (about["prompt"], sent) if sent else None


def making(run: Run) -> compare.Making:
    """What the run's trained parts took, whoever trained them."""
    data = reads.task(run.task)
    keys = [adapter_key(run.system, data.task, place) for place in range(1, len(run.system.training) + 1)] if data else []
    return results.making([about for key in keys if (about := store.artifacts.about(key))])


@st.cache_resource(max_entries=48, show_spinner=False)
def _forgetting(home: str, experiment_id: str, task: str | None, mark: tuple) -> pd.DataFrame:
    return results.forgetting(store.experiments.load(experiment_id), outcomes(experiment_id), reads.suite_titles(), task)
