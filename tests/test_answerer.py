"""The answerer through its own door: the official client, several Systems at once, and what it refuses."""

import threading
import time

import httpx
import openai
import pytest
import torch

from lab import jobs, store
from lab.answerer import BARE_TOKENS, Answerer, Question
from lab.core import Experiment, Prompting, Retrieval, System
from lab.engine.devices import settle
from lab.engine.generate import generate
from lab.engine.load import load_base
from lab.engine.weights import save_weights, trainable_copy
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


def asked(answerer, *names, prompt):
    """The answers of several models to one question, asked at once, by name."""
    questions = {name: Question(model=name, prompt=prompt, history=[], max_tokens=None, tell=lambda text: None) for name in names}
    done = {name: threading.Event() for name in names}
    for name, question in questions.items():
        question.tell = lambda text, name=name: done[name].set() if text is None else None
        answerer.waiting.put(question)
    assert all(event.wait(120) for event in done.values())
    return questions


def checkpoint(base, key, seed, **config):
    """A pretraining's checkpoint as it lies in the workspace: the base with other weights (or another shape)."""
    folder = store.bases.folder_of(base)
    loaded = load_base(folder, settle())
    model, chance = trainable_copy(loaded.model), torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=chance)
    if config:
        model = type(model)(type(model.config)(**{**model.config.to_dict(), **config}))
    about = {"kind": "base", "run": "run-1", "step": seed, "total": 9, "objective": "causal", "title": f"XS, step {seed}", "final": False}
    with store.artifacts.making(key, about) as draft:
        save_weights(model, draft, folder, torch.float32)
    return load_base(store.artifacts.find(key), settle())


def test_adapters_whole_weights_and_checkpoints_are_asked_at_once(small_task, tiny):
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    full = tiny["sft"].model_copy(update={"tuning": "full", "learning_rate": 1e-3})
    systems = (System(name="base", base=base), System(name="LoRA", base=base, training=(tiny["sft"],)),
               System(name="full", base=base, training=(full,)), System(name="both", base=base, training=(full, tiny["dpo"])))
    runs = {run.system.name: run for run in jobs.plan(Experiment(id="e", name="E", tasks=("small",), systems=systems, created=time.time()))}
    for run in runs.values():
        store.runs.create(run)
        assert work(run.id, 1, "cpu:0") == 0
    keys = [f"{store.bases.MADE}{step}-run-1" for step in (1, 2)]
    alone = {f"made-{key}": checkpoint(base, key, seed) for seed, key in enumerate(keys, start=1)}
    checkpoint(base, f"{store.bases.MADE}3-run-1", 3, num_attention_heads=8, num_key_value_heads=8, head_dim=16)
    answerer = Answerer(base)
    assert {model["id"] for model in answerer.models()} == {"base", *alone, *(run.id for run in runs.values())}

    suite = store.tasks.load("small").test_suite()
    item = suite.items[0]
    found = asked(answerer, *alone, *(run.id for run in runs.values()), prompt=item.prompt)
    for run in runs.values():
        assert found[run.id].shown.strip() == store.evaluations.find(evaluation_key(run, suite), suite.fingerprint).scores[0].answer
    for name, loaded in alone.items():
        ids = loaded.encode(loaded.template.render([{"role": "user", "content": item.prompt}], True))
        assert found[name].ids == generate(loaded, [ids], BARE_TOKENS)[0].ids and not found[name].failure
    for wrong, word in ((f"made-{store.bases.MADE}3-run-1", "another shape"), ("made-nothing", "No checkpoint"), ("made-../x", "No checkpoint")):
        assert word in asked(answerer, wrong, prompt="?")[wrong].failure
