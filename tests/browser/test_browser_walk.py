"""The main walk with real processes: build, launch, watch the curve grow, compare, ask. Small enough for two cores."""

from playwright.sync_api import expect

from lab import store


def test_build_run_compare_ask(app, page, shot, cleared):
    address = app().address
    page.goto(f"{address}/build")
    for name in ("3 shots", "RAG", "SFT → DPO"):
        row = page.locator(f"input[value='{name}']").locator("xpath=ancestor::*[@data-testid='stHorizontalBlock'][1]")
        row.get_by_test_id("stCheckbox").locator("label").first.click(timeout=20_000)
    expect(page.get_by_text("2 runs. A part that several runs share is made once.")).to_be_visible()
    shot("walk-build")
    page.get_by_role("button", name="Launch").click()

    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=20_000)
    trained = next(run for run in map(store.runs.load, store.runs.ids()) if run.system.training)
    page.goto(f"{address}/runs?experiment={trained.experiment}&run={trained.id}")  # an open menu may be closed by a live redraw
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=120_000)
    shot("walk-live-curve")
    expect(page.get_by_text("2 of 2 runs ended")).to_be_visible(timeout=180_000)
    assert [store.runs.state(name).name for name in store.runs.ids()] == ["finished", "finished"]

    page.get_by_role("link", name="Compare its results").click()
    expect(page.get_by_text("Against the reference")).to_be_visible(timeout=20_000)
    shot("walk-compare")

    page.get_by_role("link", name="Ask").click()
    page.get_by_role("button", name="Ask", exact=True).click(timeout=20_000)
    expect(page.get_by_text("in all").nth(1)).to_be_visible(timeout=120_000)
    shot("walk-ask")
