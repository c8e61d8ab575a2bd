"""The evidence's grid: every claim finds its Systems in it, equal parts share their keys, arms take the steps they should."""

import math
from functools import lru_cache

import pytest

from lab import jobs, store
from lab.compare import CLAIMS, family_of
from lab.compare.claims import ABILITIES, COMMON
from lab.core import DataError, Experiment, Sft, System, TaskData, adapter_key, training_rows
from lab.core.tasks import Example, Preference, Scorer, Task
from lab.jobs import evidence as grid
from lab.jobs import launching, office


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """Tasks of the shipped shape with rows that cost nothing to read."""
    real = store.tasks.load
    monkeypatch.setattr(store.tasks, "load", lambda name: _made_up(name) if name in grid.SYSTEMS else real(name))


@pytest.fixture
def planned(made_up):
    """task -> its Experiment."""
    return {experiment.tasks[0]: experiment for experiment in grid.experiments()}


@lru_cache
def _made_up(name):
    def rows(split, count, **slices):
        return [Example(id=f"{split}{slices}{n}", prompt=f"{n}?", answer="a", split=split, slices=slices) for n in range(count)]

    materials = {"document": 60, "more wordings": 180, "question": 208}
    train = [row for material, count in materials.items() for row in rows("train", count, material=material)] if name == "facts" else \
        rows("train", 2_048 if name == "labels" else 40)
    return TaskData(task=Task(id=name, name=name, scorers=(Scorer(kind="exact_match"),)), examples=(*train, *rows("validation", 4), *rows("test", 20)),
                    preferences=(Preference(id="p", prompt="?", chosen="a", rejected="b"),)).sealed()


def test_every_claim_finds_its_systems_and_suites(planned):
    for claim in CLAIMS:
        experiment = planned[claim.task]
        names = {system.name for system in experiment.systems}
        assert set(claim.systems) <= names, claim.id
        asked = set(experiment.suites) or set(store.tasks.suite_names())
        assert set(claim.suites) <= asked, claim.id
        if claim.measure in ("own_best", "matched"):
            assert {"LoRA", "full"} <= {family_of(system) for system in experiment.systems}
        assert grid.TASKS[claim.group] == claim.task, "a group's claims are decided from the task that --only runs for it"
    assert {claim.group for claim in CLAIMS} == set(grid.TASKS)
    assert set(ABILITIES) <= set(planned["form"].suites) and all(set(COMMON) <= set(experiment.suites) for experiment in planned.values())
    trained = sum(bool(system.training) for experiment in planned.values() for system in experiment.systems)
    assert trained * len(grid.SEEDS) >= 20, "enough runs for a rank correlation"


def test_equal_parts_share_their_keys_and_no_arm_is_made_twice(planned):
    for name, experiment in planned.items():
        task = store.tasks.load(name).task
        keys = {}
        for system in experiment.systems:
            if system.training:
                keys.setdefault(adapter_key(system, task, 1), []).append(system.name)
        assert sorted(map(sorted, keys.values())) == sorted(keys.values()), name
        assert [shared for shared in keys.values() if len(shared) > 1] in ([], [["SFT", "RAG + SFT"]]), (name, keys)
    lora = [system for system in planned["form"].systems if family_of(system) == "LoRA"]
    assert len({system.training[0].learning_rate for system in lora}) == len(lora) >= len(grid.LORA_RATES)
    first, again = grid.experiments(("form",))[0], grid.experiments(("forgetting",))[0]
    assert first.id != again.id and first.systems == again.systems


def steps(stage: Sft, rows: int) -> int:
    """Optimizer steps of a stage: whole epochs of batches, a part of the last one."""
    return math.ceil(stage.epochs * math.ceil(rows / stage.batch_size) - 1e-2)


def test_document_arms_take_equally_many_steps(planned):
    data = store.tasks.load("facts")
    arms = {system.name: system.training[0] for system in planned["facts"].systems if system.training}
    counts = {name: len(training_rows(data.split("train"), stage.rows)) for name, stage in arms.items()}
    assert counts == {"SFT, one wording": 60, "SFT, several wordings": 240, "SFT, wordings and questions": 448}
    assert all(stage.tuning == "full" and abs(steps(stage, counts[name]) - grid.DOCUMENT_STEPS) <= 1 for name, stage in arms.items())


def test_few_labels_are_not_starved_of_steps_and_many_do_not_take_for_ever(planned):
    arms = {system.training[0].examples: system.training[0] for system in planned["labels"].systems if system.training}
    assert set(arms) == set(grid.LABELS)
    assert all(grid.FEWEST_STEPS <= steps(stage, count) <= grid.MOST_STEPS + 1 for count, stage in arms.items())


def test_only_some_groups_some_seeds_and_unknown_ones():
    found = grid.experiments(("tone", "form", "forgetting"), (0,))
    assert [experiment.tasks for experiment in found] == [("tone",), ("form",)] and {experiment.seeds for experiment in found} == {(0,)}
    with pytest.raises(DataError, match="no group nonsense"):
        grid.experiments(("nonsense",))


def test_rows_that_a_task_does_not_have_are_said(monkeypatch):
    bare = _made_up("labels")
    with pytest.raises(DataError, match="no training rows with material=document"):
        grid.SYSTEMS["facts"](store.bases.resolve("shipped", store.bases.shipped()[0]), bare)
    few = bare.model_copy(update={"examples": bare.examples[:100]})
    with pytest.raises(DataError, match="100 training rows"):
        grid.SYSTEMS["labels"](store.bases.resolve("shipped", store.bases.shipped()[0]), few)


def test_the_newest_grid_of_each_task_is_found_and_unfinished_ones_are_told_apart(base, task):
    def save(name):
        store.experiments.save(Experiment(id=name, name="x", tasks=(task.id,), systems=(System(name="base", base=base),)))
        for run in jobs.plan(store.experiments.load(name)):
            store.runs.create(run)
            yield run

    old, new = "evidence-tone-20260101-000000-ffffff", "evidence-tone-20260102-000000-aaaaaa"
    for run in save(old):
        store.runs.move(run.id, "stopped")
    list(save(new))
    list(save("tour-20260103-000000-aaaaaa"))
    assert grid.newest() == {"tone": new} and grid.newest(finished_only=True) == {"tone": old}
    assert grid.task_of("tour-20260103-000000-aaaaaa") == "" and grid.task_of("evidence-nonsense-1-2-3") == ""


def test_nothing_is_launched_where_one_of_them_could_not_end_well(monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)
    monkeypatch.setattr(launching.office, "ping", lambda: None)
    good = grid.experiments(("tone",), (0,))[0]
    bad = good.model_copy(update={"id": "evidence-form-20260101-000000-ffffff", "suites": ("nosuite",)})
    with pytest.raises(DataError, match="suite does not exist"):
        grid.launch_all([good, bad])
    assert store.experiments.ids() == [] and store.runs.ids() == []
    assert grid.launch_all([good]) == {"tone": good.id} and len(store.runs.ids()) == 3
