"""The room's own rules, held by reading its files: no HTML, plotly in one place, guarded and short pages."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "lab" / "ui").rglob("*.py"))]
FORBIDDEN = re.compile(r"unsafe_allow_html|st\.html\(|st\.iframe\(|components\.v1|st\.line_chart|innerHTML|cache_(data|resource)\.clear|use_container_width")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_renders_html_or_clears_all_caches(path):
    assert not FORBIDDEN.search(path.read_text("utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_plotly_is_imported_in_charts_only(path):
    imported = {alias.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)}
    assert path.parent.name == "charts" or not any(name.startswith("plotly") for name in imported)


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.name)
def test_a_page_is_guarded_first_and_short(path):
    body = [node for node in ast.parse(path.read_text("utf-8")).body if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant)]
    assert ast.unparse(body[0]) == "from lab.ui import router"
    assert ast.unparse(body[1]) == f"router.ensure_router(router.{path.stem.upper()})"
    assert len(path.read_text("utf-8").splitlines()) <= 90


def test_config_keeps_to_this_machine_and_quiet():
    import tomllib
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["runner"] == {"magicEnabled": False, "postScriptGC": False}
    assert config["server"]["address"] == "127.0.0.1" and config["server"]["fileWatcherType"] == "none"
    assert config["browser"]["gatherUsageStats"] is False
