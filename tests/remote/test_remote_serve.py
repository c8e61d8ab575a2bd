"""Against `transformers serve`, which is nobody's work of this lab: the shipped base answers there as it answers here."""

import os
import socket
import subprocess
import sys
import time

import httpx
import pytest

from lab import store
from lab.core import Prompting, System
from lab.remote import Client

ITEMS = 12


@pytest.fixture
def served(shipped_base, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from transformers.cli.transformers import main; main()", "serve", str(shipped_base), "--port", str(port),
               "--host", "127.0.0.1", "--device", "cpu", "--dtype", "float32"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HF_HOME": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"})
    try:
        for _ in range(600):
            assert process.poll() is None, (tmp_path / "log").read_text()[-2000:]
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.3)
        yield store.bases.resolve("endpoint", str(shipped_base), f"http://127.0.0.1:{port}/v1")
    finally:
        process.kill()
        process.wait(10)
        log.close()


def test_transformers_serve_gives_the_answers_of_the_base_itself(served, shipped_base):
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    from lab.evals.evaluate import evaluate
    from lab.methods.asking import Asker
    from lab.methods.endpoint import EndpointAsker
    data = store.tasks.load("facts")
    suite = data.test_suite()
    suite = suite.model_copy(update={"items": suite.items[:ITEMS]})
    base, parts = store.bases.resolve("folder", str(shipped_base)), {"prompting": Prompting(instruction="Answer briefly.", shots=2)}
    here = evaluate(Asker(System(name="s", base=base, **parts), load_base(shipped_base, settle()), data.split("train"), None), suite, "k")
    client = Client(served.address, served.ref)
    there = evaluate(EndpointAsker(System(name="s", base=served, **parts), client, data.split("train"), None), suite, "k")
    same = ("answer", "values", "prompt_tokens")
    assert [[getattr(score, name) for name in same] for score in here.scores] == [[getattr(score, name) for name in same] for score in there.scores]
    pieces = [chunk["choices"][0]["delta"].get("content") or "" for chunk in client.stream([{"role": "user", "content": suite.items[0].prompt}], 16)
              if chunk.get("choices")]
    assert len("".join(pieces)) > 0
