"""Cached reads of what was scored: each Evaluation is read once, whatever else moves on. Shared between sessions, keyed by time stamps."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from lab import store
from lab.core import Evaluation, Outcome
from lab.jobs.outcomes import evaluation_key
from lab.ui import reads, results


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
                                   reason=failure.sentence() if failure else "",
                                   evaluations={name: evaluation for name, evaluation in found.items() if evaluation})


def _mark(experiment_id: str) -> tuple:
    """Changes whenever an experiment has something new to show."""
    return tuple((view.run.id, view.status, tuple(asked.stamp for asked in _asked(view))) for view in reads.views(experiment_id))


def board(experiment_id: str, seed: int | None = None) -> pd.DataFrame:
    """The long scoreboard of an experiment, of one seed or of all. Do not change the frame: sessions share it."""
    found = _board(str(store.home()), experiment_id, _mark(experiment_id))
    return found if seed is None else found[found["seed"] == seed]


def forgetting(experiment_id: str, task: str | None = None) -> pd.DataFrame:
    """What each System forgot, pooled over tasks or for one."""
    return _forgetting(str(store.home()), experiment_id, task, _mark(experiment_id))


def metrics(experiment_id: str) -> pd.DataFrame:
    """Every metric of every run, long: the secondary ones too."""
    return _metrics(str(store.home()), experiment_id, _mark(experiment_id))


@st.cache_resource(max_entries=24, show_spinner=False)
def _metrics(home: str, experiment_id: str, mark: tuple) -> pd.DataFrame:
    return results.metrics(outcomes(experiment_id), reads.task_names())


@st.cache_resource(max_entries=24, show_spinner=False)
def _board(home: str, experiment_id: str, mark: tuple) -> pd.DataFrame:
    return results.board(store.experiments.load(experiment_id), outcomes(experiment_id), reads.task_names())


@st.cache_resource(max_entries=48, show_spinner=False)
def _forgetting(home: str, experiment_id: str, task: str | None, mark: tuple) -> pd.DataFrame:
    return results.forgetting(store.experiments.load(experiment_id), outcomes(experiment_id), reads.suite_titles(), task)
