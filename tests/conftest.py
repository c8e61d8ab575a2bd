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


@pytest.fixture(scope="module")
def endpoint():
    """An endpoint of our own making on the loopback address, for the length of a test file."""
    from tests.remote.endpoint_server import Endpoint
    found = Endpoint()
    yield found
    found.close()


@pytest.fixture
def no_keys(monkeypatch):
    """No key of the machine's own environment, no remembered looks, no calls of an earlier test."""
    from lab.remote import address, looking
    for name in (address.OWN_KEY, address.OWN_ADDRESS, address.OPENAI_KEY, address.OPENAI_ADDRESS):
        monkeypatch.delenv(name, raising=False)
    looking._kept.clear()


@pytest.fixture
def served(monkeypatch):
    """served(Repo(...)) puts it up as team/tiny on a hub of our own and returns the hub; what was left half downloaded is cancelled."""
    from lab.jobs import downloads
    from tests.jobs import hub_server
    started = []

    def serve(repo):
        one = hub_server.running(team__tiny=repo)
        started.append(one)
        found = one.__enter__()
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        return found

    yield serve
    for one in started:
        one.__exit__(None, None, None)
    for one in downloads.unfinished():
        downloads.cancel(one.key)


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
