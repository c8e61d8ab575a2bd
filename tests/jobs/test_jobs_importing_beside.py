"""Large files of preference pairs and of documents: brought beside a task's examples, with progress, checks, a cancel that leaves nothing."""

import gzip
import json
import time
import zipfile

import psutil
import pytest
from jobs_help import ended

from lab import cli, corpus, store
from lab.core import DataError, Document, Example, Preference, Scorer, Task, TaskData
from lab.corpus.mapping import Mapping
from lab.jobs import importing
from lab.store import tasks


@pytest.fixture
def task():
    """A task with test questions, saved."""
    rows = tuple(Example(id=f"e{number}", prompt=f"What is the use of the thing with the number {number} in the large house?", answer=f"a{number}",
                         split="test" if number < 40 else "train") for number in range(80))
    return store.tasks.save(TaskData(task=Task(id="mine", name="Mine", need="facts", scorers=(Scorer(kind="contains_answer"),)), examples=rows)).task


def pairs(path, count=400, **changed):
    rows = [{"prompt": f"Write about {number}", "chosen": f"good {number}", "rejected": f"bad {number}"} for number in range(count)]
    for number, row in changed.items():
        rows[int(number[1:])] |= row
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def begun(path, **settings):
    found = importing.look(path)
    mapping = settings.pop("mapping", None) or corpus.guess_mapping(found)
    return importing.start(path, importing.plan_for(path, found, kind="preferences", task="mine", mapping=mapping, **{"validation": 40, **settings}))


def saved(job, name="more"):
    assert ended(job).state == "finished", importing.progress(job).failure
    return importing.save(job, {"id": name, "name": name})


# preference pairs -----------------------------------------------------------------------------------------------------------------


def test_pairs_of_a_large_file_make_another_task_with_the_examples_of_the_first(tmp_path, workspace, task):
    path = tmp_path / "p.jsonl.gz"
    path.write_bytes(gzip.compress(pairs(tmp_path / "p.jsonl").read_bytes()))
    made = saved(begun(path))
    whole, first = store.tasks.load("more"), store.tasks.load("mine")
    assert made == whole.task and made.need == "facts" and made.scorers == task.scorers and made.mapping["preferences"]["chosen"] == "{chosen}"
    assert whole.examples == first.examples and made.fingerprints["test"] == task.fingerprints["test"]
    assert len(whole.pairs("validation")) == 40 and len(whole.pairs("train")) == 360 and made.counts["preferences"] == 400
    assert whole.preferences[0].split == "validation", "who only looks reads the beginning"
    small, _ = corpus.to_preferences(table := corpus.read_table(path), corpus.guess_mapping(table))
    assert sorted(whole.preferences, key=lambda pair: pair.id) == sorted(small, key=lambda pair: pair.id), "as a small file: one of ten validates"
    assert first.preferences == () and not list((workspace / "imports").iterdir())


def test_pairs_that_give_the_test_away_are_refused_or_left_out_on_the_way(tmp_path, task):
    asked = {"prompt": "what is the use of  the thing with the number 7 in the large house?"}
    near = {"prompt": "Say in one word: what is the use of the thing with the number 9 in the large house, and why?"}
    path = pairs(tmp_path / "p.jsonl", n3=asked, n5={"rejected": "good 5"}, n6={"chosen": " "}, n8=near, n10={"prompt": "Write about 9", "chosen": "good 9",
                 "rejected": "bad 9"}, n11={"chosen": "{{name}} mail ann@firm.org"})
    job = begun(path)
    assert ended(job).state == "finished"
    made = importing.draft(job)
    found = {finding.what.split(" (")[0] for finding in made.findings}
    assert made.lost == 2 and [problem.line for problem in made.problems] == [6, 7] and not made.allowed
    assert "The prompt of a preference pair also stands in the test split" in found and any("13 words" in what for what in found)
    assert any("twice" in what for what in found) and any("Placeholders" in what for what in found) and any("E-mail" in what for what in found)
    with pytest.raises(DataError, match="also stands in the test"):
        importing.save(job, {"id": "more", "name": "more"})
    made = saved(begun(path, mends=("leaks", "duplicates", "mask")))
    prompts = [pair.prompt for pair in store.tasks.load("more").preferences]
    assert made.counts["preferences"] == 396 and asked["prompt"] not in prompts and prompts.count("Write about 9") == 1
    assert near["prompt"] in prompts
    saved(begun(path, mends=("leaks", "overlap")), "less")
    assert near["prompt"] not in [pair.prompt for pair in store.tasks.load("less").preferences] and store.tasks.describe("less").counts["preferences"] == 396
    assert "{{name}} mail [email]" in [pair.chosen for pair in store.tasks.load("more").preferences]


def test_answers_with_a_yes_or_no_are_no_pairs(tmp_path, task):
    path = tmp_path / "kto.jsonl"
    path.write_text("\n".join(json.dumps({"prompt": f"p{n}", "completion": "c", "label": n % 2 == 0}) for n in range(50)))
    with pytest.raises(DataError, match="KTO"):
        importing.plan_for(path, importing.look(path), kind="preferences", task="mine", mapping=Mapping(prompt="{prompt}", chosen="{a}", rejected="{b}"))


def test_a_large_task_of_pairs_is_glanced_at_and_read_row_by_row(tmp_path, task, monkeypatch):
    saved(begun(pairs(tmp_path / "p.jsonl")))
    monkeypatch.setattr(tasks, "LARGE_TASK", 100)
    monkeypatch.setattr(tasks, "GLANCE", 25)
    part = store.tasks.glance("more")
    assert [len(part.pairs(name)) for name in ("validation", "train")] == [25, 25] and part.task.counts["preferences"] == 400
    monkeypatch.setattr(tasks, "IN_MEMORY", 50)
    assert len(store.tasks.load("more").pairs("train")) == 360 and isinstance(store.tasks.load("more").pairs("train")[-1], Preference)


def test_rows_that_a_base_cannot_read_and_long_answers_are_told(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("question,answer\n" + "".join(f"ask {n},{'word ' * (400 if n < 3 else 2)}{n}\n" for n in range(200)))
    base = store.bases.resolve("shipped", store.bases.shipped()[0])
    found = importing.look(path)
    job = importing.start(path, importing.plan_for(path, found, base, mapping=corpus.guess_mapping(found), test=200, validation=0))
    assert ended(job).state == "finished", importing.progress(job).failure
    made = importing.draft(job)
    assert len(made.answers) == 200 and max(made.answers) > 400 > 64
    assert any("200 test questions" not in finding.what and "far longer than the others" in finding.what for finding in made.findings)
    longer = path.with_name("u.csv")
    longer.write_text("question,answer\n" + "".join(f"{'word ' * (base.context if n < 3 else 2)}{n},a\n" for n in range(200)))
    found = importing.look(longer)
    job = importing.start(longer, importing.plan_for(longer, found, base, mapping=corpus.guess_mapping(found), test=100, validation=0))
    assert ended(job).state == "finished", importing.progress(job).failure
    made = importing.draft(job)
    assert any(finding.level == "warn" and "tokens" in finding.what and "Build refuses" in finding.what for finding in made.findings) and made.allowed
    plan = importing.plan_for(longer, found, base, mapping=corpus.guess_mapping(found), test=100, validation=0, mends=("long",))
    job = importing.start(longer, plan)
    assert ended(job).state == "finished", importing.progress(job).failure
    made = importing.draft(job)
    assert sum(made.counts.values()) == 197 and any(f.count == 3 and "left out" in f.what for f in made.findings)
    assert not any("Build refuses" in finding.what for finding in made.findings)


def test_a_shell_brings_pairs_and_documents_to_a_task(tmp_path, capsys, task):
    path = pairs(tmp_path / "p.jsonl")
    assert cli.main(["import", str(path), "--kind", "preferences"]) == 1
    assert "--task ID" in capsys.readouterr().err
    assert cli.main(["import", str(path), "--kind", "preferences", "--task", "mine", "--name", "With pairs"]) == 0
    assert "400 pairs" in capsys.readouterr().out
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.md").write_text("# A\nText.")
    task_id = store.tasks.newest()[0].id
    assert cli.main(["import", str(tmp_path / "d"), "--kind", "documents", "--task", task_id, "--name", "Both"]) == 0
    made = store.tasks.load(store.tasks.newest()[0].id)
    assert made.task.name == "Both" and len(made.preferences) == 400 and made.documents[0].name == "a.md" and len(made.examples) == 80
    assert cli.main(["import", str(path), "--name", "As examples", "--test", "60"]) == 0, "pairs can also be examples"
    assert "400 rows" in capsys.readouterr().out


# documents -----------------------------------------------------------------------------------------------------------------------


def documents(path, count=6):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"handbook/{number}.md", f"# Part {number}\nThe text of part {number}.\n## Deeper\nMore.")
        archive.writestr("handbook/picture.png", b"x")
        archive.writestr("handbook/broken.pdf", b"%PDF-1.4 broken")
        archive.writestr("faq.txt", "Here people ask: what is the use of the thing with the number 7 in the large house? Nobody knows.")
    return path


def test_an_archive_of_documents_comes_in_and_its_broken_files_stay_out(tmp_path, workspace, task):
    path = documents(tmp_path / "d.zip")
    assert importing.look_documents(path) == (1, path.stat().st_size)
    job = importing.start(path, importing.plan_documents(path, "mine"))
    found = ended(job, 120)
    assert found.state == "finished", found.failure
    made = importing.draft(job)
    assert made.counts == {"documents": 7} and made.lost == 2
    assert all(any(name in problem.reason for problem in made.problems) for name in ("handbook/picture.png", "handbook/broken.pdf"))
    assert any("stand word for word in a document" in finding.what for finding in made.findings) and found.rows == 7
    whole = saved(job), store.tasks.load("more")
    direct, _ = corpus.read_documents(path)
    assert whole[1].documents == direct and isinstance(direct[0], Document) and direct[1].sections and whole[0] == whole[1].task
    assert not list((workspace / "imports").iterdir())


def test_a_folder_of_documents_is_counted_first_and_a_cancel_leaves_nothing(tmp_path, workspace, task):
    (tmp_path / "d").mkdir()
    for number in range(60):
        (tmp_path / "d" / f"{number}.txt").write_text("text")
    (tmp_path / "d" / "x.png").write_text("no document")
    assert importing.look_documents(tmp_path / "d") == (60, 240)
    job = importing.start(tmp_path / "d", importing.plan_documents(tmp_path / "d", "mine"))
    while importing.progress(job).state == "running" and not importing.progress(job).share:
        time.sleep(0.02)
    family = psutil.Process(json.loads((workspace / "imports" / job / "job.json").read_text())["pid"]).children(recursive=True)
    importing.discard(job)
    assert not list((workspace / "imports").iterdir()) and store.tasks.newest()[0].id == "mine"
    assert not [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("name, reason", [("nothing", "no document or folder"), ("t.csv", "no document or folder"), ("empty", "no document in this folder")])
def test_what_holds_no_document_is_refused_before_anything_starts(tmp_path, task, name, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=reason):
        importing.look_documents(tmp_path / name)


def test_documents_that_cannot_be_read_are_refused_with_the_first_reason(tmp_path, task):
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4 broken")
    job = importing.start(tmp_path / "x.pdf", importing.plan_documents(tmp_path / "x.pdf", "mine"))
    assert ended(job).state == "refused" and "No document could be read" in importing.progress(job).failure.what
