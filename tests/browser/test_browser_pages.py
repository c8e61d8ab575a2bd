"""What only a browser shows: deep links, the URL as the view, marked text as text, nothing asked of other hosts."""

import os
import re

from playwright.sync_api import expect

from tests.ui import workspaces

CSV = "question,answer\n" + "".join(f"What is {n} plus {n}?,<b>{n + n}</b>\n" for n in range(40))


def test_a_deep_link_as_the_first_request_goes_through_the_app(app, page, shot):
    found = workspaces.finished()
    page.goto(f"{app().address}/compare?experiment={found.id}&task=t-form&compare_view=Outputs")
    expect(page.get_by_role("heading", name="Compare")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("link", name="Start")).to_be_visible()
    expect(page.get_by_role("tab", name="Outputs")).to_have_attribute("aria-selected", "true")
    assert "task=t-form" in page.url and found.id in page.url and page.title() != "compare"
    expect(page.locator("td mark").first).to_be_visible()
    assert page.locator("td b").count() == 0, "a model's words are text"
    assert workspaces.NASTY in page.locator("table").inner_text()
    shot("outputs")


def test_every_page_is_quiet(app, page, shot):
    workspaces.finished()
    address = app().address
    for name, title in (("", "Which lever should we pull?"), ("data", "Data"), ("retrieval", "Retrieval"),
                        ("build", "Build an experiment"), ("pretrain", "Pretrain"), ("runs", "Runs"),
                        ("compare", "Compare"), ("ask", "Ask")):
        page.goto(f"{address}/{name}")
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible(timeout=20_000)
        page.wait_for_timeout(700)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        shot(f"page-{name or 'start'}")
    assert page.outside == [] and page.wrong == []


def test_a_choice_stands_in_the_url_and_survives_a_reload(app, page):
    workspaces.finished()
    page.goto(f"{app().address}/runs")
    run = page.get_by_role("combobox", name="Run", exact=True)
    run.scroll_into_view_if_needed(timeout=20_000)
    page.wait_for_timeout(1_000)  # scrolling closes an open menu
    run.click()
    page.get_by_role("option", name="SFT → DPO, Strict form made up, seed 0").click()
    expect(page.locator(".js-plotly-plot").get_by_text("Reward margin").first).to_be_visible()
    page.reload()
    expect(page.locator(".js-plotly-plot").get_by_text("Reward margin").first).to_be_visible(timeout=20_000)


def test_own_rows_are_shown_as_the_model_sees_them(app, page, shot):
    page.goto(f"{app().address}/data?data_mode=Bring+your+own+files")
    page.locator("input[type=file]").first.set_input_files({"name": "sums.csv", "mimeType": "text/csv", "buffer": CSV.encode()})
    trained = page.locator("mark").first
    expect(trained).to_be_visible(timeout=20_000)
    assert trained.inner_text().startswith("<b>"), "trained tokens are marked, and are text"
    page.get_by_role("textbox", name="Name of the task").fill("Sums")
    page.get_by_role("button", name="Save as a task").click()
    expect(page.get_by_text("It can be used on the Build page")).to_be_visible()
    shot("own-data")


def test_a_choice_on_a_live_page_stays_and_the_ways_back_lead_back(app, page, workspace):
    """A page with a running run draws itself again every two seconds, and each time sends the URL that the browser knew."""
    earlier = workspaces.finished(1, name="Earlier")
    newer = workspaces.running(os.getpid(), 2)
    address = app().address
    page.goto(f"{address}/runs?experiment={newer.id}")
    menu = page.get_by_role("combobox", name="Experiment", exact=True)
    expect(menu).to_have_value(re.compile("^Which lever"), timeout=30_000)
    menu.click()
    page.get_by_role("option", name="Earlier").click()
    expect(page).to_have_url(re.compile(f"experiment={earlier.id}"))
    page.wait_for_timeout(5_000)
    expect(menu).to_have_value(re.compile("^Earlier"))
    for _ in range(3):  # the run that stands below is a step of its own
        page.go_back()
        page.wait_for_timeout(1_000)
        if menu.input_value().startswith("Which lever"):
            break
    page.wait_for_timeout(3_000)
    expect(menu).to_have_value(re.compile("^Which lever"))
    expect(page).to_have_url(re.compile(f"experiment={newer.id}"))
    assert page.wrong == []
