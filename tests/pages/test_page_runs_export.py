"""Export on the page Runs: what is offered, refused and found, in words that stay words. The writer itself is tested in tests/exporter."""

import json

from pages_help import opened

from lab import store
from lab.jobs import exports
from lab.ui import reads
from tests.compare.test_compare_exported import WELL
from tests.pages.test_pages_open import words
from tests.ui import workspaces


def run_of(found, name):
    return next(run for run in workspaces.runs_of(found) if run.system.name == name)


def shown(run):
    app = opened("runs", {"run": run.id})
    assert not app.exception
    return app


def labels(app):
    return [button.label for button in app.button]


def test_a_system_is_offered_once_its_run_has_finished():
    found = workspaces.experiment()
    assert "once its run has finished" in words(shown(run_of(found, "3 shots"))) and "Export" not in labels(shown(run_of(found, "3 shots")))
    workspaces.finish(run_of(found, "RAG"))
    reads._views.clear()  # one look at the processes serves everybody for a second
    app = shown(run_of(found, "RAG"))
    assert "Messages and settings" in words(app) and labels(app).count("Export") == 1


def test_a_system_whose_adapter_is_gone_says_so_instead_of_a_button():
    found = workspaces.finished()
    app = shown(run_of(found, "SFT"))
    assert "**Adapter**" in words(app) and "**Merged weights**" in words(app) and "Export" not in labels(app)
    assert words(app).replace("\\", "").count("What the System trained is no longer there") == 2


def test_a_written_export_shows_its_check_its_place_and_its_zip():
    run = run_of(workspaces.finished(), "RAG")
    folder = exports.folder(run.id, "messages")
    store.files.write_json(folder / "check.json", WELL | {"form": "messages"})
    app = shown(run)
    assert "8 of 8 prompts are those that were sent" in words(app).replace("\\", "")
    assert any(block.value == str(folder) for block in app.code) and "Remove" in labels(app)
    assert [each.label for each in app.get("download_button")][-1] == "Download as zip"


def test_what_differs_stands_on_the_run_and_in_the_health_read_out():
    found = workspaces.finished()
    run = run_of(found, "RAG")
    store.files.write_json(exports.folder(run.id, "messages") / "check.json", WELL | {"form": "messages", "answers": {"n": 8, "equal": 5, "reason": ""}})
    assert "3 of 8 greedy answers differ from those that were scored" in words(shown(run))
    app = opened("compare", {"experiment": found.id, "task": run.task, "compare_view": "Cost and health"})
    assert not app.exception
    assert "3 of 8 greedy answers differ" in json.dumps([str(each.proto) for each in app.get("bidi_component")]), "a line of the health table"


def test_a_writer_s_failure_is_drawn_as_plain_text_and_can_be_tried_again():
    run = run_of(workspaces.finished(), "RAG")
    exports.announce(run.id, "messages", failure={"kind": "disk", "what": workspaces.NASTY, "where": "here", "do": "Free some space"})
    app = shown(run)
    assert workspaces.NASTY in [each.value for each in app.text] and "Export" in labels(app)
    app.button(key=f"runs_export_output_{run.id}_messages")
