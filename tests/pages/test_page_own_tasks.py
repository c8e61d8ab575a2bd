"""A Task of one's own can be renamed and deleted on Data; every page that showed it goes on without it."""

import pytest
from pages_help import opened

from lab import jobs, store
from lab.core import DataError
from lab.jobs import office
from lab.ui import reads, scored
from tests.ui import workspaces

VIEWS = ("Scoreboard", "Forgetting", "Curves", "Cost and health", "Outputs", "Votes")


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)


def words(app):
    return " ".join(part.value for kind in ("text", "markdown", "caption", "info", "warning") for part in getattr(app, kind))


def deleted(task="t-facts"):
    app = opened("data", {"task": task})
    app.checkbox(key=f"data_delete_sure_{task}").check().run()
    app.button(key=f"data_delete_{task}").click().run()
    assert not app.exception and task not in store.tasks.ids()
    return app


def test_a_shipped_task_offers_no_change():
    app = opened("data", {"task": "form"})
    assert "ships with the lab" in words(app) and not [button for button in app.button if button.key and button.key.startswith("data_delete")]


def test_a_renamed_task_has_its_name_on_every_page_and_its_results_stay(workspace):
    found = workspaces.finished()
    before = scored.board(found.id)
    app = opened("data", {"task": "t-facts"})
    app.text_input(key="data_rename_to_t-facts").set_value("Facts about towns")
    app.button(key="data_rename_go_t-facts").click().run()
    assert not app.exception and app.selectbox(key="_task_widget").format_func("t-facts") == "Facts about towns"
    app = opened("compare", {"experiment": found.id, "task": "t-facts"})
    assert not app.exception and app.selectbox(key="_task_widget").format_func("t-facts") == "Facts about towns"
    after = scored.board(found.id)
    assert set(after["need"]) == {"Facts about towns", "Strict form made up"} != set(before["need"]) and list(after["value"]) == list(before["value"])
    assert reads.task("t-facts").task.name == "Facts about towns", "no page shows the name from before"


def test_a_task_in_use_is_deleted_only_after_a_second_word_and_says_who_uses_it(workspace):
    found = workspaces.finished(name="Which lever moves facts?")
    app = opened("data", {"task": "t-facts"})
    assert "1 experiment uses this task" in words(app) and found.name in words(app)
    assert app.button(key="data_delete_t-facts").disabled
    app = deleted()
    assert app.selectbox(key="_task_widget").value != "t-facts"


def test_a_task_is_not_deleted_while_runs_that_need_it_wait_or_run(workspace):
    workspaces.experiment()
    app = opened("data", {"task": "t-facts"})
    app.checkbox(key="data_delete_sure_t-facts").check().run()
    app.button(key="data_delete_t-facts").click().run()
    assert "not deleted" in words(app) and "wait or run" in words(app) and "t-facts" in store.tasks.ids()


def test_finished_runs_keep_their_scores_when_their_task_is_deleted(workspace):
    found = workspaces.finished()
    before = [(o.system, o.task, sorted(o.evaluations)) for o in scored.outcomes(found.id)]
    deleted()
    reads.st.cache_resource.clear()  # as in an app that was started after it
    assert [(o.system, o.task, sorted(o.evaluations)) for o in scored.outcomes(found.id)] == before and before[0][2]


def test_compare_shows_a_deleted_tasks_scores_and_says_what_is_gone(workspace):
    found = workspaces.finished()
    deleted()
    reads.st.cache_resource.clear()
    for view in VIEWS:
        app = opened("compare", {"experiment": found.id, "task": "t-facts", "compare_view": view})
        assert not app.exception and app.selectbox(key="_task_widget").format_func("t-facts") == "New facts made up (deleted)", view
        assert ("The task was deleted" in words(app)) == (view in ("Scoreboard", "Outputs")), view


def test_every_page_opens_when_all_tasks_of_an_experiment_were_deleted(workspace):
    found = workspaces.finished()
    for task in found.tasks:
        store.removed.task(task)
    reads.st.cache_resource.clear()
    for page in ("start", "runs", "ask", "vote", "retrieval", "build", "data", "evidence"):
        app = opened(page, {"experiment": found.id, "task": "t-facts"})
        assert not app.exception, page
        assert ("The task was deleted" in words(app)) == (page in ("ask", "vote")), page
        assert page != "runs" or any("(deleted)" in task for frame in app.dataframe if "Task" in frame.value for task in frame.value["Task"])


def test_a_task_that_was_ticked_on_build_and_deleted_elsewhere_is_no_longer_ticked(workspace):
    workspaces.task("t-own", "Own")
    app = opened("build")
    app.multiselect(key="build_tasks").set_value(["t-own", "form"]).run()
    store.removed.task("t-own")
    app.run()
    assert not app.exception and app.multiselect(key="build_tasks").value == ["form"]


def test_a_stopped_run_whose_task_was_deleted_cannot_be_resumed_and_says_why(workspace):
    found = workspaces.experiment()
    runs = workspaces.runs_of(found)
    for run in runs:
        jobs.stop(run.id)
    deleted()
    mine = next(run for run in runs if run.task == "t-facts")
    with pytest.raises(DataError, match="no longer"):
        jobs.resume(mine.id)
    assert store.runs.state(mine.id).name == "stopped"
