"""Indexes built and asked in processes of their own, for real: progress, one artifact with the runs, cancelling, a searcher that comes and goes."""

import subprocess
import sys
import time

import pytest
from jobs_help import of_workspace

from lab import jobs, store
from lab.core import Document, Experiment, LabError, Retrieval, Scorer, System, Task, TaskData, index_key
from lab.jobs import indexing, processes, searching
from lab.searcher import index_of
from lab.worker import work


@pytest.fixture(autouse=True)
def cleared(workspace):
    yield
    searching.end()
    for process in of_workspace(workspace):
        process.kill()


def wait_for(settings, task, seconds=60):
    """Every state that was seen on the way, and the last look."""
    seen, deadline = [], time.monotonic() + seconds
    while (index := indexing.look(settings, task)).active:
        seen.append(index)
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)
    return seen, index


def large_task(documents=400, words=3_000):
    """So many documents that one can watch and cancel."""
    text = " ".join(f"word{number % 977} and number {number}." for number in range(words // 4))
    data = TaskData(task=Task(id="large", name="Large", scorers=(Scorer(kind="exact_match"),)),
                    documents=tuple(Document(id=f"d{number:04d}", name=f"d{number}", text=text) for number in range(documents)))
    return store.tasks.save(data)


def test_an_index_built_in_the_background_is_byte_for_byte_the_one_a_run_makes(workspace, tmp_path, monkeypatch):
    data, settings = store.tasks.load("facts"), Retrieval(chunk_words=30, overlap_words=5)
    assert indexing.look(settings, data.task).state == "missing"
    indexing.build(settings, data.task)
    seen, index = wait_for(settings, data.task)
    assert index.state == "ready" and index.key == index_key(settings, data.task) and seen
    mine = store.artifacts.about(index.key)["files"]
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "other"))
    index_of(settings, data)
    assert store.artifacts.about(index.key)["files"] == mine


def test_an_index_that_a_run_made_is_ready_at_once_and_built_by_nobody_again(workspace):
    data = store.tasks.load("facts")
    index_of(Retrieval(), data)
    assert indexing.look(Retrieval(top_k=9), data.task).state == "ready", "how many passages are taken is no matter of the index"
    indexing.build(Retrieval(), data.task)
    assert not of_workspace(workspace)


def test_a_cancelled_index_leaves_nothing_and_can_be_built_again(workspace):
    data, settings = large_task(), Retrieval(chunk_words=30, overlap_words=10)
    indexing.build(settings, data.task)
    deadline = time.monotonic() + 60
    while not (index := indexing.look(settings, data.task)).done:
        assert index.active and time.monotonic() < deadline
        time.sleep(0.02)
    assert index.state == "building" and 0 < index.done < index.total == 400
    indexing.cancel(settings, data.task)
    assert indexing.look(settings, data.task).state == "missing"
    assert not of_workspace(workspace)
    assert [path.name for path in (workspace / "artifacts").iterdir() if path.suffix != ".lock"] == []
    assert not (workspace / "search" / f"{index.key}.json").exists()
    indexing.build(settings, data.task)
    assert indexing.look(settings, data.task).active
    indexing.cancel(settings, data.task)


def test_a_builder_that_was_killed_is_said_and_its_draft_goes_with_the_next_cancel(workspace):
    data, settings = large_task(), Retrieval(chunk_words=30, overlap_words=10)
    indexing.build(settings, data.task)
    deadline = time.monotonic() + 60
    while not indexing.look(settings, data.task).done:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for process in of_workspace(workspace):
        process.kill()
        process.wait(10)
    index = indexing.look(settings, data.task)
    assert index.state == "failed" and "ended without a word" in index.failure.what
    assert [path for path in (workspace / "artifacts").iterdir() if path.is_dir()]
    indexing.cancel(settings, data.task)
    assert not [path for path in (workspace / "artifacts").iterdir() if path.is_dir()]


def test_an_embedder_that_is_not_there_is_said_with_the_way_out():
    data, settings = store.tasks.load("facts"), Retrieval(retriever="dense", embedder="/nowhere/at/all")
    indexing.build(settings, data.task)
    _, index = wait_for(settings, data.task)
    assert index.state == "failed" and index.failure.kind == "model" and "lexical" in index.failure.do


def test_questions_are_answered_outside_this_process_and_right_documents_come_first():
    data, settings = store.tasks.load("facts"), Retrieval()
    searcher = index_of(settings, data)
    rows = [row for row in data.split("validation") if row.documents][:40]
    found = [documents for part in searching.found_documents(settings, data.task, [row.prompt for row in rows]) for documents in part]
    assert len(found) == len(rows) > 10 and sum(documents[0] in row.documents for documents, row in zip(found, rows)) > 0.9 * len(rows)
    whole = searching.search(settings, data.task, rows[0].prompt)
    taken = searcher.search(rows[0].prompt)
    assert [whole.passages[place].text for place, _ in whole.rankings["lexical"][:3]] == [passage.text for passage in taken]


def test_a_missing_index_is_an_error_and_the_next_question_is_answered():
    data = store.tasks.load("facts")
    index_of(Retrieval(), data)
    with pytest.raises(LabError, match="missing or damaged"):
        searching.search(Retrieval(chunk_words=77), data.task, "x")
    assert searching.search(Retrieval(), data.task, data.split("test")[0].prompt).passages


def test_a_searcher_that_has_gone_is_replaced(workspace):
    data = store.tasks.load("facts")
    index_of(Retrieval(), data)
    question = data.split("test")[0].prompt
    before = searching.search(Retrieval(), data.task, question)
    (process,) = of_workspace(workspace)
    process.kill()
    process.wait(10)
    assert searching.search(Retrieval(), data.task, question) == before


def test_an_idle_searcher_leaves(workspace):
    child = subprocess.Popen([sys.executable, "-m", "lab", "search", "--idle", "0.2"], cwd=processes.ROOT, stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, env=processes.environment())
    assert child.wait(60) == 0


def rag_run(task):
    """A queued run of a System that retrieves; nobody but the test takes it."""
    data = store.tasks.load("facts")
    store.tasks.save(data.model_copy(update={"task": data.task.model_copy(update={"id": task}),
                                             "examples": data.split("train")[:4] + data.split("test")[:2]}))
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    experiment = Experiment(id=store.new_id("e"), name="E", tasks=(task,), systems=(System(name="RAG", base=base, retrieval=Retrieval(top_k=1)),),
                            suites=(), created=time.time())
    store.experiments.save(experiment)
    run = next(run for run in jobs.plan(experiment) if run.system.retrieval)
    store.runs.create(run)
    return run


def test_a_run_counts_documents_and_passages_while_it_indexes():
    run = rag_run("few")
    assert work(run.id, 1, "cpu:0") == 0
    told = [event for event in store.runs.events(run.id)[0] if event["stage"] == "index"]
    assert {event["values"]["part"] for event in told} == {"documents", "passages"} and {event["kind"] for event in told} == {"progress"}
    assert told[-1]["step"] == told[-1]["total"] > 0
    assert indexing.look(Retrieval(), store.tasks.load("few").task).state == "ready", "the page finds the run's index"


def test_a_run_that_is_stopped_while_it_indexes_leaves_no_index():
    run = rag_run("few")
    store.runs.ask_to_stop(run.id, keep=False)
    work(run.id, 1, "cpu:0")
    assert store.runs.state(run.id).name == "stopped"
    assert indexing.look(Retrieval(), store.tasks.load("few").task).state == "missing"


def test_the_shell_builds_an_index_and_refuses_unknown_settings():
    def lab(*arguments):
        return subprocess.run([sys.executable, "-m", "lab", "index", *arguments], cwd=processes.ROOT, env=processes.environment(), capture_output=True,
                              text=True, timeout=60)

    done = lab("facts", "--settings", '{"chunk_words": 40, "overlap_words": 0}')
    key = index_key(Retrieval(chunk_words=40, overlap_words=0), store.tasks.load("facts").task)
    assert done.returncode == 0 and done.stdout.startswith(f"{key}: ") and store.artifacts.find(key)
    wrong = lab("facts", "--settings", '{"chunk_size": 40}')
    assert wrong.returncode == 1 and "chunk_size" in wrong.stderr and "chunk_words" in wrong.stderr and "Traceback" not in wrong.stderr
