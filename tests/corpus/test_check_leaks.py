"""Near-duplicates of test prompts are found wherever something is learned; second ones go, the test stays. Labels are counted."""

import random
import time

from lab import corpus
from lab.core import Document, Example, Preference, Scorer, Task, TaskData
from lab.corpus import mending
from lab.corpus.check_labels import label_findings
from lab.corpus.check_leaks import overlap_findings, without_overlap
from lab.corpus.check_rows import without_duplicates

LONG = "how many small red boats lie in the old harbour of this town today"  # 14 words


def rows(*some):
    return tuple(Example(id=f"e{n}", prompt=prompt, answer=answer, split=split) for n, (split, prompt, answer) in enumerate(some))


def task(*some, pairs=(), documents=()):
    return TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=rows(*some),
                    preferences=tuple(Preference(id=f"p{n}", prompt=p, chosen="c", rejected="r") for n, p in enumerate(pairs)),
                    documents=tuple(Document(id=f"d{n}", name="d", text=text) for n, text in enumerate(documents)))


def mends(data):
    return {getattr(finding, "mend", "") for finding in corpus.check(data)}


def test_near_duplicates_are_found_in_training_validation_and_pairs_and_taken_out():
    data = task(("test", LONG + "?", "7"), ("train", f"Tell me: {LONG.upper()}!", "7"), ("validation", f"say, {LONG}", "7"), ("train", "free", "1"),
                pairs=[f"please {LONG}", "free"])
    found = list(overlap_findings(data))
    assert [(f.what.split()[0], f.count, f.mend) for f in found] == [("Training", 1, "overlap"), ("Validation", 1, "overlap"), ("Preference", 1, "overlap")]
    assert "how many small red boats" in found[0].examples[0]
    clean = without_overlap(data)
    assert clean.split("test") == data.split("test") and [e.prompt for e in clean.split("train")] == ["free"] and not clean.split("validation")
    assert [p.prompt for p in clean.preferences] == ["free"] and not list(overlap_findings(clean)) and without_overlap(clean) == clean
    assert mending.effect(data, clean) == (2, 1, 0)


def test_equal_prompts_are_a_leak_not_an_overlap():
    data = task(("test", LONG, "7"), ("train", LONG.upper(), "7"))
    assert not list(overlap_findings(data)) and without_overlap(data) == data.sealed() and "leaks" in mends(data)


def test_only_the_whole_question_in_a_document_is_a_finding():
    evidence = "Seven small red boats lie in the old harbour of this town today, they say."
    assert not list(overlap_findings(task(("test", LONG, "7"), documents=[evidence])))
    found = list(overlap_findings(task(("test", LONG + "?", "7"), ("test", "how many?", "2"), documents=[f"FAQ: how many? Q: {LONG}? A: 7", evidence])))
    assert [(f.level, f.count) for f in found] == [("warn", 1)] and "document" in found[0].what


def test_second_ones_go_and_first_ones_stay_in_their_order():
    data = task(("train", "A  b", "x"), ("train", "a B", "x "), ("train", "a b", "y"), ("test", "c", "x"), ("test", "C", "x"), ("train", "d", "x"),
                pairs=["p", "P ", "q"])
    clean = without_duplicates(data)
    assert [e.id for e in clean.examples] == ["e0", "e2", "e3", "e5"] and [p.id for p in clean.preferences] == ["p0", "p2"]
    assert "duplicates" in mends(data) and "duplicates" not in mends(clean) and without_duplicates(clean) == clean


def test_every_offer_names_a_mend_that_takes_the_finding_away():
    data = task(("test", LONG, "7"), ("train", LONG, "7"), ("train", f"so {LONG}", "7"), ("train", "x a@firm.org", "1"), ("train", "x b@firm.org", "1"))
    assert mends(data) - {""} == {"mask", "leaks", "overlap"}, "the two addresses become the same row only when masked"
    for mend in mending.MENDS.values():
        data = mend.mended(data)
    assert mends(data) == {""} and len(data.split("train")) == 1


def test_labels_that_are_uneven_rare_or_never_trained():
    def about(**counts):
        some = [("train", f"{label} {n}", label) for label, count in counts.items() for n in range(count)]
        return list(label_findings(task(*some, *(("test", f"t {n}", "news" if n < 3 else "a") for n in range(10)))))

    found = about(a=90, b=3)
    assert [(f.level, f.count) for f in found] == [("warn", 1), ("warn", 1), ("warn", 2)]
    assert "news (3 test rows)" in found[0].examples and "b (3)" in found[1].examples and "97%" in found[2].what
    assert [f.level for f in about(news=50, a=60)] == [] and [f.level for f in about(news=5, a=60, b=60)] == ["note"]


def test_free_answers_and_results_are_no_labels():
    free = [("train", f"q{n}", f"a long answer of many words number {n % 3}") for n in range(90)]
    results = [(("train", "test")[n % 2], f"q{n}", str(n % 60 * (1 + n % 2))) for n in range(600)]
    assert not list(label_findings(task(*free, ("test", "t", "x")))) and not list(label_findings(task(*results)))


def test_a_large_task_is_checked_in_seconds():
    draw = random.Random(0)
    words = [f"w{number}" for number in range(5_000)]
    data = task(*((("train", "test")[n % 10 == 0], " ".join(draw.choices(words, k=40)), "a") for n in range(10_000)))
    start = time.process_time()
    list(overlap_findings(data))
    assert time.process_time() - start < 8, "100,000 rows took 4 s when this was written"


def test_real_overlap_of_banking_goes(shared):
    files = {split: corpus.read_table(shared / "sft_banking77" / f"{split}.csv") for split in ("train", "test")}
    table = corpus.join_tables(files)
    examples, _ = corpus.to_examples(table, corpus.guess_mapping(table))
    data = corpus.without_leaks(TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=examples))
    found = list(overlap_findings(data))
    clean = without_overlap(data)
    assert [f.count for f in found] == [28, 7] and not list(overlap_findings(clean))
    assert len(data.split("train")) - len(clean.split("train")) == 28
    assert not list(label_findings(data)), "77 labels, all of them trained"
