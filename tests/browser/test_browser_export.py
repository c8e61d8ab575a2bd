"""A System leaves the lab by clicks: written in the background, checked, taken away as one file, removed."""

import time
import zipfile

from lab import jobs, store
from lab.core import Experiment, Prompting, System
from lab.jobs import exports
from lab.worker import work

WAIT = 120_000


def test_a_finished_system_is_exported_downloaded_and_removed(app, page, shot, cleared, small_task):
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    experiment = Experiment(id=store.new_id("e"), name="E", tasks=("small",), systems=(System(name="2 shots", base=base, prompting=Prompting(shots=2)),),
                            created=time.time())
    store.experiments.save(experiment)
    run = next(run for run in jobs.plan(experiment) if run.system.prompting)
    store.runs.create(run)
    assert work(run.id, 1, "cpu:0") == 0
    page.goto(f"{app().address}/runs?run={run.id}")
    page.locator("summary").filter(has_text="Export").click(timeout=WAIT)
    page.get_by_role("button", name="Export").click()
    page.get_by_text("Loaded with plain transformers").wait_for(timeout=WAIT)
    assert page.get_by_text("8 of 8 prompts are those that were sent").count() == 1 and page.get_by_text(str(exports.folder(run.id, "messages"))).count() == 1
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download as zip").click()
    assert taken.value.suggested_filename == f"{run.id}-messages.zip"
    with zipfile.ZipFile(taken.value.path()) as archive:
        assert {"messages/README.md", "messages/messages.json", "messages/shots.jsonl", "messages/tokenizer.json"} <= set(archive.namelist())
    shot("export")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Export").wait_for(timeout=WAIT)
    assert not exports.folder(run.id, "messages").exists()
    assert not page.outside and not page.wrong
