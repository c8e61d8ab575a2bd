"""The store: whole or not at all, never overwritten, torn lines skipped, nothing outside the workspace."""

import json
import os
import threading
import time

import pytest

from lab import store
from lab.core import (
    Base,
    DataError,
    Document,
    Evaluation,
    Event,
    Example,
    Experiment,
    Failure,
    LabError,
    ModelError,
    Run,
    Score,
    Scorer,
    System,
    Task,
    TaskData,
)

BASE = Base(kind="folder", ref="/m", fingerprint="f")


def run(name="run-1"):
    return Run(id=name, experiment="e", system=System(name="s", base=BASE), system_key="k", task="t", created=time.time())


def test_a_failed_write_leaves_the_old_file_and_no_rest(workspace):
    path = workspace / "a.json"
    store.files.write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        store.files.write_json(path, {"new": object()})
    assert store.files.read_json(path) == {"old": 1}
    assert [p.name for p in workspace.iterdir()] == ["a.json"]


def test_a_torn_last_line_is_left_for_later(workspace):
    path = workspace / "events.jsonl"
    workspace.mkdir()
    store.files.append_line(path, {"n": 1})
    with path.open("a") as file:
        file.write('{"n": 2')
    rows, offset = store.files.read_lines(path)
    assert [row["n"] for row in rows] == [1]
    with path.open("a") as file:
        file.write("}\n")
    assert [row["n"] for row in store.files.read_lines(path, offset)[0]] == [2]


def test_a_line_torn_by_a_kill_costs_only_itself(workspace):
    workspace.mkdir()
    path = workspace / "events.jsonl"
    path.write_text('{"n": 1}\n{"n": 2{"n": 3}\n{"n": 4}\n')
    assert [row["n"] for row in store.files.read_lines(path)[0]] == [1, 4]


def test_lines_of_many_writers_never_mix(workspace):
    workspace.mkdir()
    path = workspace / "events.jsonl"
    writers = [threading.Thread(target=lambda w=w: [store.files.append_line(path, {"w": w, "i": i, "pad": "x" * 500}) for i in range(50)])
               for w in range(4)]
    [writer.start() for writer in writers]
    [writer.join() for writer in writers]
    assert len(store.files.read_lines(path)[0]) == 200


@pytest.mark.parametrize("name", ["../etc", "a/b", "", ".hidden", "a\0b", "x" * 200, "a..b", "-x"])
def test_ids_never_leave_the_workspace(name):
    with pytest.raises(DataError):
        store.place("runs", name)


def test_a_manifest_tells_damage(workspace):
    folder = workspace / "f"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"123")
    assert not store.files.is_complete(folder)
    store.files.write_manifest(folder)
    assert store.files.is_complete(folder)
    (folder / "weights").write_bytes(b"124")
    assert not store.files.is_complete(folder)


def test_runs_are_written_once_and_move_by_the_state_machine():
    store.runs.create(run())
    with pytest.raises(DataError, match="exists"):
        store.runs.create(run())
    assert store.runs.state("run-1").name == "queued"
    store.runs.move("run-1", "running", pid=1)
    store.runs.move("run-1", "finished")
    with pytest.raises(DataError, match="cannot become"):
        store.runs.move("run-1", "running")


def test_one_damaged_run_does_not_hide_the_others():
    for name in ("run-1", "run-2"):
        store.runs.create(run(name))
    (store.runs.folder("run-1") / "state.json").write_text("{")
    assert store.runs.state("run-1").name == "failed" and store.runs.state("run-1").failure.do
    assert store.runs.state("run-2").name == "queued"
    (store.runs.folder("run-2") / "run.json").write_text("")
    with pytest.raises(DataError, match="cannot be read"):
        store.runs.load("run-2")


def test_events_are_read_from_where_the_last_reading_ended():
    store.runs.create(run())
    store.runs.emit("run-1", Event(at=1.0, attempt=1, kind="metric", stage="sft", step=0, values={"loss": 2.0}))
    first, offset = store.runs.events("run-1")
    store.runs.emit("run-1", Event(at=2.0, attempt=1, kind="note", message="x"))
    second, _ = store.runs.events("run-1", offset)
    assert first[0]["values"] == {"loss": 2.0} and second[0]["message"] == "x"


def test_the_newest_complete_checkpoint_is_found(workspace):
    root = workspace / "c"
    for step in (5, 10, 15):
        (root / f"checkpoint-{step}").mkdir(parents=True)
        (root / f"checkpoint-{step}" / "w").write_text(str(step))
        if step < 15:
            store.files.write_manifest(root / f"checkpoint-{step}")
    assert store.runs.complete_checkpoint(root).name == "checkpoint-10"
    (root / "checkpoint-10" / "w").unlink()
    assert store.runs.complete_checkpoint(root).name == "checkpoint-5"
    assert store.runs.complete_checkpoint(workspace / "nothing") is None


def test_an_artifact_is_there_whole_or_not_at_all():
    with pytest.raises(RuntimeError), store.artifacts.making("k1", {"kind": "index"}) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError("killed")
    assert store.artifacts.find("k1") is None
    with store.artifacts.making("k1", {"kind": "index"}) as folder:
        (folder / "whole").write_text("x")
    assert (store.artifacts.find("k1") / "whole").read_text() == "x" and store.artifacts.about("k1")["kind"] == "index"


def evaluation(value=1.0):
    return Evaluation(system_key="s1", suite="q", suite_fingerprint="f1", role="task", scorers=(Scorer(kind="exact_match"),),
                      decoding="greedy", scores=(Score(item="i", values={"exact_match": value}),))


def test_an_evaluation_that_stands_is_kept():
    store.evaluations.save(evaluation(1.0))
    store.evaluations.save(evaluation(0.0))
    assert store.evaluations.find("s1", "f1").column() == [1.0]
    assert store.evaluations.find("s1", "f2") is None


def test_letters_among_the_answers_are_found_without_reading_them():
    store.evaluations.save(evaluation(1.0))
    assert store.evaluations.holds("s1", "f1", '"item"') and not store.evaluations.holds("s1", "f1", "9 of 9 fitted")
    assert not store.evaluations.holds("s1", "f2", '"item"')


def task_data(task_id="mine"):
    return TaskData(task=Task(id=task_id, name="../../etc <img>", scorers=(Scorer(kind="exact_match"),)),
                    examples=(Example(id="e", prompt="p", answer="a\ud800", split="train"),),
                    documents=(Document(id="d1", name="../secret.txt", text="hello"),))


def test_a_task_comes_back_as_it_was_and_is_never_overwritten():
    saved = store.tasks.save(task_data())
    assert store.tasks.load("mine") == saved and "mine" in store.tasks.ids()
    with pytest.raises(DataError, match="exists already"):
        store.tasks.save(task_data())


def test_a_shipped_tasks_id_is_taken():
    with pytest.raises(DataError, match="exists already"):
        store.tasks.save(task_data("facts"))


def test_a_failed_save_leaves_nothing(monkeypatch, workspace):
    monkeypatch.setattr(store.files, "write_json", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        store.tasks.save(task_data())
    assert list((workspace / "tasks").iterdir()) == []


def test_an_experiment_is_written_once():
    experiment = Experiment(id="e1", name="E", tasks=("facts",), systems=(System(name="s", base=BASE),))
    store.experiments.save(experiment)
    assert store.experiments.load("e1") == experiment and store.experiments.ids() == ["e1"]
    with pytest.raises(DataError):
        store.experiments.save(experiment)


def model_folder(path, **config):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    (path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 24)
    (path / "tokenizer.json").write_text("{}")
    return path


def test_a_folder_is_named_by_its_content(tmp_path):
    one, other = model_folder(tmp_path / "a"), model_folder(tmp_path / "b")
    first, second = store.bases.resolve("folder", str(one)), store.bases.resolve("folder", str(other))
    assert first.fingerprint == second.fingerprint and first.parameters == 6
    (other / "config.json").write_text(json.dumps({"model_type": "llama", "max_position_embeddings": 9}))
    with pytest.raises(ModelError, match="changed"):
        store.bases.folder_of(second)


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("pytorch_model.bin", "x", "pickle"), ("modeling_x.py", "x", "Python"), ("model.safetensors", None, "weights"),
    ("tokenizer.json", None, "tokenizer"), ("config.json", None, "config.json"), ("config.json", "{", "JSON"),
    ("config.json", '{"auto_map": {}}', "remote code"), ("model.safetensors", "short", "cannot be read")])
def test_what_is_never_loaded_is_refused_with_the_reason(tmp_path, name, content, reason):
    folder = model_folder(tmp_path / "m")
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(ModelError, match=reason) as caught:
        store.bases.resolve("folder", str(folder))
    assert caught.value.failure.do


def test_every_shipped_file_loads():
    assert set(store.tasks.ids()) >= {"facts", "form", "tone"}
    for name in store.tasks.ids():
        counts = store.tasks.load(name).task.counts
        assert min(counts.values()) > 0, (name, counts)
    names = store.tasks.suite_names()
    assert set(names) == {"capitals", "words", "sums", "grammar", "known_people", "reading", "text_loss"}
    assert all(store.tasks.load_suite(name).items for name in names)
    assert all(isinstance(store.bases.resolve("shipped", name), Base) for name in store.bases.shipped()) and store.bases.shipped()


def test_the_disk_being_full_is_said_as_such(workspace, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError) as caught:
        store.files.write_json(workspace / "x.json", {})
    assert not list(workspace.iterdir())
    from lab.core import failure_of
    assert isinstance(failure_of(caught.value), Failure) and failure_of(caught.value).kind == "disk"
    assert issubclass(DataError, LabError)
