"""The retrieval workbench in a browser: an index is built with a bar and cancelled, built again, asked and measured."""

import pytest
from playwright.sync_api import expect

from lab import store
from lab.core import Document, Example, Scorer, Section, Task, TaskData
from tests.jobs.jobs_help import of_workspace

TOPICS = ("harbours", "bridges", "mills", "lanterns", "orchards", "clocks", "tunnels", "wells")


@pytest.fixture
def many():
    """So many documents that one can press Cancel; each has a page of its own topic."""
    filler = " ".join(f"Line {number} says nothing that anybody asked about." for number in range(500))
    documents = tuple(Document(id=f"d{number:03d}", name=f"report {number}.txt", text=f"About {TOPICS[number % 8]} of place{number}.\n\n{filler}",
                               sections=(Section(start=0, page=number + 1),)) for number in range(240))
    examples = tuple(Example(id=f"e{number}", prompt=f"What is said about {TOPICS[number % 8]} of place{number}?", answer="x", split="validation",
                             documents=(f"d{number:03d}",)) for number in range(12))
    return store.tasks.save(TaskData(task=Task(id="many", name="Many <b>reports</b>", scorers=(Scorer(kind="exact_match"),)),
                                     documents=documents, examples=examples))


@pytest.fixture(autouse=True)
def none_left(workspace):
    yield
    for process in of_workspace(workspace):
        process.kill()


def test_an_index_is_cancelled_built_asked_and_measured(app, page, shot, many, workspace):
    page.goto(f"{app().address}/retrieval?task=many&retrieval_count=2")
    build = page.get_by_role("button", name="Build the indexes")
    build.click(timeout=20_000)
    expect(page.get_by_text("cutting documents").first).to_be_visible(timeout=30_000)
    shot("retrieval-building")
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_have_count(2)
    cancel.first.click()
    expect(cancel).to_have_count(1, timeout=20_000)
    cancel.click()
    expect(page.get_by_text("A, B: not indexed yet")).to_be_visible(timeout=20_000)
    assert not [path for path in (workspace / "artifacts").iterdir() if path.is_dir()], "nothing is left of a cancelled index"
    build.click()
    expect(page.get_by_text("A, B: index ready")).to_be_visible(timeout=90_000)
    expect(page.get_by_text("What would stand in the prompt")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("right document, report 0.txt, page 1").first).to_be_visible()
    shot("retrieval-ask")
    page.get_by_text("Measure", exact=True).click()
    page.get_by_role("button", name="Measure", exact=True).last.click()
    expect(page.get_by_text("Cannot tell apart").first).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    shot("retrieval-measure")
    assert "retrieval_view=Measure" in page.url and page.outside == [] and page.wrong == []
