"""What of the curves only a browser shows: pointing at one panel reads off all of them, and numbers and figures are made when asked for."""

from pathlib import Path

from playwright.sync_api import expect

from tests.ui import workspaces

WAIT = 60_000


def test_pointing_at_one_panel_names_the_same_step_in_all_of_them(app, page, shot):
    found = workspaces.finished()
    run = next(run for run in workspaces.runs_of(found) if run.system.name == "SFT → DPO")
    page.goto(f"{app().address}/runs?experiment={found.id}&run={run.id}")
    chart = page.locator(".js-plotly-plot").nth(1)  # DPO, after SFT
    expect(chart.locator(".scatterlayer .trace").first).to_be_attached(timeout=WAIT)
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(2_000)  # the page below is still being drawn and moves the chart
    box = chart.locator(".nsewdrag").first.bounding_box()  # the loss
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2 + 4, box["y"] + box["height"] / 2, steps=4)
    said = chart.locator(".hoverlayer .legend")
    for name in ("step:", "training loss", "chosen", "rejected", "training margin", "training share", "learning rate"):
        expect(said).to_contain_text(name, timeout=WAIT)
    shot("linked-hover")


def test_the_overlaid_curves_are_saved_as_svg_and_their_numbers_as_csv(app, page):
    found = workspaces.finished()
    page.goto(f"{app().address}/compare?experiment={found.id}&compare_view=Curves&figures=svg")
    chart = page.locator(".js-plotly-plot").first
    expect(chart.locator(".scatterlayer .trace").first).to_be_attached(timeout=WAIT)
    page.wait_for_timeout(2_000)
    chart.hover(position={"x": 300, "y": 120})
    with page.expect_download(timeout=WAIT) as saved:
        chart.locator(".modebar-btn").first.click()
    figure = Path(saved.value.path()).read_text()
    assert figure.startswith("<svg") and "SFT: validation loss" in figure and "SFT: training loss" in figure
    page.locator("summary").filter(has_text="Numbers").first.click()
    with page.expect_download(timeout=WAIT) as saved:
        page.locator("button:visible").filter(has_text="Download CSV").first.click()
    heading, *rows = Path(saved.value.path()).read_text().splitlines()
    assert heading == '"curve","series","x","value"' and len(rows) > 40
