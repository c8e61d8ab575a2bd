"""Every test gets its own workspace; nothing touches the user's."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """LAB_HOME moves to a temporary folder."""
    folder = tmp_path / "workspace"
    monkeypatch.setenv("LAB_HOME", str(folder))
    return folder


@pytest.fixture
def shared():
    """Real data beside the repository; tests that need it skip where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("real data (../shared/data) is not beside the repository")
    return SHARED
