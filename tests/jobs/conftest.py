"""Real processes with a toy worker; whatever a test starts in its workspace is gone after it."""

import json
import struct
from pathlib import Path

import psutil
import pytest
from jobs_help import of_workspace, toy_lines
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from lab import store
from lab.core import Document, Example, Experiment, Preference, Scorer, System, Task, TaskData

HERE = Path(__file__).parent


@pytest.fixture
def toys(workspace, monkeypatch):
    """The toy worker in the real one's place, and an end to every process of the workspace."""
    monkeypatch.setenv("LAB_WORKER", "toy_worker:work")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield workspace
    for _ in range(50):
        left = of_workspace(workspace)
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=0.1)
        if not left:
            break
    assert not of_workspace(workspace)
    assert [line for line in toy_lines() if line["what"] == "double"] == []


@pytest.fixture
def base(tmp_path):
    """The smallest folder that the store accepts as a base."""
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    Tokenizer(WordLevel({"a": 0, "?": 1}, unk_token="?")).save(str(folder / "tokenizer.json"))
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    return store.bases.resolve("folder", str(folder))


@pytest.fixture
def task():
    """A small task with everything that a lever may need."""
    examples = [Example(id=f"{split}{n}", prompt=f"{n}?", answer=str(n), split=split)
                for split in ("train", "validation", "test") for n in range(3)]
    data = TaskData(task=Task(id="toy", name="Toy", scorers=(Scorer(kind="exact_match"),)), examples=tuple(examples),
                    preferences=(Preference(id="p", prompt="?", chosen="a", rejected="b"),),
                    documents=(Document(id="d", name="d", text="text"),))
    return store.tasks.save(data).task


@pytest.fixture
def experiment(base, task):
    """Makes an Experiment whose Systems do what their names say."""
    def make(*names, **more):
        systems = tuple(System(name=name, base=base) for name in names)
        return Experiment(**{"id": store.new_id("toy"), "name": "toy", "tasks": (task.id,), "systems": systems, **more})
    return make
