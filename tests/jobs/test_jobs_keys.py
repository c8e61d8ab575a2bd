"""Secrets of the environment: every child is given those that it needs and no other, and none of them reaches the disk."""

import time

import psutil
import pytest
from jobs_help import of_workspace, state, supervisor, until, warm_parent

from lab import jobs, remote, store
from lab.core import Experiment, Judge, Scorer, System
from lab.jobs import answerer, keys, processes

SECRETS = {"HF_TOKEN": "hf_secretofthehub", "LAB_ENDPOINT_KEY": "secret-of-an-endpoint", "LAB_JUDGE_KEY": "secret-of-a-judge", "OPENAI_API_KEY": "sk-secret",
           "WANDB_API_KEY": "somebody-elses"}


@pytest.fixture(autouse=True)
def secrets(no_keys, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def in_(process):
    return {name for name in psutil.Process(process.pid).environ() if name in SECRETS}


def launched(*systems, task="toy"):
    found = Experiment(id=store.new_id("e"), name="Keys", tasks=(task,), systems=systems, created=time.time())
    runs = jobs.launch(found)
    until(lambda: all(state(run.id) == "finished" for run in runs))
    told = {line["run"]: line["given"] for line in store.files.read_lines(store.home() / "given.jsonl")[0]}
    return {run.system.name: told[run.id] for run in runs if run.id in told}


@pytest.mark.parametrize("spawn", ["", "1"], ids=["forked", "spawned"])
def test_a_worker_has_no_secret_unless_its_base_is_behind_an_endpoint(toys, base, task, endpoint, monkeypatch, spawn):
    monkeypatch.setenv("LAB_SPAWN", spawn)
    elsewhere = store.bases.resolve("endpoint", "echo", endpoint.address())
    given = launched(System(name="secrets", base=base), System(name="secrets 2", base=elsewhere))
    assert given["secrets"] == {}
    assert given["secrets 2"] == {name: len(SECRETS[name]) for name in keys.ENDPOINTS}
    assert in_(supervisor()) == set(keys.ENDPOINTS) and in_(warm_parent()) == set()
    kept = [path for path in toys.rglob("*") if path.is_file()]
    assert kept and not [path for path in kept for value in SECRETS.values() if value.encode() in path.read_bytes()], "no secret is on disk"


def test_a_worker_whose_task_a_judge_grades_is_given_the_keys(toys, base, task, endpoint):
    judge = Scorer(kind="judge", judge=Judge(address=endpoint.address(), model="echo"))
    data = store.tasks.load(task.id)
    store.tasks.save(data.model_copy(update={"task": task.model_copy(update={"id": "judged", "scorers": (*task.scorers, judge)})}))
    assert launched(System(name="secrets", base=base), task="judged") == {"secrets": {name: len(SECRETS[name]) for name in keys.ENDPOINTS}}


def test_the_answerer_of_an_endpoint_has_its_keys_and_nothing_of_the_hub(toys, endpoint):
    answerer.ensure(store.bases.resolve("endpoint", "echo", endpoint.address()))
    [relay] = of_workspace(toys)
    assert in_(relay) == set(keys.ENDPOINTS)


def test_other_children_inherit_what_they_need_and_no_secret(monkeypatch, workspace):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    found = processes.environment(OMP_NUM_THREADS="1")
    assert not SECRETS.keys() & found.keys() and processes.TOKEN not in found
    assert found["HTTPS_PROXY"] and found["TOKENIZERS_PARALLELISM"] == "false" and found["LAB_HOME"] == str(workspace) and found["PATH"]
    assert SECRETS.keys() & processes.environment(*keys.HUB).keys() == {"HF_TOKEN"}


def test_the_names_of_the_keys_are_those_that_endpoints_are_asked_with():
    assert set(keys.ENDPOINTS) == {remote.address.OWN_KEY, remote.address.JUDGE_KEY, remote.address.OPENAI_KEY}
    assert all(keys.SECRET.search(name) for name in (*keys.ENDPOINTS, *keys.HUB, "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DB_PASSWORD"))
    assert not any(keys.SECRET.search(name) for name in ("PATH", "TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE", "LAB_ENDPOINT_ADDRESS", "KEYBOARD", "HF_HOME"))
