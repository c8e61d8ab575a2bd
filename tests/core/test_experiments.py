"""An Experiment knows what it was launched on, and what decides."""

import pytest
from pydantic import ValidationError

from lab import store
from lab.core import Base, Experiment, Scorer, System, Task
from lab.jobs import check
from tests.ui import workspaces

SYSTEM = System(name="base", base=Base(kind="shipped", ref="toy", fingerprint="f00d"))


def task(**changes):
    return Task(id="t", name="T", scorers=(Scorer(kind="exact_match"),), fingerprints={"train": "a", "test": "b"}, **changes)


def test_changed_rows_and_scoring_are_named():
    found = Experiment(id="e", name="E", tasks=("t",), systems=(SYSTEM,)).pinned([task()])
    assert found.changed(task()) == ()
    assert found.changed(task().model_copy(update={"fingerprints": {"train": "a", "test": "other"}})) == ("test",)
    assert found.changed(task(max_new_tokens=9)) == ("scoring",)
    assert Experiment(id="e", name="E", tasks=("t",), systems=(SYSTEM,)).changed(task()) == (), "nothing was noted: nothing is claimed"


def test_only_a_scorer_can_decide():
    with pytest.raises(ValidationError):
        Experiment(id="e", name="E", tasks=("t",), systems=(SYSTEM,), primary={"t": "beauty"})


def test_a_deciding_metric_that_the_task_is_not_scored_by_is_refused_before_launch(workspace):
    found = workspaces.experiment()
    assert check(found) == []
    (failure,) = check(found.model_copy(update={"primary": {"t-facts": "json_valid"}}))
    assert "json_valid" in failure.what and "exact_match" in failure.do


def test_what_an_experiment_declares_survives_the_disk(workspace):
    found = workspaces.experiment().model_copy(update={"id": "exp-2", "primary": {"t-facts": "exact_match"}})
    store.experiments.save(found.pinned(store.tasks.load(name).task for name in found.tasks))
    again = store.experiments.load("exp-2")
    assert again.primary == {"t-facts": "exact_match"} and set(again.data) == {"t-facts", "t-form"} and again.data["t-facts"]["test"]
