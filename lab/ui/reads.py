"""All cached reads of the screens, shared between sessions, keyed by place and time stamp. Never cleared as a whole.

Values are frozen, so they are handed out without a copy. `home` stands in every key: another workspace, another cache entry.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import streamlit as st

from lab import jobs, store
from lab.core import Base, Experiment, LabError, Suite, SuiteMark, Task, TaskData
from lab.jobs.templates import demand_usable
from lab.ui import text

SHORT = 1.0  # seconds for which one look at the processes serves every session


def _home() -> str:
    return str(store.home())


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def experiments() -> list[Experiment]:
    """Every readable experiment, newest first."""
    found = [_experiment(_home(), name) for name in store.experiments.ids()]
    return sorted((value for value in found if isinstance(value, Experiment)), key=lambda value: value.created, reverse=True)


def unreadable_experiments() -> list[str]:
    """Why some experiments cannot be shown."""
    found = [_experiment(_home(), name) for name in store.experiments.ids()]
    return [value for value in found if isinstance(value, str)]


@st.cache_resource(max_entries=256, show_spinner=False)
def _experiment(home: str, name: str) -> Experiment | str:
    try:
        return store.experiments.load(name)
    except LabError as error:
        return str(error)


@st.cache_resource(ttl=SHORT, max_entries=64, show_spinner=False)
def _views(home: str, experiment_id: str | None) -> list[Any]:
    return jobs.views(experiment_id)


def views(experiment_id: str | None = None) -> list[Any]:
    """RunViews, at most a second old."""
    return _views(_home(), experiment_id)


def active(experiment_id: str | None = None) -> bool:
    return any(view.status in text.ACTIVE for view in views(experiment_id))


@st.cache_resource(ttl=5, max_entries=8, show_spinner=False)
def _unreadable_runs(home: str) -> list[str]:
    return [failure.sentence() for failure in jobs.unreadable()]


def unreadable() -> list[str]:
    """Why some runs and experiments cannot be shown as rows."""
    return [*unreadable_experiments(), *_unreadable_runs(_home())]


def task(task_id: str) -> TaskData | None:
    """A task with its rows, of a large one a part (`store.tasks.glance`); None where it cannot be read (`task_problem` says why)."""
    found = _task(_home(), task_id, store.tasks.stamp(task_id))
    return found if isinstance(found, TaskData) else None


def task_problem(task_id: str) -> str:
    found = _task(_home(), task_id, store.tasks.stamp(task_id))
    return found if isinstance(found, str) else ""


def known(task_id: str) -> tuple[Task, SuiteMark] | None:
    """A task without its rows and what names the answers to its test split, of a deleted one as they were; None where nothing can be read."""
    if data := task(task_id):
        return data.task, _own_mark(_home(), task_id, store.tasks.stamp(task_id), data)
    left = store.removed.remains(task_id)
    return (left.task, left.suite) if left else None


@st.cache_resource(max_entries=64, ttl=300, show_spinner=False)
def _own_mark(home: str, task_id: str, stamp: int, _data: TaskData) -> SuiteMark:
    return SuiteMark.of(_data.test_suite())


@st.cache_resource(max_entries=64, ttl=300, show_spinner=False)
def _task(home: str, task_id: str, stamp: int) -> TaskData | str:
    try:
        return store.tasks.glance(task_id)
    except LabError as error:
        return str(error)


def task_names() -> dict[str, str]:
    """id -> name of every task at hand, unreadable ones under their id."""
    return _unique({name: _title(_home(), name, _stamp(store.home() / "tasks" / name)) for name in store.tasks.ids()})


def task_titles() -> dict[str, str]:
    """As `task_names`, and the tasks that were deleted, called so: what experiments may refer to."""
    names, gone = task_names(), _deleted(_home(), _stamp(store.home() / "deleted"))
    return names | _unique({name: f"{title} (deleted)" for name, title in gone.items() if name not in names})


@st.cache_resource(max_entries=8, show_spinner=False)
def _deleted(home: str, stamp: int) -> dict[str, str]:
    return store.removed.names()


@st.cache_resource(max_entries=512, show_spinner=False)
def _title(home: str, task_id: str, stamp: int) -> str:
    try:
        return store.tasks.describe(task_id).name
    except LabError:
        return task_id


def own_tasks() -> list[Any]:
    """Tasks of the workspace without their rows, the one that was saved last first."""
    return _own_tasks(_home(), _stamp(store.home() / "tasks"))


@st.cache_resource(max_entries=8, show_spinner=False)
def _own_tasks(home: str, stamp: int) -> list[Any]:
    return store.tasks.newest()


@st.cache_resource(max_entries=64, show_spinner=False)
def _suite(home: str, name: str) -> Suite:
    return store.tasks.load_suite(name)


def suite(name: str) -> Suite:
    return _suite(_home(), name)


@st.cache_resource(max_entries=64, show_spinner=False)
def _suite_mark(home: str, name: str) -> SuiteMark:
    return SuiteMark.of(suite(name))


def suite_mark(name: str) -> SuiteMark:
    """What names the answers to a retention suite: counted once, as a fingerprint covers every item."""
    return _suite_mark(_home(), name)


def suite_titles() -> dict[str, str]:
    """name -> title of every retention suite at hand."""
    return _unique({name: suite(name).title for name in store.tasks.suite_names()})


def _unique(names: dict[str, str]) -> dict[str, str]:
    """Labels that stand for one thing each: where two are equal, the id is added."""
    labels = list(names.values())
    return {name: label if labels.count(label) == 1 else f"{label} ({name})" for name, label in names.items()}


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _base(home: str, kind: str, ref: str) -> Base | LabError:
    try:
        found = store.bases.resolve(kind, ref)
        demand_usable(found)
        return found
    except LabError as error:
        return error


def base(kind: str, ref: str) -> Base:
    """A Base, judged at most once a minute. Raises ModelError with the reason."""
    found = _base(_home(), kind, ref)
    if isinstance(found, LabError):
        raise found
    return found


def base_name(found: Base) -> str:
    """A base as people know it: a shipped one's or an endpoint model's name, a folder's last two names, a hub's id, a checkpoint's title."""
    if found.kind == "made":
        return next((about["title"] for about in made() if about["key"] == found.ref), "a checkpoint that is gone")
    return "/".join(Path(found.ref).parts[-2:]) if found.kind == "folder" else found.ref.split("@")[0] if found.kind == "hub" else found.ref


@st.cache_resource(ttl=10, show_spinner=False)
def devices() -> list[Any]:
    return jobs.devices()


def recorded() -> dict[str, Any] | None:
    """Results of the shipped tour as somebody's machine gave them; None where none ship."""
    path = store.SHIPPED / "recorded" / "tour.json"
    return _recorded(str(path), _stamp(path)) if path.is_file() else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _recorded(path: str, stamp: int) -> dict[str, Any]:
    return json.loads(Path(path).read_text("utf-8"))


def pretrainings() -> list[Any]:
    """RunViews of every pretraining, newest first."""
    return views("")[::-1]


def look_again() -> None:
    """This session started a pretraining: the next look shows it at once. Other entries are left alone."""
    for experiment_id in ("", None):
        _views.clear(_home(), experiment_id)
    _made.clear(_home())


@st.cache_resource(ttl=SHORT * 2, max_entries=8, show_spinner=False)
def _made(home: str) -> list[dict[str, Any]]:
    return store.bases.made(all_objectives=True)


def made(all_objectives: bool = False) -> list[dict[str, Any]]:
    """Manifests of the bases that pretrainings left, newest run first and steps ascending within a run; at most two seconds old."""
    return [about for about in _made(_home()) if all_objectives or about["objective"] == "causal"]


def cards() -> dict[str, dict[str, Any]]:
    """Name -> card of every shipped base that says how it was made: steps, curve, probes."""
    paths = {name: store.SHIPPED / "bases" / name / "card.json" for name in store.bases.shipped()}
    return {name: _recorded(str(path), _stamp(path)) for name, path in paths.items() if path.is_file()}
