"""Opens a page as a user does: the app first, then the page, with its query."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def field(fields, begin: str):
    """The one widget whose key begins so; what follows in the key names the files it belongs to."""
    [found] = [each for each in fields if each.key and each.key.startswith(begin)]
    return found


def opened(page: str, query: dict | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in (query or {}).items():
        app.query_params[name] = value
    app.run()
    return app if page == "start" else app.switch_page(f"pages/{page}.py").run()
