"""The room's door: every name opens, and a child that starts through it loads nothing heavy."""

import subprocess
import sys
from pathlib import Path

from lab import corpus

ROOT = Path(__file__).resolve().parents[2]


def test_every_name_opens():
    assert all(getattr(corpus, name) is not None for name in corpus.__all__)
    assert set(corpus.__all__) == {*corpus._MODULE, *corpus._ROOMS}


def test_the_child_starts_light():
    code = "import sys, lab.corpus.child, lab.corpus.json_rows, lab.corpus.extract; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "lab" in loaded and not {"pydantic", "pypdf", "docx", "bs4", "semchunk", "numpy", "streamlit", "torch"} & set(loaded)
