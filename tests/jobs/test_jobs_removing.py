"""Deleting what runs need is refused while they wait or run; the shell's words for tasks."""

import pytest

from lab import cli, store
from lab.core import AccessError, DataError
from lab.jobs import removing
from tests.ui import workspaces


def test_a_task_is_kept_for_runs_that_wait_run_or_were_lost_and_goes_when_they_have_ended(workspace):
    found = workspaces.experiment()
    runs = [run for run in workspaces.runs_of(found) if run.task == "t-facts"]
    workspaces.start(runs[0])  # without a process behind it: lost, and to be resumed
    for run in runs[1:]:
        store.runs.move(run.id, "stopped")
    with pytest.raises(AccessError, match="1 run that needs this task waits or runs"):
        removing.delete_task("t-facts")
    store.runs.move(runs[0].id, "stopped")
    removing.delete_task("t-facts")
    assert "t-facts" not in store.tasks.ids() and "t-form" in store.tasks.ids()
    with pytest.raises(DataError):
        removing.delete_task("t-facts")


def test_only_downloads_are_deleted_as_downloads(workspace):
    for key in ("base-3-run-1", "0123456789abcdef"):
        with pytest.raises(DataError, match="no download"):
            removing.delete_download(key)
    with pytest.raises(DataError, match="already"):
        removing.delete_download("hub-0123456789abcdef")


def test_the_shell_lists_renames_and_deletes_and_asks_twice_for_a_task_in_use(workspace, capsys):
    found = workspaces.finished(name="Which lever moves facts?")
    assert cli.main(["tasks"]) == 0 and "t-facts  New facts made up" in capsys.readouterr().out
    assert cli.main(["tasks", "--rename", "t-facts", "Facts about towns"]) == 0
    assert "Facts about towns" in capsys.readouterr().out and store.tasks.describe("t-facts").name == "Facts about towns"
    assert cli.main(["tasks", "--delete", "t-facts"]) == 1
    assert found.name in capsys.readouterr().err and "t-facts" in store.tasks.ids()
    assert cli.main(["tasks", "--delete", "t-facts", "--anyway"]) == 0 and "t-facts" not in store.tasks.ids()
    assert cli.main(["tasks", "--delete", "form"]) == 1 and "ships with the lab" in capsys.readouterr().err
