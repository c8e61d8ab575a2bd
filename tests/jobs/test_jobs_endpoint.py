"""Systems on a base behind an endpoint: the same answers as on the base itself, None where nothing can be read, refusals before the queue."""

import os
import socket
import subprocess
import sys
import time

import pytest

from lab import jobs, store
from lab.core import FINAL, Base, Experiment, Item, ModelError, Prompting, Retrieval, Scorer, Sft, Suite, System
from lab.jobs import answerer as process
from lab.jobs import office
from lab.jobs.outcomes import outcomes
from lab.methods.endpoint import AT_ONCE, HOPELESS, UNREAD, EndpointAsker
from lab.questions import Question
from lab.relay import Relay
from lab.remote import Client
from tests.jobs.jobs_help import of_workspace, until
from tests.pages.pages_help import opened

ITEMS = 32
SHOTS, RAG = Prompting(instruction="Answer briefly.", shots=2), Retrieval(top_k=1)


@pytest.fixture(autouse=True)
def forgotten(no_keys):
    """See no_keys."""


@pytest.fixture
def shipped():
    return store.bases.resolve("shipped", store.bases.shipped()[0])


@pytest.fixture
def own(shipped, monkeypatch):
    """The lab's own answerer as an endpoint: its token is the key."""
    found = process.ensure(shipped)
    monkeypatch.setenv("LAB_ENDPOINT_KEY", found.token)
    yield store.bases.resolve("endpoint", "base", f"{found.address}/v1")
    process.give_back()


def echo(endpoint, how="well"):
    return store.bases.resolve("endpoint", "echo", endpoint.address(how))


def suite_of(prompts, *scorers):
    items = tuple(Item(id=str(n), prompt=prompt, answer=prompt.upper(), choices=(prompt, "x")) for n, prompt in enumerate(prompts))
    return Suite(name="s", title="S", role="task", scorers=tuple(Scorer(kind=kind) for kind in scorers), items=items)


def scored(base, suite, **parts):
    from lab.evals.evaluate import evaluate
    return evaluate(EndpointAsker(System(name="s", base=base, **parts), Client(base.address, base.ref), (), None), suite, "k").scores


def test_a_base_behind_an_endpoint_has_a_name_and_no_files(endpoint):
    base = echo(endpoint)
    assert base.context == 777 and base.parameters == 0 and not store.bases.has_files(base)
    assert base == store.bases.resolve("endpoint", "echo", endpoint.address() + "/")
    assert base.fingerprint != store.bases.resolve("endpoint", "second", endpoint.address()).fingerprint
    with pytest.raises(ModelError, match="shows no files"):
        store.bases.folder_of(base)


def test_answers_are_scored_and_what_cannot_be_read_is_none_with_the_reason(endpoint):
    scores = scored(echo(endpoint), suite_of([f"word {n}" for n in range(30)], "exact_match", "multiple_choice", "answer_loss"))
    assert all(score.values == {"exact_match": 1.0, "multiple_choice": None, "answer_loss": None} for score in scores)
    assert all(UNREAD in score.reason and score.kl is None and score.ended is True and score.prompt_tokens == 11 for score in scores)
    assert sum(score.seconds is not None for score in scores) == 8, "latency comes from answers that were asked for alone"
    assert 1 < endpoint.most_at_once <= AT_ONCE


def test_raw_text_is_not_measured_and_not_asked_for(endpoint):
    base, before = echo(endpoint), len(endpoint.calls)
    scores = scored(base, store.tasks.load_suite("text_loss"))
    assert all(score.values == {"text_loss": None} and score.reason == UNREAD for score in scores)
    assert len(endpoint.calls) == before


def test_a_refused_item_is_not_measured_and_the_others_are(endpoint):
    scores = scored(echo(endpoint, "choosy"), suite_of(["a", "LONG", "b"], "exact_match"))
    assert [score.values["exact_match"] for score in scores] == [1.0, None, 1.0]
    assert "This prompt is too long" in scores[1].reason and scores[1].answer_tokens is None
    with pytest.raises(ModelError, match="This prompt is too long"):
        scored(echo(endpoint, "full"), suite_of([str(n) for n in range(20)], "exact_match"))
    assert endpoint.count("full") <= HOPELESS + AT_ONCE + 1


def test_the_messages_are_those_of_a_local_base(endpoint, small_task):
    rows = store.tasks.load("small").split("train")
    asker = EndpointAsker(System(name="s", base=echo(endpoint), prompting=SHOTS), Client(endpoint.address(), "echo"), rows, None)
    asked = asker.ask("Question?", 8)
    assert [message["role"] for message in asked.messages] == ["system", "user", "assistant", "user", "assistant", "user"]
    asker.write([asked], 8)
    assert endpoint.calls[-1]["messages"] == asked.messages and "[system]\nAnswer briefly." in asked.text


def test_the_same_systems_give_the_same_answers_through_the_endpoint_as_on_the_base(own, shipped, small_task, tmp_path):
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    from lab.evals.evaluate import evaluate
    from lab.methods.asking import Asker
    from lab.methods.retrieval import Searcher, build_index
    data = store.tasks.load("facts")
    build_index(RAG, data.documents, tmp_path)
    suite = data.test_suite()
    suite = suite.model_copy(update={"items": suite.items[:ITEMS]})
    loaded, client = load_base(store.bases.folder_of(shipped), settle()), Client(own.address, own.ref)
    for parts in ({}, {"prompting": SHOTS}, {"retrieval": RAG}):
        searcher = Searcher(RAG, tmp_path) if "retrieval" in parts else None
        here = evaluate(Asker(System(name="s", base=shipped, **parts), loaded, data.split("train"), searcher), suite, "k")
        there = evaluate(EndpointAsker(System(name="s", base=own, **parts), client, data.split("train"), searcher), suite, "k")
        same = ("answer", "values", "hit", "prompt_tokens", "answer_tokens", "ended", "passages")
        assert [[getattr(score, name) for name in same] for score in here.scores] == [[getattr(score, name) for name in same] for score in there.scores]
        assert here.decoding == there.decoding


def experiment(base, *systems, **more):
    return Experiment(id=store.new_id("e"), name="Endpoint", tasks=("small",), systems=systems or (System(name="bare", base=base),), created=time.time(),
                      **more)


def test_training_quantising_and_templates_are_refused_before_anything_is_queued(endpoint, small_task):
    base = echo(endpoint)
    refused = (System(name="SFT", base=base, training=(Sft(),)), System(name="small", base=base, quantisation="int8"),
               System(name="own", base=base, template="{{ x }}"))
    for system, words in zip(refused, ("needs the model's weights", "cannot be quantised", "own template")):
        found = jobs.check(experiment(base, system))
        assert [words in failure.what and bool(failure.do) and system.name in failure.where for failure in found] == [True]
        with pytest.raises(ModelError):
            jobs.launch(experiment(base, system))
    assert store.runs.ids() == []
    assert jobs.check(experiment(base, System(name="RAG", base=base, prompting=SHOTS, retrieval=RAG))) == []


def test_an_endpoint_that_is_gone_is_refused_before_anything_is_queued(small_task):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    base = Base(kind="endpoint", ref="m", fingerprint="f", address=f"http://127.0.0.1:{port}/v1")
    assert ["cannot be reached" in failure.what for failure in jobs.check(experiment(base))] == [True]


def test_an_experiment_of_endpoint_systems_runs_and_stands_on_the_compare_page(own, small_task, monkeypatch, workspace):
    from lab.worker import work
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)
    systems = (System(name="3 shots", base=own, prompting=Prompting(shots=3)), System(name="RAG", base=own, retrieval=RAG))
    found = experiment(own, *systems, suites=("capitals", "text_loss"))
    runs = jobs.launch(found)
    assert [work(run.id, 1, "cpu:0") for run in runs] == [0, 0, 0]
    there = outcomes(found.id)
    assert [(outcome.system, outcome.status) for outcome in there] == [("base", "finished"), ("3 shots", "finished"), ("RAG", "finished")]
    for outcome in there:
        assert all(value is not None for value in outcome.evaluations["small"].column())
        assert all(value is None for value in outcome.evaluations["text_loss"].column())
    app = opened("compare", {"experiment": found.id})
    assert not app.exception
    key = os.environ["LAB_ENDPOINT_KEY"]
    kept = [path for path in workspace.rglob("*") if path.is_file() and path.parent.name != "answerer"]
    assert kept and not [path for path in kept if key.encode() in path.read_bytes()], "the key is nowhere on disk but with the answerer it opens"


def test_a_run_through_the_supervisor_asks_with_the_key_of_the_environment(own, small_task, workspace):
    runs = jobs.launch(experiment(own))
    try:
        until(lambda: all(store.runs.state(run.id).name in FINAL for run in runs), 60)
        assert [store.runs.state(run.id).failure for run in runs] == [None] and store.runs.state(runs[0].id).name == "finished"
    finally:
        for process_ in of_workspace(workspace):
            process_.kill()


def test_the_shell_says_why_an_endpoint_cannot_be_served(endpoint, capsys):
    from lab.cli import main
    assert main(["serve", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m"]) == 1 and "cannot be reached" in capsys.readouterr().err
    assert main(["serve", "--endpoint", endpoint.address(), "--model", "missing"]) == 1 and "It lists: echo, second" in capsys.readouterr().err
    assert main(["serve", "--endpoint", endpoint.address()]) == 1 and "No model is named" in capsys.readouterr().err


def ask(relay, model, prompt):
    pieces, done = [], []
    question = Question(model=model, prompt=prompt, history=[], max_tokens=None, tell=lambda text: (pieces if text else done).append(text))
    relay.waiting.put(question)
    deadline = time.monotonic() + 20
    while not done:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return question, pieces


def test_a_system_on_an_endpoint_is_a_model_name_like_any_other(endpoint, small_task):
    base = echo(endpoint)
    found = experiment(base, System(name="shots", base=base, prompting=SHOTS))
    store.experiments.save(found)
    run = next(run for run in jobs.plan(found) if run.system.name == "shots")
    store.runs.create(run)
    store.runs.move(run.id, "running", attempt=1)
    store.runs.move(run.id, "finished")
    relay = Relay(base)
    assert [model["id"] for model in relay.models()] == ["base", run.id]
    question, pieces = ask(relay, run.id, "say it in words")
    assert question.shown.split() == ["SAY", "IT", "IN", "WORDS"] and len(pieces) == 4 and question.ended and not question.failure
    assert "Answer briefly." in question.asked.text and question.usage["prompt_tokens"] == 11 and 0 < question.first <= question.seconds
    for model, words in (("no-such-run", "No model of this name"), ("../x", "No model of this name")):
        assert words in ask(relay, model, "x")[0].failure
    assert "This prompt is too long" in ask(Relay(echo(endpoint, "full")), "base", "x")[0].failure


def test_the_relay_answers_in_its_own_process_without_the_models_libraries(endpoint, small_task):
    import openai
    found = process.ensure(echo(endpoint))
    client = openai.OpenAI(base_url=f"{found.address}/v1", api_key=found.token, max_retries=0)
    assert [model.id for model in client.models.list()] == ["base"]
    answer = client.chat.completions.create(model="base", messages=[{"role": "user", "content": "hello"}], max_tokens=5)
    assert answer.choices[0].message.content.strip() == "HELLO" and answer.usage.prompt_tokens == 11
    loaded = subprocess.run([sys.executable, "-c", "import sys, lab.relay, lab.serve; print('torch' in sys.modules)"], capture_output=True, text=True,
                            cwd=store.SHIPPED.parent, timeout=60)
    assert loaded.stdout.strip() == "False"
    process.give_back()
