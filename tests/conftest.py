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


@pytest.fixture(scope="session")
def shipped_base():
    """The smallest shipped base's folder."""
    from lab import store
    return store.SHIPPED / "bases" / store.bases.shipped()[0]


@pytest.fixture
def tiny():
    """Settings that train for seconds."""
    from lab.core import Dpo, Sft
    return {"sft": Sft(learning_rate=3e-3, epochs=1, batch_size=8, max_length=256, lora_rank=4, lora_alpha=8, evaluations=2),
            "dpo": Dpo(learning_rate=1e-3, epochs=1, batch_size=4, max_length=256, lora_rank=4, lora_alpha=8, evaluations=2)}


@pytest.fixture
def small_task():
    """A Task of the workspace, small enough for real runs: form, its first rows."""
    from lab import store
    whole = store.tasks.load("form")
    rows = [row for name, count in (("train", 24), ("validation", 8), ("test", 12)) for row in whole.split(name)[:count]]
    small = whole.model_copy(update={"task": whole.task.model_copy(update={"id": "small", "name": "Small"}), "examples": tuple(rows),
                                     "preferences": whole.preferences[:16], "documents": whole.documents[:6]})
    return store.tasks.save(small)
