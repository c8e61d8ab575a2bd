"""Views, deaths, slots and the supervisor's desk, without a supervisor."""

import os
import time

import pytest

from lab import jobs, store
from lab.core import Dpo, Event, Sft, System
from lab.jobs import deaths, hardware, launching, office, processes, watch


@pytest.fixture
def run(experiment, base, task):
    wanted = experiment("x", suites=("words",)).model_copy(update={"systems": (System(name="SD", base=base, training=(Sft(), Dpo())),)})
    made = jobs.plan(wanted)[-1]
    store.runs.create(made)
    return made


def emit(run, stage, step, total, attempt=1, **values):
    store.runs.emit(run.id, Event(at=time.time(), attempt=attempt, kind="progress", stage=stage, step=step, total=total, values=values))


def start(run, attempt=1, pid=None):
    store.runs.move(run.id, "running", attempt=attempt, pid=pid or os.getpid(), pid_created=processes.started(), started=time.time())


def test_progress_never_goes_back_and_a_training_counts_as_two_rounds_of_answers(run):
    start(run)
    seen = []
    for event in [("load", 1, 1), ("sft", 1, 2), ("dpo", 1, 2), ("evaluate", 1, 2, "toy"), ("evaluate", 1, 2, "words"),
                  ("evaluate", 2, 2, "words")]:
        emit(run, *event[:3], **({"suite": event[3]} if event[3:] else {}))
        seen.append(jobs.views()[0].progress)
    assert seen == pytest.approx([0, 0.2, 0.6, 0.85, 0.95, 1.0])
    assert jobs.views()[0].doing == "Answering Spanish words, 2 of 2", "the title as it stands on the screens, no id"
    emit(run, "sft", 1, 2, attempt=2)
    assert jobs.views()[0].progress == pytest.approx(0.2)


def test_status_and_seconds(run):
    assert (jobs.views()[0].status, jobs.views()[0].seconds) == ("queued", None)
    start(run)
    assert jobs.views()[0].status == "running" and jobs.views()[0].seconds >= 0
    store.runs.move(run.id, "running", pid_created=1.0)  # our pid, but another process's start
    assert jobs.views()[0].status == "lost"
    assert jobs.views("another") == []


def test_views_of_200_runs_are_cheap(run):
    for number in range(200):
        store.runs.create(run.model_copy(update={"id": f"run-{number}"}))
    jobs.views()
    before = time.process_time()
    assert len(jobs.views()) == 201
    assert time.process_time() - before < 0.1  # measured 12 ms


@pytest.mark.parametrize("code, became", [(0, "failed"), (1, "failed"), (-9, "queued"), (-15, "queued"), (None, "queued")])
def test_a_death_is_judged_by_how_it_came(run, code, became):
    start(run)
    store.runs.claim(run.id, 1, {"pid": 1, "created": 1.0, "slot": "cpu:0"})
    if code is not None:
        store.runs.write_exit(run.id, 1, code)
    assert deaths.derive(run.id, 1, 0) == became
    assert store.runs.state(run.id).attempt == 1


def test_an_asked_stop_is_no_failure_and_a_final_state_stays(run):
    start(run)
    store.runs.ask_to_stop(run.id, keep=False)
    store.runs.write_exit(run.id, 1, -9)
    assert deaths.derive(run.id, 1, 0) == "stopped"
    store.runs.clear_stop(run.id)
    assert deaths.derive(run.id, 1, 0) == "stopped"


def test_memory_is_named_as_the_cause_where_the_system_says_so(run, monkeypatch):
    monkeypatch.setattr(hardware, "memory_kills", lambda: 3)
    assert "because memory ran out" in deaths._killed(run.id, -9, 2).what
    assert "most often" in deaths._killed(run.id, -9, 3).what
    assert deaths._killed(run.id, -11, 3).kind == "lab"


def test_deaths_are_counted_in_a_row(run):
    for attempt, code in enumerate([-9, 0, -9, -9], start=1):
        store.runs.claim(run.id, attempt, {"pid": 1})
        store.runs.write_exit(run.id, attempt, code)
    assert [deaths.deaths_in_a_row(run.id, attempt) for attempt in (1, 2, 3, 4)] == [1, 0, 1, 2]


def test_an_attempt_is_claimed_once(run):
    assert store.runs.claim(run.id, 1, {"pid": 1}) and not store.runs.claim(run.id, 1, {"pid": 2})
    assert store.runs.claimed(run.id, 1) == {"pid": 1} and store.runs.attempts(run.id) == [1]


def test_only_failed_and_stopped_runs_resume(run, monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)
    with pytest.raises(Exception, match="queued run cannot be resumed"):
        launching.resume(run.id)
    jobs.stop(run.id)
    assert store.runs.state(run.id).name == "stopped" and store.runs.asked_to_stop(run.id)
    launching.resume(run.id)
    assert store.runs.state(run.id).name == "queued" and store.runs.asked_to_stop(run.id) is None


def test_a_process_is_named_by_pid_and_start():
    assert processes.alive(os.getpid(), processes.started())
    assert not processes.alive(os.getpid(), processes.started() + 5) and not processes.alive(None, 1.0)


def test_slots_follow_the_devices(monkeypatch):
    gpus = [hardware.Device(name="g", kind="cuda", index=index, memory_total=1, memory_free=1) for index in (0, 3)]
    assert hardware.slots(5, gpus) == ["cuda:0", "cuda:3"]
    assert hardware.slots(2, [hardware._cpu()]) == ["cpu:0", "cpu:1"]
    assert hardware.slot_environment("cuda:3", ["cuda:0", "cuda:3"])["CUDA_VISIBLE_DEVICES"] == "3"
    monkeypatch.setattr(hardware, "cores", lambda: 2)
    assert hardware.slot_environment("cpu:1", ["cpu:0", "cpu:1"]) == {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    assert jobs.devices()[0].memory_total > 0


def test_settings_survive_damage_and_refuse_nonsense():
    office.change(slots=2)
    assert office.settings().slots == 2
    with pytest.raises(ValueError):
        office.change(slots=0)
    (office.folder() / "settings.json").write_text("{")
    assert office.settings() == office.Settings()


def test_the_last_stage_is_where_a_run_died(run):
    start(run)
    emit(run, "sft", 1, 2)
    assert "Fine-tuning" in deaths._killed(run.id, -9, None).where
    assert watch.follow(run.id).stages == ["sft"]


def test_training_moves_the_progress_with_every_metric(run):
    store.runs.move(run.id, "running", attempt=1, pid=os.getpid(), pid_created=processes.started())
    for step in (0, 40):
        store.runs.emit(run.id, Event(at=time.time(), attempt=1, kind="metric", stage="sft", step=step, total=80, values={"loss": 1.0}))
    view = jobs.views()[0]
    assert view.doing == "Fine-tuning (SFT), 40 of 80" and view.progress > 0


def test_what_an_earlier_attempt_kept_outlives_a_later_plain_stop(run):
    store.runs.move(run.id, "running", attempt=1)
    store.runs.move(run.id, "stopped", kept=1)
    store.runs.move(run.id, "queued", attempt=1)
    store.runs.move(run.id, "running", attempt=2)
    assert store.runs.move(run.id, "stopped").kept == 1
