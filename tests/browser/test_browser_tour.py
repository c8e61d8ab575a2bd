"""The tour as a newcomer takes it: one button, then everything real. Two CPU cores, at most eight minutes."""

import time

import pytest
from playwright.sync_api import expect

from lab import jobs, store
from lab.core import FINAL

MOST_SECONDS = 480


def ended(experiment_id):
    return all(view.state.name in FINAL for view in jobs.views(experiment_id))


@pytest.mark.timeout(MOST_SECONDS + 180)
def test_the_tour_from_the_button_to_the_answers(app, page, shot, cleared):
    address = app().address
    page.goto(address)
    expect(page.get_by_text("Recorded on")).to_be_visible(timeout=20_000)
    shot("tour-0-recorded")
    begun = time.monotonic()
    page.get_by_role("button", name="Run the tour").click()
    expect(page.get_by_role("button", name="Run the tour")).to_be_disabled(timeout=20_000)
    experiment = store.experiments.ids()[0]

    page.get_by_role("link", name="A tour is running").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=20_000)
    trained = next(run for run in map(store.runs.load, store.runs.ids()) if run.system.name == "SFT" and run.task == "form")
    while store.runs.state(trained.id).name == "queued":
        assert time.monotonic() - begun < MOST_SECONDS
        time.sleep(0.5)
    page.goto(f"{address}/runs?experiment={experiment}&run={trained.id}")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=120_000)
    page.wait_for_timeout(3_000)
    shot("runs")
    page.goto("about:blank")  # closed: runs go on

    while not ended(experiment):
        assert time.monotonic() - begun < MOST_SECONDS, [view.status for view in jobs.views(experiment)]
        time.sleep(0.5)
    print(f"the tour took {time.monotonic() - begun:.0f} seconds")
    assert {view.status for view in jobs.views(experiment)} == {"finished"}, [view.state.failure for view in jobs.views(experiment)]

    page.goto(address)
    expect(page.get_by_text("What each System forgot")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Recorded on")).to_have_count(0)
    page.wait_for_timeout(2_000)
    shot("start")

    page.goto(f"{address}/compare?experiment={experiment}")
    expect(page.get_by_text("Against the reference")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1_500)
    shot("compare")
    page.goto(f"{address}/ask?experiment={experiment}")
    page.get_by_role("button", name="Ask", exact=True).click(timeout=30_000)
    expect(page.get_by_text("in all").nth(3)).to_be_visible(timeout=120_000)
    shot("ask")
    page.goto(f"{address}/build")
    expect(page.get_by_role("button", name="Launch")).to_be_visible(timeout=30_000)
    shot("build")
    page.goto(f"{address}/data")
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible(timeout=30_000)
    page.wait_for_timeout(1_500)
    shot("data")
    page.goto(f"{address}/pretrain")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=30_000)
    page.locator(".js-plotly-plot").first.evaluate("chart => chart.scrollIntoView({block: 'end'})")
    page.wait_for_timeout(1_500)
    shot("pretrain")
    page.goto(f"{address}/evidence")
    expect(page.get_by_text("Recorded on")).to_be_visible(timeout=30_000)
    page.get_by_role("heading", name="Tone").evaluate("heading => heading.scrollIntoView({block: 'start'})")
    page.wait_for_timeout(1_500)
    shot("evidence")
    assert page.outside == [] and page.wrong == []
