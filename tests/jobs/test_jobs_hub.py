"""Models and tables from a hub, against a real server on the loopback address that speaks the hub's protocol."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jobs_help import of_workspace, until

from lab import cli, store
from lab.core import AccessError, DataError, DiskError, Experiment, ModelError, System
from lab.jobs import downloading, downloads, hub
from lab.jobs.launching import plan
from tests.jobs import hub_server
from tests.jobs.hub_files import ROWS, TOKEN, tiny_files, weights

ROOT = Path(__file__).resolve().parents[2]
@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Hubs are asked in these tests; nobody's token is."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(downloading, "FIRST_WAIT", 0.01)


def shell(*argv):
    return subprocess.Popen([sys.executable, "-m", "lab", *argv], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def holding(folder, words):
    """Files below a folder that hold some words."""
    found = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return [path for path in found if path.exists() and words.encode() in path.read_bytes()]


# looking ---------------------------------------------------------------------------------------------------------------------------------


def test_a_look_says_size_licence_and_commit_and_leaves_out_what_could_run_code(served):
    served(hub_server.Repo(tiny_files()))
    found = hub.look("team/tiny")
    assert found.commit == hub_server.COMMIT and found.licence == "mit" and found.allowed and not found.gated
    assert {file.name for file in found.files} == {"config.json", "tokenizer.json", "tokenizer_config.json", "README.md", "model.safetensors"}
    assert found.left == 5 and found.total == sum(len(tiny_files()[file.name]) for file in found.files)


@pytest.mark.parametrize("name", ["", "tiny", "../../etc/passwd", "a/b/c", "a/..", "team/tiny --x", "http://169.254.169.254/", "a/" + "b" * 10_000, "a/b\nc"])
def test_what_is_no_id_never_reaches_the_hub(served, name):
    asked = served(hub_server.Repo(tiny_files())).asked
    with pytest.raises(DataError):
        hub.look(name)
    with pytest.raises(DataError):
        hub.look("team/tiny", "../main")
    assert asked == []


@pytest.mark.parametrize("change, words", [
    ({"model.safetensors": None}, "no safetensors weights; it holds pickle"),
    ({"model.safetensors": None, "adapter_model.safetensors": b"a"}, "an adapter"),
    ({"config.json": json.dumps({"auto_map": {"AutoModel": "modeling_tiny.M"}}).encode()}, "remote code"),
    ({"tokenizer_config.json": json.dumps({"auto_map": {"AutoTokenizer": "t.T"}}).encode()}, "remote code"),
    ({"config.json": b"[1]"}, "not a JSON object"), ({"config.json": b"[" * 100_000}, "not valid JSON"),
    ({"config.json": json.dumps({"architectures": ["BertForMaskedLM"]}).encode()}, "masked"),
    ({"tokenizer.json": None}, "no tokenizer"), ({"config.json": None}, "no config.json"),
    ({"model.safetensors": None, "model-00001-of-00003.safetensors": b"s", "model.safetensors.index.json": b"{}"}, "1 of 3 parts")])
def test_what_could_not_be_loaded_is_refused_before_the_download(served, change, words):
    files = {name: content for name, content in {**tiny_files(), **change}.items() if content is not None}
    served(hub_server.Repo(files))
    with pytest.raises(ModelError, match=words) as refusal:
        hub.look("team/tiny")
    assert refusal.value.failure.do


def test_sizes_that_cannot_be_and_files_without_checksum_are_refused(served):
    one = served(hub_server.Repo(tiny_files(), sizes={"model.safetensors": 1 << 60}))
    with pytest.raises(ModelError, match="a size that cannot be"):
        hub.look("team/tiny")
    one.repos["team/tiny"].sizes = {"model.safetensors": 1 << 43}
    with pytest.raises(DiskError, match="GB are needed"):
        downloading.download(hub.look("team/tiny"))
    assert store.bases.downloaded() == []


def test_an_unknown_repository_revision_or_hub_is_said_in_words(served, monkeypatch):
    served(hub_server.Repo(tiny_files()))
    with pytest.raises(AccessError, match="no such repository"):
        hub.look("team/other")
    with pytest.raises(DataError, match="no such revision"):
        hub.look("team/tiny", "v9")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AccessError, match="cannot be reached") as refusal:
        hub.look("team/tiny")
    assert "shipped base" in refusal.value.failure.do


@pytest.mark.parametrize("address", ["ftp://hub", "file:///etc", "https://name:secret@hub", "nonsense", "http://[::1", "https://hub?x=1"])
def test_an_endpoint_that_is_no_plain_address_is_refused(monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(AccessError, match="not the address") as refusal:
        hub.look("team/tiny")
    assert "secret" not in str(refusal.value)


def test_offline_is_one_sentence_and_asks_nobody(served, monkeypatch, capsys):
    one = served(hub_server.Repo(tiny_files()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert cli.main(["download", "team/tiny"]) == 1 and one.asked == []
    said = capsys.readouterr().err
    assert "HF_HUB_OFFLINE is set" in said and "shipped base" in said and "Traceback" not in said


# downloading -----------------------------------------------------------------------------------------------------------------------------


def test_the_shell_brings_a_model_pinned_to_its_commit_and_it_is_a_base(served):
    one = served(hub_server.Repo(tiny_files()))
    done = shell("download", "team/tiny")
    said, wrong = done.communicate(timeout=60)
    assert done.returncode == 0 and "licence mit" in said, wrong
    about, = store.bases.downloaded()
    assert about["ref"] == f"team/tiny@{hub_server.COMMIT}" and about["licence"] == "mit"
    base = store.bases.resolve("hub", about["ref"])
    folder = store.bases.folder_of(base)
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "manifest.json", "model.safetensors", "tokenizer.json",
                                                             "tokenizer_config.json"]
    assert base.parameters == 50_000 and base.context == 64
    assert base.fingerprint == store.bases.resolve("folder", str(folder)).fingerprint, "the same files are the same base"
    assert all(f"/resolve/{hub_server.COMMIT}/" in path for _, path, _, _ in one.asked if "/resolve/" in path)
    assert not list((store.home() / "downloads").glob("hub-*")) and not any("pytorch_model" in path or ".py" in path for _, path, _, _ in one.asked)


def test_another_commit_is_another_base_and_a_changed_file_is_refused(served):
    one = served(hub_server.Repo(tiny_files()))
    downloading.download(hub.look("team/tiny"))
    one.repos["team/tiny"] = hub_server.Repo(tiny_files(size=400_000), commit="f" * 40)
    downloading.download(hub.look("team/tiny"))
    first, second = (store.bases.resolve("hub", f"team/tiny@{commit}") for commit in (hub_server.COMMIT, "f" * 40))
    assert len(store.bases.downloaded()) == 2 and first.fingerprint != second.fingerprint
    path = store.bases.folder_of(first) / "config.json"
    path.write_bytes(path.read_bytes().replace(b"64", b"65"))
    os.utime(path, (time.time() + 5, time.time() + 5))
    with pytest.raises(ModelError, match="have changed"):
        store.bases.folder_of(first)
    path.unlink()
    with pytest.raises(ModelError, match="python -m lab download team/tiny --revision 0123456789abcdef"):
        store.bases.resolve("hub", first.ref)


def test_parts_of_weights_come_with_their_index(served):
    files = tiny_files()
    whole = files.pop("model.safetensors")
    parts = {f"model-0000{n}-of-00002.safetensors": whole for n in (1, 2)}
    served(hub_server.Repo({**files, **parts, "model.safetensors.index.json": b"{}", "consolidated.safetensors": whole}))
    found = hub.look("team/tiny")
    assert {file.name for file in found.files} >= {*parts, "model.safetensors.index.json"} and "consolidated.safetensors" not in {f.name for f in found.files}
    downloading.download(found)
    assert store.bases.resolve("hub", f"team/tiny@{found.commit}").parameters == 100_000


def test_a_killed_download_goes_on_where_it_stopped(served, toys):
    one = served(hub_server.Repo(tiny_files(2_000_000), piece=20_000, pause=0.02))
    key = downloads.start(hub.look("team/tiny"))
    half = until(lambda: (now := downloads.progress(key)) and now.done > 400_000 and now)
    assert half.active and half.total > half.done and half.rate() is None or half.rate() > 0
    assert downloads.start(hub.look("team/tiny")) == key, "a second start watches the first"
    os.kill(half.pid, signal.SIGKILL)
    lost = until(lambda: (now := downloads.progress(key)).state == "lost" and now)
    had = downloads.parts_size(key)
    assert [found.key for found in downloads.unfinished()] == [key] and store.bases.downloaded() == []
    one.repos["team/tiny"].pause = 0.0
    one.asked.clear()
    downloads.resume(lost)
    until(lambda: downloads.progress(key).state == "finished", 30)
    begun = [int(wanted.split("=")[1].rstrip("-")) for _, path, wanted, _ in one.asked if path.startswith("/stored") and wanted]
    assert begun and begun[0] >= had - 10_000 > 300_000
    assert store.bases.resolve("hub", f"team/tiny@{hub_server.COMMIT}").parameters == 500_000 and downloads.unfinished() == []


def test_a_broken_line_is_taken_up_again_and_a_busy_hub_is_waited_for(served):
    one = served(hub_server.Repo(tiny_files()))
    found = hub.look("team/tiny")
    one.drop_after, one.busy = [70_000, 50_000], 1
    begun = time.monotonic()
    downloading.download(found)
    ranges = [wanted for _, path, wanted, _ in one.asked if path.startswith("/stored")]
    assert ranges == [None, "bytes=50000-", "bytes=120000-"] and time.monotonic() - begun > 0.9
    assert store.bases.downloaded()


def test_a_cancelled_download_leaves_nothing(served, toys):
    served(hub_server.Repo(tiny_files(2_000_000), piece=10_000, pause=0.05))
    key = downloads.start(hub.look("team/tiny"))
    running = until(lambda: (now := downloads.progress(key)) and now.done > 20_000 and now)
    downloads.cancel(key)
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == psutil.STATUS_ZOMBIE
    assert downloads.progress(key) is None and downloads.unfinished() == [] and of_workspace(toys) == []
    assert not [path for path in store.home().rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    downloads.cancel(key)  # once more does no harm


def test_damaged_bytes_never_become_a_base_and_the_page_is_told_why(served, toys):
    one = served(hub_server.Repo(tiny_files(), damaged={"model.safetensors"}))
    key = downloads.start(hub.look("team/tiny"))
    failed = until(lambda: (now := downloads.progress(key)) and now.state == "failed" and now)
    assert "model.safetensors arrives damaged" in failed.failure.what and failed.failure.do
    assert store.bases.downloaded() == [] and sum(path.startswith("/stored") for _, path, _, _ in one.asked) >= 2, "tried twice"
    one.repos["team/tiny"].damaged = set()
    downloads.resume(failed)
    until(lambda: downloads.progress(key).state == "finished")


def test_weights_whose_header_lies_are_not_kept(served):
    lying = weights(20_000, shape=[1 << 40])
    served(hub_server.Repo({**tiny_files(), "model.safetensors": lying}))
    with pytest.raises(ModelError, match="cannot be read"):
        downloading.download(hub.look("team/tiny"))
    assert not list((store.home() / "artifacts").glob("*hub-*/")), "no draft stays"


# gated -----------------------------------------------------------------------------------------------------------------------------------


def test_a_gated_model_says_what_to_do_without_a_token(served, capsys):
    served(hub_server.Repo(tiny_files(), token=TOKEN))
    found = hub.look("team/tiny")
    assert found.gated and not found.allowed
    assert cli.main(["download", "team/tiny"]) == 1
    said = capsys.readouterr().err
    assert "gated and no token is set" in said and "HF_TOKEN" in said


def test_a_token_opens_it_stays_in_the_environment_and_goes_to_the_hub_alone(served, monkeypatch, toys):
    one = served(hub_server.Repo(tiny_files(), token=TOKEN, piece=10_000, pause=0.02))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    found = hub.look("team/tiny")
    assert found.gated and found.allowed and TOKEN not in repr(found)
    key = downloads.start(found)
    child = until(lambda: of_workspace(toys))[0]
    assert not any(TOKEN in word for word in child.cmdline())
    assert holding(toys, TOKEN) == []
    until(lambda: downloads.progress(key).state == "finished")
    assert holding(toys, TOKEN) == []
    elsewhere = [said for _, path, _, said in one.asked if path.startswith("/stored")]
    assert elsewhere and not any(elsewhere), "where the hub sends us on to, the token does not go"


@pytest.mark.parametrize("secret", ["hf_wrong", "hf_line\nbreak", "hf_ümlaut"])
def test_a_wrong_token_is_refused_and_never_quoted(served, monkeypatch, capsys, workspace, secret):
    served(hub_server.Repo(tiny_files(), token=TOKEN))
    monkeypatch.setenv("HF_TOKEN", secret)
    assert cli.main(["download", "team/tiny"]) == 1
    said = "".join(capsys.readouterr())
    assert "HF_TOKEN" in said and secret not in said and "_line" not in said and holding(workspace, secret.split("\n")[0]) == []


def test_a_token_is_not_sent_over_an_open_line(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example.org")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(AccessError, match="not encrypted"):
        hub.look("team/tiny")


# tables ----------------------------------------------------------------------------------------------------------------------------------


def test_a_data_sets_tables_are_listed_with_their_splits_and_the_chosen_ones_come(served, toys):
    files = {"data/train-00000-of-00001.csv": ROWS, "data/test.jsonl.gz": b"z" * 20_000, "dev.parquet": b"p", "README.md": b"", "load.py": b"", "a.zip": b"",
             "pictures/1.png": b"", "../evil.csv": b""}
    served(hub_server.Repo(files, kind="dataset"))
    found = hub.look("team/tiny", kind="dataset")
    assert {file.name: hub.split_of(file.name) for file in found.files} == {
        "data/train-00000-of-00001.csv": "train", "data/test.jsonl.gz": "test", "dev.parquet": "validation", "a.zip": ""}
    chosen = found.only(["data/train-00000-of-00001.csv"])
    key = downloads.start(chosen)
    until(lambda: downloads.progress(key).state == "finished")
    assert (store.artifacts.find(key) / "00000.csv").read_bytes() == ROWS
    assert cli.main(["download", "team/tiny", "--dataset", "--files", "nothing.csv"]) == 1
    assert cli.main(["download", "team/tiny", "--dataset", "--revision", "refs/convert/parquet"]) == 0
    assert len(store.downloads.there(store.downloads.DATA)) == 2


def test_a_data_set_without_tables_says_where_copies_are(served):
    served(hub_server.Repo({"load.py": b""}, kind="dataset"))
    with pytest.raises(DataError, match="holds no table") as refusal:
        hub.look("team/tiny", kind="dataset")
    assert "refs/convert/parquet" in refusal.value.failure.do


# to the end ------------------------------------------------------------------------------------------------------------------------------


def test_a_downloaded_model_answers_a_task_end_to_end(shared, small_task, served):
    from lab.jobs.outcomes import outcomes
    from lab.worker import work
    served(hub_server.Repo({path.name: path.read_bytes() for path in (shared / "model_stories260K" / "hf").iterdir()}))
    assert cli.main(["download", "team/tiny"]) == 0
    base = store.bases.resolve("hub", store.bases.downloaded()[0]["ref"])
    few = small_task.model_copy(update={"task": small_task.task.model_copy(update={"id": "few", "max_new_tokens": 8}), "examples": small_task.examples[-3:]})
    store.tasks.save(few)
    experiment = Experiment(id=store.new_id("e"), name="E", tasks=("few",), systems=(System(name="bare", base=base),), created=0.0)
    store.experiments.save(experiment)
    run, = plan(experiment)
    store.runs.create(run)
    assert work(run.id, 1, "cpu:0") == 0
    outcome, = outcomes(experiment.id)
    assert outcome.status == "finished" and store.runs.load(run.id).system.base == base


def test_looking_and_watching_load_nothing_heavy():
    code = ("import sys; from lab.jobs import downloads, hub, downloading; "
            "assert not {'torch', 'transformers', 'huggingface_hub', 'datasets'} & set(sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
