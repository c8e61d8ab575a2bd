"""The walls of the house: who may import whom, and where the heavy libraries may live."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {
    "core": set(), "remote": {"core"},
    "store": {"remote", "core"}, "compare": {"core"}, "corpus": {"core"},
    "jobs": {"store", "corpus", "core"},
    "engine": {"corpus", "core"},
    "methods": {"remote", "engine", "corpus", "core"},
    "evals": {"remote", "methods", "engine", "corpus", "core"},
    "world": {"engine", "corpus", "core"},
    "ui": {"remote", "jobs", "store", "compare", "corpus", "core"},
    "pages": {"ui", "jobs", "compare", "core"}, "app": {"ui", "core"},  # choose, one lab call, draw
    "searcher": {"methods", "store", "jobs", "core"},
    "worker": {"remote", "searcher", "methods", "evals", "world", "engine", "corpus", "store", "jobs", "core"},
    "warm": {"worker", "store", "jobs", "core"},
    "questions": {"methods", "store", "core"},
    "relay": {"remote", "questions", "methods", "store", "core"},
    "answerer": {"questions", "methods", "engine", "corpus", "store", "jobs", "core"},
    "serve": {"relay", "answerer", "questions", "jobs", "store", "core"},
    "doctor": {"jobs", "store", "core"},
    "exporter": {"methods", "engine", "corpus", "store", "jobs", "compare", "core"},
    "harness": {"answerer", "evals", "engine", "corpus", "store", "core"},
    "cli": {"jobs", "store", "compare", "world", "serve", "searcher", "doctor", "core", "harness", "exporter"},
    "__main__": {"cli"},
}
HOMES = {
    "streamlit": {"ui", "pages", "app"},
    "plotly": {"ui"},
    "httpx": {"remote", "jobs", "ui", "doctor"},  # endpoints, the hub, the answerer, whether the hub is there
    "torch": {"engine", "methods", "evals", "world", "worker", "warm", "answerer"},
    "transformers": {"engine", "methods", "evals", "world", "worker", "warm", "answerer"},
    "peft": {"engine", "methods"},
    "trl": {"methods"},
    "lm_eval": {"evals", "harness"},
}


def files():
    return [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "lab").rglob("*.py"))]


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return path.stem if len(parts) == 1 else "pages" if parts[0] == "pages" else parts[1].removesuffix(".py")


def imports(path: Path):
    """(top library, our room or None) of every import statement, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "lab" else [node.module]
        for name in names:
            parts = name.split(".")
            yield parts[0], parts[1] if parts[0] == "lab" and len(parts) > 1 else None


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_import_only_their_neighbours(path):
    room = room_of(path)
    if room == "__init__":  # lab/__init__.py
        assert list(imports(path)) in ([], [("__future__", None)])
        return
    assert room in ROOMS, f"{path} is in no room of the house"
    for library, other in imports(path):
        if other:
            assert other == room or other in ROOMS[room], f"{path}: {room} may not import {other}"
        elif library in HOMES:
            assert room in HOMES[library], f"{path}: {library} does not live in {room}"


def test_the_apps_rooms_load_no_torch():
    code = ("import sys, pkgutil, importlib, lab\n"
            "for room in ('core', 'remote', 'store', 'compare', 'corpus', 'jobs', 'ui'):\n"
            "    package = importlib.import_module(f'lab.{room}')\n"
            "    for found in pkgutil.walk_packages(package.__path__, f'lab.{room}.'):\n"
            "        if not found.name.endswith(('__main__', '.child')): importlib.import_module(found.name)\n"
            "bad = {'torch', 'transformers', 'trl', 'peft', 'datasets'} & set(sys.modules)\n"
            "assert not bad, bad")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_nothing_renders_html_or_runs_a_shell():
    banned = ("unsafe_allow" + "_html", "shell=" + "True", "trust_remote_code=" + "True", "import pick" + "le", "components.html")
    for path in files():
        text = path.read_text("utf-8")
        assert not [word for word in banned if word in text], path
