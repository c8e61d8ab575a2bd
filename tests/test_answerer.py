"""The answerer through its own door: the official client, several Systems at once, and what it refuses."""

import threading
import time

import httpx
import openai
import pytest

from lab import jobs, store
from lab.core import Experiment, Prompting, Retrieval, System
from lab.jobs import answerer as process
from lab.jobs.outcomes import evaluation_key
from lab.worker import work


@pytest.fixture
def served(small_task, tiny):
    """Four finished Systems of one base, and a living answerer."""
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    systems = (System(name="base", base=base), System(name="shots", base=base, prompting=Prompting(shots=2)),
               System(name="RAG", base=base, retrieval=Retrieval(top_k=1)), System(name="SFT", base=base, training=(tiny["sft"],)))
    experiment = Experiment(id="asked", name="A", tasks=("small",), systems=systems, created=time.time())
    store.experiments.save(experiment)
    runs = jobs.plan(experiment)
    for run in runs:
        store.runs.create(run)
        assert work(run.id, 1, "cpu:0") == 0
    found = process.ensure(base)
    yield found, {run.system.name: run for run in runs}
    process.give_back()


def test_the_official_client_asks_four_systems_at_once(served):
    found, runs = served
    client = openai.OpenAI(base_url=f"{found.address}/v1", api_key=found.token)
    assert {run.id for run in runs.values()} | {"base"} == {model.id for model in client.models.list()}
    item = store.tasks.load("small").test_suite().items[0]
    answers, pieces = {}, {}

    def ask(name):
        stream = client.chat.completions.create(model=runs[name].id, messages=[{"role": "user", "content": item.prompt}], stream=True)
        chunks = [chunk for chunk in stream if chunk.choices]
        pieces[name] = len(chunks)
        answers[name] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    threads = [threading.Thread(target=ask, args=(name,)) for name in runs]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    task = store.tasks.load("small")
    for name, run in runs.items():
        scored = store.evaluations.find(evaluation_key(run, task.test_suite()), task.test_suite().fingerprint).scores[0]
        assert answers[name].strip() == scored.answer, f"{name}: what is asked here is what was scored"
    assert max(pieces.values()) > 3, "answers come piece by piece"

    whole = client.chat.completions.create(model=runs["RAG"].id, messages=[{"role": "user", "content": item.prompt}], max_tokens=5)
    assert whole.usage.completion_tokens <= 5 and whole.choices[0].finish_reason in ("stop", "length")
    about = whole.model_extra["lever_lab"]
    assert about["passages"][0]["text"] in about["prompt"] and about["seconds"] > 0


def test_what_it_refuses(served):
    found, runs = served
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{found.address}/v1", api_key="wrong").models.list()
    client = openai.OpenAI(base_url=f"{found.address}/v1", api_key=found.token, max_retries=0)
    for model, content in (("../../etc/passwd", "x"), ("no-such-model", "x"), (runs["base"].id, "word " * 2_000)):
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    head = {"authorization": f"Bearer {found.token}"}
    post = lambda **more: httpx.post(f"{found.address}/v1/chat/completions", **more).status_code  # noqa: E731
    assert post(content=b"{", headers=head) == 400
    assert post(content=b"[" * 200_000, headers=head) == 400
    assert post(content=b" " * 1_100_000, headers=head) == 413
    assert post(json={"messages": [{"role": "user", "content": "x"}]}, headers=head | {"host": "evil.example"}) == 400
    assert client.chat.completions.create(model="base", messages=[{"role": "user", "content": "What is the capital of France?"}],
                                          max_tokens=4).choices[0].message.content is not None, "it lives on"


def test_it_leaves_when_idle_and_withdraws_its_address(workspace):
    import subprocess
    import sys
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    child = subprocess.Popen([sys.executable, "-m", "lab", "serve", "--base", base.ref, "--idle", "1"])
    assert child.wait(60) == 0 or child.returncode == -15
    assert process.living(base.fingerprint) is None and not list((workspace / "answerer").glob("*.json"))
