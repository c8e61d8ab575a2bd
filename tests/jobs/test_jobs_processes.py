"""Runs survive what happens to the processes around them. Real processes, a toy worker."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from jobs_help import of_workspace, state, supervisor, toy_lines, until, warm_parent

from lab import jobs, store
from lab.jobs import office, processes


def starts(run_id=None):
    return [line for line in toy_lines() if line["what"] == "start" and run_id in (None, line["run"])]


def running(run_id):
    return lambda: store.runs.state(run_id).name == "running" and starts(run_id) and store.runs.state(run_id).pid


def ended(*runs):
    return lambda: all(state(run.id) in ("finished", "failed", "stopped") for run in runs)


def exit_code(run_id, attempt):
    """How an attempt ended; the file comes a moment after the run's final state."""
    until(lambda: store.runs.read_exit(run_id, attempt) is not None)
    return store.runs.read_exit(run_id, attempt)


def test_two_launches_have_one_supervisor_and_end_in_order(toys, experiment):
    first = jobs.launch(experiment("sleep 0.3", "quick"))
    who = office.who()
    second = jobs.launch(experiment("quick"))
    assert office.who() == who
    until(ended(*first, *second))
    assert [line["run"] for line in starts()] == [run.id for run in (*first, *second)]
    assert {view.status for view in jobs.views()} == {"finished"}
    assert all(exit_code(run.id, 1) == 0 for run in (*first, *second))


def test_a_second_supervisor_leaves_at_once(toys):
    jobs.ensure_supervisor()
    second = subprocess.run([sys.executable, "-m", "lab.jobs.supervisor"], cwd=processes.ROOT, capture_output=True, text=True, timeout=20)
    assert second.returncode == 0 and "another supervisor" in second.stdout


def test_killed_supervisor_is_replaced_and_nothing_starts_twice(toys, experiment):
    runs = jobs.launch(experiment("sleep 2", "quick"))
    worker = until(running(runs[0].id))
    old = supervisor()
    old.kill()
    until(lambda: not jobs.supervisor_alive())
    assert psutil.pid_exists(worker) and jobs.views()[0].status == "running"
    jobs.ensure_supervisor()
    assert supervisor().pid != old.pid
    until(ended(*runs))
    assert [state(run.id) for run in runs] == ["finished", "finished"]
    assert len(starts()) == 2
    assert exit_code(runs[0].id, 1) == 0  # its old warm parent stayed to write it down


def test_supervisor_killed_again_and_again_loses_no_run(toys, experiment):
    runs = jobs.launch(experiment(*(f"sleep 0.{number}" for number in range(1, 7))), slots=2)
    for number in range(1, 7):
        until(lambda: len(starts()) >= number)
        if jobs.supervisor_alive():
            supervisor().kill()
            until(lambda: not jobs.supervisor_alive())
        jobs.ensure_supervisor()
    until(ended(*runs), 30)
    assert {state(run.id) for run in runs} == {"finished"}
    assert sorted(line["run"] for line in starts()) == sorted(run.id for run in runs)


def test_an_updated_program_takes_over_and_its_worker_goes_on(toys, experiment):
    runs = jobs.launch(experiment("sleep 2", "quick"))
    until(running(runs[0].id))
    (processes.ROOT / "lab" / "__init__.py").touch()
    until(ended(*runs))
    assert [state(run.id) for run in runs] == ["finished", "finished"] and len(starts()) == 2
    assert "starting again from its new files" in office.log().read_text()


def test_killed_worker_is_resumed(toys, experiment):
    (run,) = jobs.launch(experiment("sleep 0.5"))
    os.kill(until(running(run.id)), signal.SIGKILL)
    until(ended(run))
    assert state(run.id) == "finished" and store.runs.state(run.id).attempt == 2
    assert exit_code(run.id, 1) == -9 and exit_code(run.id, 2) == 0
    assert any("signal 9" in event.get("message", "") for event in store.runs.events(run.id)[0])


def test_worker_that_keeps_dying_fails_with_the_reason(toys, experiment):
    (run,) = jobs.launch(experiment("suicide 3"))
    until(ended(run))
    failure = store.runs.state(run.id).failure
    assert state(run.id) == "failed" and len(starts(run.id)) == 3
    assert failure.kind == "memory" and "signal 9" in failure.what and "SFT" in failure.where and "batch" in failure.do
    jobs.resume(run.id)
    until(lambda: state(run.id) == "finished")
    assert store.runs.state(run.id).failure is None


def test_crash_is_the_runs_own_failure(toys, experiment):
    (run,) = jobs.launch(experiment("crash"))
    until(ended(run))
    failure = store.runs.state(run.id).failure
    assert state(run.id) == "failed" and len(starts()) == 1
    assert "exit code 1" in failure.what and "the toy broke" in failure.what


def test_killed_warm_parent_is_replaced_and_its_worker_goes_on(toys, experiment):
    runs = jobs.launch(experiment("sleep 1", "quick"))
    until(running(runs[0].id))
    warm_parent().kill()
    until(ended(*runs))
    assert [state(run.id) for run in runs] == ["finished", "finished"] and len(starts()) == 2


def test_warm_parent_leaves_after_its_supervisor(toys, experiment):
    (run,) = jobs.launch(experiment("sleep 0.5"))
    until(running(run.id))
    supervisor().kill()
    until(lambda: not of_workspace(toys))
    assert state(run.id) == "finished" and exit_code(run.id, 1) == 0


def test_stop_of_a_working_run(toys, experiment):
    runs = jobs.launch(experiment("sleep 60", "quick"))
    until(running(runs[0].id))
    jobs.stop(runs[0].id)
    until(ended(*runs))
    assert [state(run.id) for run in runs] == ["stopped", "finished"]
    jobs.stop(runs[0].id)
    assert store.runs.state(runs[0].id).attempt == 1


def test_stop_of_a_queued_run_is_at_once(toys, experiment):
    runs = jobs.launch(experiment("sleep 0.5", "quick"))
    jobs.stop(runs[1].id)
    assert state(runs[1].id) == "stopped"
    until(ended(*runs))
    assert state(runs[0].id) == "finished" and not starts(runs[1].id)


def test_stop_ends_the_whole_tree(toys, experiment):
    office.change(stop_seconds=0.3)
    (run,) = jobs.launch(experiment("stubborn"))
    until(lambda: any(line["what"] == "dug in" for line in toy_lines()))
    assert len(processes.of_run(run.id)) == 3
    jobs.stop(run.id)
    until(lambda: state(run.id) == "stopped", 10)
    assert processes.of_run(run.id) == []


def test_what_a_killed_worker_leaves_behind_is_ended(toys, experiment):
    (run,) = jobs.launch(experiment("stubborn"))
    until(lambda: any(line["what"] == "dug in" for line in toy_lines()))
    store.runs.ask_to_stop(run.id, keep=False)
    os.kill(store.runs.state(run.id).pid, signal.SIGKILL)
    until(lambda: state(run.id) == "stopped")
    assert processes.of_run(run.id) == []


def test_killed_app_stops_nothing(toys, experiment, tmp_path):
    (tmp_path / "experiment.json").write_text(experiment("sleep 0.5", "quick").model_dump_json())
    app = subprocess.Popen([sys.executable, "-c", "import sys, time, pathlib; from lab import core, jobs;"
                            "jobs.launch(core.Experiment.model_validate_json(pathlib.Path(sys.argv[1]).read_text()));"
                            "print('launched', flush=True); time.sleep(60)", str(tmp_path / "experiment.json")],
                           cwd=processes.ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert app.stdout.readline() == "launched\n"
    os.killpg(app.pid, signal.SIGKILL)
    app.wait()
    app.stdout.close()
    until(lambda: len(jobs.views()) == 2 and {view.status for view in jobs.views()} == {"finished"})


def test_slots_work_side_by_side_and_never_have_two_owners(toys, experiment):
    runs = jobs.launch(experiment(*(f"sleep 0.{number}" for number in range(1, 9)), "suicide 1", "quick"), slots=3)
    until(ended(*runs), 30)
    assert {state(run.id) for run in runs} == {"finished"}
    assert {line["slot"] for line in starts()} == {"cpu:0", "cpu:1", "cpu:2"}


@pytest.mark.parametrize("verb", ["quick", "suicide 1", "crash"])
def test_without_a_fork_all_is_the_same(toys, experiment, monkeypatch, verb):
    monkeypatch.setenv("LAB_SPAWN", "1")
    (run,) = jobs.launch(experiment(verb))
    until(ended(run))
    assert state(run.id) == ("failed" if verb == "crash" else "finished")
    assert len(starts(run.id)) == (2 if verb == "suicide 1" else 1)


def test_worker_that_cannot_be_imported_fails_with_its_log(toys, experiment, monkeypatch):
    monkeypatch.setenv("LAB_WORKER", "no_such_module:work")
    (run,) = jobs.launch(experiment("quick"))
    until(ended(run))
    assert "no_such_module" in store.runs.state(run.id).failure.what


def test_damaged_run_is_refused_and_the_others_go_on(toys, experiment):
    office.change(slots=1)
    runs = jobs.launch(experiment("sleep 0.5", "quick", "quick 1"))
    (store.runs.folder(runs[1].id) / "run.json").write_text("{")
    until(lambda: state(runs[2].id) == "finished")
    until(lambda: state(runs[1].id) == "failed")
    assert [failure.kind for failure in jobs.unreadable()] == ["data"]
    assert len(jobs.views()) == 2


def test_supervisor_ends_when_idle_and_the_next_launch_starts_it(toys, experiment):
    office.change(idle_seconds=0.5)
    (first,) = jobs.launch(experiment("sleep 1"))
    until(lambda: not jobs.supervisor_alive())
    assert state(first.id) == "finished"
    until(lambda: not of_workspace(toys))
    (second,) = jobs.launch(experiment("quick"))
    until(ended(second))
    assert state(second.id) == "finished"


def test_run_without_its_process_is_lost_until_a_supervisor_comes(toys, experiment):
    (run,) = jobs.launch(experiment("sleep 30"))
    worker = until(running(run.id))
    supervisor().kill()
    os.kill(worker, signal.SIGKILL)
    until(lambda: jobs.views()[0].status == "lost")
    jobs.ensure_supervisor()
    until(lambda: store.runs.state(run.id).attempt == 2 and running(run.id)())
    jobs.stop(run.id)
    until(lambda: state(run.id) == "stopped")


def test_grace_is_longer_when_the_work_is_kept():
    assert (office.settings().stop_seconds, office.settings().keep_seconds) == (20, 120)
