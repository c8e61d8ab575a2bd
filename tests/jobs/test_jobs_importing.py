"""Large files in the background: the same rows as at once, progress that grows, a cancel that leaves nothing, refusals with their reason."""

import csv
import json
import os
import signal
import time

import psutil
import pytest
from jobs_help import ended

from lab import cli, corpus, store
from lab.core import DataError, Example, Scorer, Task, TaskData
from lab.core.base import content_key
from lab.core.tasks import RowsKey
from lab.corpus.mapping import Mapping
from lab.jobs import importing
from lab.store import tasks


def table(path, count=600, **more):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", "answer", *more])
        for number in range(count):
            writer.writerow([f"Ask about {number}", f"label {number % 4}", *(make(number) for make in more.values())])
    return path


def begun(path, **settings):
    found = importing.look(path)
    mapping = settings.pop("mapping", None) or corpus.guess_mapping(found)
    return importing.start(path, importing.plan_for(path, found, **{"mapping": mapping, "test": 60, "validation": 30, **settings}))


def saved(job, name="big"):
    assert ended(job).state == "finished", importing.progress(job).failure
    return importing.save(job, {"id": name, "name": name})


def test_a_large_import_makes_the_same_task_as_a_small_one(tmp_path, workspace):
    path = table(tmp_path / "t.csv")
    task = saved(begun(path))
    whole = corpus.read_table(path)
    examples, _ = corpus.to_examples(whole, corpus.guess_mapping(whole), fractions=(0.85, 0.05, 0.10))
    small = TaskData(task=Task(id="s", name="s", scorers=(Scorer(kind="exact_match"),)), examples=examples).sealed()
    big = store.tasks.load("big")
    assert task.fingerprints == small.task.fingerprints == big.task.fingerprints and task.counts == big.task.counts
    assert sorted(big.examples, key=lambda row: row.id) == sorted(examples, key=lambda row: row.id)
    assert [row.split for row in big.examples[:60]] == ["test"] * 60, "who only scores reads the beginning"
    assert task.scorers[0].kind == "exact_match" and task.mapping["columns"] == ["question", "answer"]
    assert not list((workspace / "imports").iterdir()), "the draft became the task"


def test_the_fingerprint_of_many_rows_is_that_of_their_list():
    rows = [{"id": f"e{number}", "b": "ä\ud800", "a": [number]} for number in range(5)]
    key = RowsKey()
    assert key.key() == content_key([])
    for row in rows:
        key.add(row)
    assert key.key() == content_key(rows)


def test_entities_stay_whole_and_a_split_column_is_respected(tmp_path):
    path = table(tmp_path / "t.csv", entity=lambda number: f"c{number // 7}", split=lambda number: "test" if number < 40 else "train")
    saved(begun(path))
    data = store.tasks.load("big")
    assert {row.id for row in data.split("test")} == {f"e{number + 1:05d}" for number in range(40)}
    assert len({row.entity for row in data.split("validation")} & {row.entity for row in data.split("train")}) == 0 < len(data.split("validation"))


def test_what_is_wrong_is_found_and_mended_on_the_way(tmp_path):
    path = table(tmp_path / "t.csv", count=200, split=lambda number: "test" if number < 40 else "train")
    with path.open("a") as file:
        file.write("ASK about 3,label 3,train\nAsk about 50,label 2,train\ncafÃ© of ann@firm.org,label 1,train\none cell\n,label 1,train\nx,y,later\n")
    job = begun(path)
    assert ended(job).state == "finished"
    made = importing.draft(job)
    assert not made.allowed and made.lost == 3 and {problem.line for problem in made.problems} == {205, 206, 207}
    found = {(finding.level, finding.count) for finding in made.findings}
    assert ("refuse", 1) in found and {"leaks", "duplicates", "garbled", "mask"} <= set(made.mends)
    with pytest.raises(DataError, match="also stands in the test"):
        importing.save(job, {"id": "big", "name": "big"})
    saved(begun(path, mends=("garbled", "mask", "leaks", "duplicates")))
    prompts = [row.prompt for row in store.tasks.load("big").split("train")]
    assert "café of [email]" in prompts and "ASK about 3" not in prompts and prompts.count("Ask about 50") <= 1


def test_rows_that_share_a_stretch_with_the_test_are_left_out_on_the_way(tmp_path):
    path = tmp_path / "t.csv"
    words = [f"w{number} " * 3 + " ".join(f"word{number}x{place}" for place in range(14)) for number in range(40)]
    path.write_text("question,answer,split\n" + "".join(f"{text},a{n},test\n" for n, text in enumerate(words))
                    + "".join(f"again {words[n]},b{n},train\n" for n in range(5)) + "".join(f"other {n},c{n},train\n" for n in range(50)))
    job = begun(path, validation=0)
    assert ended(job).state == "finished" and any(finding.count == 5 and "13 words" in finding.what for finding in importing.draft(job).findings)
    task = saved(begun(path, mends=("overlap",), validation=0))
    assert (task.counts["train"], task.counts["test"]) == (50, 40) and not any("again" in row.prompt for row in store.tasks.load("big").examples)


def test_only_some_rows_are_wanted(tmp_path):
    path = table(tmp_path / "t.csv")
    first, second = saved(begun(path, rows=200, test=50, validation=20), "one"), saved(begun(path, rows=200, test=50, validation=20), "two")
    assert abs(first.counts["test"] - 50) <= 2 and sum(first.counts[name] for name in ("train", "validation", "test")) == 200
    assert first.fingerprints == second.fingerprints


def test_labels_get_their_names(tmp_path):
    mapping = Mapping(prompt="{question}", answer="{answer}", labels={"label 1": "one"})
    saved(begun(table(tmp_path / "t.csv"), mapping=mapping))
    assert {row.answer for row in store.tasks.load("big").examples} == {"label 0", "one", "label 2", "label 3"}


def test_a_cancelled_import_leaves_nothing_and_no_process(tmp_path, workspace):
    job = begun(table(tmp_path / "t.csv", count=150_000))
    pid = json.loads((workspace / "imports" / job / "job.json").read_text())["pid"]
    while (importing.progress(job).rows or 0) == 0:
        time.sleep(0.02)
    importing.discard(job)
    assert not (workspace / "imports" / job).exists() and importing.progress(job) is None and job not in importing.ids()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not store.tasks.newest()


def test_a_killed_import_says_so_and_can_be_discarded(tmp_path, workspace):
    job = begun(table(tmp_path / "t.csv", count=150_000))
    os.kill(json.loads((workspace / "imports" / job / "job.json").read_text())["pid"], signal.SIGKILL)
    found = ended(job)
    assert found.state == "lost" and "without a word" in found.failure.what
    importing.discard(job)
    assert not list((workspace / "imports").iterdir())


def test_what_is_met_late_in_a_file_is_refused_and_discarded(tmp_path, workspace):
    path = table(tmp_path / "t.csv")
    with path.open("ab") as file:
        file.write(b"x" * 12_000_000)
    job = begun(path)
    assert "more than 10,000,000 letters" in ended(job).failure.what and "line 602" in importing.progress(job).failure.where
    importing.discard(job)
    assert not list((workspace / "imports").iterdir())


def test_memory_has_a_limit_and_it_is_named(tmp_path):
    path = table(tmp_path / "t.csv", count=60_000)
    found = importing.look(path)
    plan = importing.plan_for(path, found, mapping=corpus.guess_mapping(found)).model_copy(update={"memory_bytes": 60 << 20})
    assert "60 MiB of memory" in ended(importing.start(path, plan)).failure.what


@pytest.mark.parametrize("name, reason", [("t.exe", "kind of file"), ("none.csv", "no such file")])
def test_what_is_no_table_is_refused_before_anything_starts(tmp_path, name, reason):
    if name == "t.exe":
        (tmp_path / name).write_bytes(b"q,a\n1,2\n")
    with pytest.raises(DataError, match=reason):
        importing.look(tmp_path / name)


def test_a_shell_imports_and_a_second_file_of_the_same_shape_is_mapped_as_the_first(tmp_path, capsys):
    path = table(tmp_path / "t.csv", extra=str)
    assert cli.main(["import", str(path), "--name", "First", "--prompt", "{extra}: {question}", "--test", "60", "--validation", "30"]) == 0
    assert "600 rows (train 510, validation 30, test 60)" in capsys.readouterr().out
    assert cli.main(["import", str(table(tmp_path / "u.csv", extra=str)), "--test", "60"]) == 0
    assert "Mapped as in the task First" in capsys.readouterr().err
    assert store.tasks.newest()[0].mapping["prompt"] == "{extra}: {question}"
    assert cli.main(["import", str(path), "--prompt", "{nothing}"]) == 1
    assert "question, answer, extra" in capsys.readouterr().err


def test_a_large_task_is_glanced_at_and_never_read_whole_by_a_page(monkeypatch, small_task):
    rows = [Example(id=f"e{number:05d}", prompt=f"p{number}", answer="a", split=split)
            for number, split in enumerate(["test"] * 20 + ["validation"] * 30 + ["train"] * 400)]
    data = TaskData(task=Task(id="large", name="Large", scorers=(Scorer(kind="exact_match"),)), examples=tuple(rows))
    sealed = store.tasks.save(data)
    monkeypatch.setattr(tasks, "LARGE_TASK", 100)
    monkeypatch.setattr(tasks, "GLANCE", 25)
    part = store.tasks.glance("large")
    assert [len(part.split(name)) for name in ("test", "validation", "train")] == [20, 25, 25]
    assert part.task == sealed.task and part.test_suite().fingerprint == sealed.test_suite().fingerprint
    assert store.tasks.glance(small_task.task.id) == store.tasks.load(small_task.task.id), "a small one is read whole"


def test_a_test_row_whose_right_answer_the_base_cannot_read_is_left_out_on_the_way(tmp_path):
    path = table(tmp_path / "t.csv")
    with path.open("a") as file:
        file.writelines(f"a question {n},{'word ' * 900}\n" for n in range(40))
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    found = importing.look(path)
    plan = importing.plan_for(path, found, base, mapping=corpus.guess_mapping(found), test=320, validation=0, mends=("long",))
    task = saved(importing.start(path, plan))
    assert task.counts["test"] < 320 and not [row for row in store.tasks.load(task.id).examples if len(row.answer) > 4_000]
