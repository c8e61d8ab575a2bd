"""Every page opens on an empty, a running, a finished and a broken workspace, and says what is there."""

import os

import pytest
from pages_help import opened
from streamlit.testing.v1 import AppTest

from tests.ui import workspaces

PAGES = {"start": "Which lever should we pull?", "data": "Data", "retrieval": "Retrieval", "build": "Build an experiment",
         "pretrain": "Pretrain", "runs": "Runs", "compare": "Compare", "ask": "Ask", "vote": "Vote", "evidence": "Evidence"}
KINDS = {"empty": lambda: None, "running": lambda: workspaces.running(os.getpid()), "finished": workspaces.finished, "broken": workspaces.broken}


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """One workspace of each kind; the pages only read them."""
    before, found = os.environ.get("LAB_HOME"), {}
    for kind, make in KINDS.items():
        found[kind] = tmp_path_factory.mktemp(kind)
        os.environ["LAB_HOME"] = str(found[kind])
        make()
    os.environ.pop("LAB_HOME") if before is None else os.environ.update(LAB_HOME=before)
    return found


def words(app: AppTest) -> str:
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "text", "info", "warning", "header") for element in getattr(app, kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(homes, monkeypatch, kind, page):
    monkeypatch.setenv("LAB_HOME", str(homes[kind]))
    app = opened(page)
    assert not app.exception
    assert [title.value for title in app.title] == [PAGES[page]]


def test_empty_results_offer_the_tour(homes, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(homes["empty"]))
    for page in ("runs", "compare", "ask"):
        links = [link.label for link in opened(page).get("page_link")]
        assert "Run the tour" in links, page


def test_a_running_workspace_says_what_it_does(homes, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(homes["running"]))
    app = opened("start")
    assert "5 of 12 runs ended" in app.get("progress")[0].proto.text
    assert "Aligning" in words(app)
    assert {"Stop", "Stop and keep"} <= {button.label for button in opened("runs").button}


def test_a_broken_workspace_shows_failures_and_hides_nothing(homes, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(homes["broken"]))
    app = opened("runs")
    rows = app.dataframe[0].value
    assert {"✕ failed", "■ stopped", "? lost", "✓ finished"} <= set(rows["Status"])
    assert any("2 files" in part.label for part in app.expander), "the damaged run and the damaged experiment"
    assert "Resume" in {button.label for button in app.button}


def test_a_run_that_failed_says_what_where_and_what_to_do(homes, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(homes["broken"]))
    from lab import store
    failed = next(name for name in store.runs.ids() if store.runs.state(name).failure and store.runs.state(name).failure.kind == "memory")
    shown = words(opened("runs", {"run": failed}))
    assert "SFT, step 12" in shown and "Use a smaller batch size" in shown
    assert workspaces.NASTY in shown, "the words stand as they are: drawn as plain text"


def test_the_url_chooses_experiment_run_task_and_reference(homes, monkeypatch):
    monkeypatch.setenv("LAB_HOME", str(homes["finished"]))
    app = opened("compare", {"task": "t-form", "reference": "RAG", "compare_view": "Outputs"})
    chosen = {box.label: box.value for box in app.selectbox}
    assert chosen["Task"] == "t-form" and chosen["Reference"] == "RAG"
    assert opened("compare", {"task": "no-such-task"}).selectbox(key="_task_widget").value == "t-facts"


@pytest.mark.parametrize("view", ["Scoreboard", "Forgetting", "Curves", "Cost and health", "Outputs", "Votes"])
def test_every_view_of_compare_opens(homes, monkeypatch, view):
    for kind in ("finished", "running", "broken"):
        monkeypatch.setenv("LAB_HOME", str(homes[kind]))
        assert not opened("compare", {"compare_view": view}).exception
