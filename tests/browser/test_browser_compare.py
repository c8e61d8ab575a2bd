"""What of Compare only a browser shows: a click on a mark, a figure as a file, type that a room can read."""

from pathlib import Path

from playwright.sync_api import expect

from tests.ui import workspaces

WAIT = 60_000


def test_a_click_on_a_mark_opens_its_answers_and_the_figure_is_saved_as_svg(app, page, shot):
    found = workspaces.finished()
    page.goto(f"{app().address}/compare?experiment={found.id}&compare_view=Forgetting&figures=svg")
    plane = page.locator(".js-plotly-plot").first
    marks = plane.locator(".scatterlayer .trace .points path")
    expect(marks.first).to_be_visible(timeout=WAIT)
    page.wait_for_timeout(2_000)  # the page below is still being drawn and moves the chart
    plane.hover(position={"x": 300, "y": 200})
    with page.expect_download(timeout=WAIT) as saved:
        plane.locator(".modebar-btn").first.click()
    assert saved.value.suggested_filename == "lever-lab-learned-against-kept.svg" and Path(saved.value.path()).read_text().startswith("<svg")
    box = marks.nth(marks.count() - 1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("tab", name="Outputs")).to_have_attribute("aria-selected", "true", timeout=WAIT)
    expect(page.get_by_role("columnheader", name="RAG + SFT")).to_be_visible(timeout=WAIT)
    shot("clicked")


def test_large_type_is_larger_everywhere_and_goes_on_to_other_pages(app, page, shot):
    workspaces.finished()
    page.goto(f"{app().address}/compare?large=true")
    heading = page.get_by_role("heading", name="Compare", exact=True)
    expect(heading).to_be_visible(timeout=WAIT)
    page.wait_for_function("parseFloat(getComputedStyle(document.documentElement).fontSize) > 20", timeout=WAIT)
    shot("large")
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=WAIT)
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") > 20
