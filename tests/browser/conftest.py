"""A real app on a free port and a real Chromium. Screenshots stay in test-artifacts/ (or $LAB_SHOTS)."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

from lab import jobs
from lab.jobs import office
from tests.running import App

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
KNOWN = ("_stcore/health", "_stcore/host-config")  # Streamlit's own client asks for these below a page's path first


def pytest_collection_modifyitems(items):
    if CHROMIUM is None and not os.environ.get("CI"):
        for item in items:
            if Path(str(item.fspath)).parent == Path(__file__).parent:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine (apt-get install chromium)"))


@pytest.fixture
def app(workspace):
    """Start it with `app()` once the workspace is as the test wants it."""
    started = []

    def start() -> App:
        started.append(App(workspace))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def chromium():
    """One browser per test file: while Playwright lives, no other test of this process can run an event loop of its own."""
    from playwright.sync_api import sync_playwright
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page that notes what it asked of others and what went wrong in it."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.outside, page.wrong = [], []
    page.on("request", lambda request: page.outside.append(request.url)
            if "127.0.0.1" not in request.url and not request.url.startswith(("data:", "blob:")) else None)
    page.on("response", lambda answer: page.wrong.append(answer.url)
            if answer.status >= 400 and not answer.url.endswith(KNOWN) else None)
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    yield page
    page.close()


@pytest.fixture
def cleared(workspace):
    """Whatever a walk started ends with it."""
    yield
    jobs.answerer.give_back()
    about = office.who()
    for process in reversed([*psutil.Process(about["pid"]).children(recursive=True), psutil.Process(about["pid"])] if about else []):
        process.kill()


@pytest.fixture
def shot(page):
    folder = Path(os.environ.get("LAB_SHOTS") or ROOT / "test-artifacts")
    folder.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        page.screenshot(path=str(folder / f"{name}.png"))

    return take
