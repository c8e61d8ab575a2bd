"""Bases and data sets from a hub, as the Build and Data pages show them; the hub is a real server on the loopback address."""

import subprocess
import sys

import pytest

from lab import store
from lab.core import DataError, Experiment, System
from lab.jobs import answerer, downloads, office, plan, processes, removing
from lab.jobs import hub as looker
from lab.ui import hub
from tests.jobs import hub_server
from tests.jobs.hub_files import ROWS, TOKEN, tiny_files
from tests.jobs.jobs_help import until
from tests.pages.pages_help import opened


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)


def looked(app, name="team/tiny", prefix="build"):
    app.text_input(key=f"{prefix}_hub_name").set_value(name)
    return app.button(key=f"{prefix}_hub_go").click().run()


def hub_chosen():
    app = opened("build")
    return app.selectbox(key="build_base").set_value("From a hub …").run()


def shown(app):
    return " ".join(each.value for kind in ("text", "caption", "markdown", "warning", "success") for each in app.get(kind))


def test_a_model_is_looked_at_downloaded_and_chosen(served):
    served(hub_server.Repo(tiny_files(1_000_000), piece=50_000, pause=0.1))
    app = looked(hub_chosen())
    assert not app.exception
    assert "**1\\.0 MB**" in shown(app) and "**mit**" in shown(app) and "**open**" in shown(app)
    assert [list(each.value["File"])[0] for each in app.dataframe] == ["model.safetensors"]
    app.button(key="build_hub_download").click().run()
    key = downloads.unfinished()[0].key
    assert app.button(key=f"build_hub_close_{key}") and not [button for button in app.button if button.key == "build_hub_download"]
    until(lambda: downloads.progress(key).state == "finished", 60)
    app.run()
    assert not app.exception
    assert app.selectbox(key="build_base").value == f"team/tiny@{hub_server.COMMIT}", "what was downloaded is chosen"
    assert "Fingerprint" in shown(app) and any(expander.label == "Model card" for expander in app.expander)
    app.selectbox(key="build_base").set_value("From a hub …").run()
    looked(app)
    app.button(key="build_hub_use").click().run()
    assert app.selectbox(key="build_base").value == f"team/tiny@{hub_server.COMMIT}"


def test_a_download_can_be_cancelled_and_one_that_was_interrupted_goes_on(served):
    one = served(hub_server.Repo(tiny_files(2_000_000), piece=10_000, pause=0.1))
    app = looked(hub_chosen())
    app.button(key="build_hub_download").click().run()
    begun = downloads.unfinished()[0]
    app.button(key=f"build_hub_close_{begun.key}").click().run()
    assert not app.exception and downloads.unfinished() == [] and not app.button(key="build_hub_download").disabled
    one.repos["team/tiny"].pause = 0.0
    downloads.write(begun.model_copy(update={"done": 5_000}))
    app.run()
    assert "was interrupted. 5.0 kB of 2.0 MB are there." in shown(app)
    app.button(key=f"build_hub_play_arrow_{begun.key}").click().run()
    until(lambda: downloads.progress(begun.key).state == "finished", 60)


def test_a_gated_model_cannot_be_started_without_a_token_and_can_with_one(served, monkeypatch):
    served(hub_server.Repo(tiny_files(), token=TOKEN))
    app = looked(hub_chosen())
    assert "gated, closed to you" in shown(app) and "set HF_TOKEN" in shown(app) and app.button(key="build_hub_download").disabled
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    looked(app)
    assert "gated, open to you" in shown(app) and not app.button(key="build_hub_download").disabled and TOKEN not in shown(app)


@pytest.mark.parametrize("name, words", [("../../etc", "This is not a repository's id"), ("team/none", "no such repository"), ("team/tiny", "remote code")])
def test_refusals_are_said_on_the_page_with_the_way_out(served, name, words):
    served(hub_server.Repo({**tiny_files(), "config.json": b'{"auto_map": {}}'}))
    app = looked(hub_chosen(), name)
    assert not app.exception and words in shown(app) and "What to do" in shown(app)
    assert not [button for button in app.button if button.key == "build_hub_download"]


def test_without_a_hub_the_page_says_so_and_names_what_is_there(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    app = looked(hub_chosen())
    assert not app.exception and "HF_HUB_OFFLINE is set" in shown(app)
    assert f"Without a hub there are: {hub.text.label(store.bases.shipped()[0])}" in shown(app) and "any local folder" in shown(app)


def test_tables_of_a_data_set_are_chosen_downloaded_and_read_like_an_upload(served):
    served(hub_server.Repo({"data/train-0.csv": ROWS, "data/test.csv": ROWS.replace(b"What is", b"How much is"), "load.py": b""}, kind="dataset"))
    app = looked(opened("data", {"data_mode": "Bring your own files"}), prefix="dataset")
    assert not app.exception
    picked = app.multiselect(key="dataset_hub_files")
    assert len(picked.options) == 2 and "test" in " ".join(picked.options)
    picked.set_value(["data/train-0.csv", "data/test.csv"]).run()
    app.button(key="dataset_hub_download").click().run()
    until(lambda: len(store.downloads.there(store.downloads.DATA)) == 1 and not downloads.unfinished(), 60)
    app.run()
    assert not app.exception and "80 rows" in shown(app)
    next(field for field in app.text_input if field.key.startswith("data_name")).set_value("From a hub").run()
    app.button(key="data_save").click().run()
    saved = store.tasks.load(next(name for name in store.tasks.ids() if name.startswith("from-a-hub")))
    assert saved.task.counts["test"] == 40 and saved.task.counts["train"] + saved.task.counts["validation"] == 40


def test_sizes_are_said_as_a_hub_says_them():
    assert [hub.size(count) for count in (0, 999, 1_000, 1_060_000, 2_300_000_000)] == ["0 bytes", "999 bytes", "1.0 kB", "1.1 MB", "2.3 GB"]


def downloaded(served, kind="model"):
    """What is on this machine after a whole download, as `downloads.there` tells it."""
    if kind == "model":
        served(hub_server.Repo(tiny_files(1_000_000)))
    else:
        served(hub_server.Repo({"data/train.csv": ROWS}, kind="dataset"))
    key = downloads.start(looker.look("team/tiny", kind=kind))
    until(lambda: downloads.progress(key).state == "finished", 60)
    return store.downloads.there(store.downloads.MODEL if kind == "model" else store.downloads.DATA)[0]


def test_a_downloaded_model_is_shown_with_its_size_and_can_be_deleted(served):
    key = downloaded(served)["key"]
    app = hub_chosen()
    assert any("Downloaded models: 1, 1.0 MB" in expander.label for expander in app.expander) and "team/tiny" in shown(app)
    app.button(key=f"build_hub_delete_{key}").click().run()
    assert not app.exception and store.bases.downloaded() == [] and not any("Downloaded models" in each.label for each in app.expander)
    assert downloads.progress(key) is None, "it can be downloaded again"


def test_a_model_that_was_deleted_elsewhere_meanwhile_says_so(served):
    key = downloaded(served)["key"]
    app = hub_chosen()
    button = app.button(key=f"build_hub_delete_{key}")
    with pytest.raises(DataError, match="deleted already"):
        for _ in range(2):
            removing.delete_download(key)
    button.click().run()
    assert not app.exception


def test_a_model_that_a_waiting_run_needs_is_not_deleted_and_goes_once_the_run_was_stopped(served, small_task):
    about = downloaded(served)
    base = store.bases.resolve("hub", f"{about['repo']}@{about['commit']}")
    found = Experiment(id="e", name="On it", tasks=("small",), systems=(System(name="bare", base=base),))
    runs = plan(found)
    for run in runs:
        store.runs.create(run)
    app = hub_chosen()
    app.button(key=f"build_hub_delete_{about['key']}").click().run()
    assert "waits or runs (bare)" in shown(app) and "Stop them" in shown(app) and store.bases.downloaded()
    for run in runs:
        store.runs.move(run.id, "stopped")
    app.button(key=f"build_hub_delete_{about['key']}").click().run()
    assert not app.exception and store.bases.downloaded() == []


def test_a_model_that_answers_questions_leaves_memory_when_it_is_deleted(served, workspace):
    about = downloaded(served)
    base = store.bases.resolve("hub", f"{about['repo']}@{about['commit']}")
    held = subprocess.Popen([sys.executable, "-c", ANSWERING, base.fingerprint], env=processes.environment(), cwd=processes.ROOT)
    until(lambda: removing.answers_now(f"{about['repo']}@{about['commit']}"))
    assert "leaves it" in shown(hub_chosen())
    removing.delete_download(about["key"])
    held.wait(10)
    assert store.bases.downloaded() == [] and answerer.living(base.fingerprint) is None


ANSWERING = """
import socket, sys, time
from lab.jobs import answerer
door = socket.create_server(("127.0.0.1", 0))
answerer.announce(sys.argv[1], f"http://127.0.0.1:{door.getsockname()[1]}", "token")
time.sleep(60)
"""


def test_a_downloaded_data_set_is_shown_with_its_size_and_can_be_deleted_while_it_is_chosen(served):
    key = downloaded(served, "dataset")["key"]
    app = opened("data", {"data_mode": "Bring your own files"})
    app.selectbox(key="dataset_there").set_value(key).run()
    assert "rows" in shown(app) and any("Downloaded data sets: 1" in expander.label for expander in app.expander)
    app.button(key=f"dataset_hub_delete_{key}").click().run()
    assert not app.exception and store.downloads.there(store.downloads.DATA) == []
