"""lm-evaluation-harness on the lab's Systems: one shared task gives the same number there and here, item by item."""

import json
import time

import pytest

from lab import cli, harness, jobs, store
from lab.core import DataError, Experiment, LabError, Prompting, System
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.evals.evaluate import evaluate
from lab.jobs import answerer as process
from lab.methods.asking import Asker
from lab.worker import work

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (tests/requirements.txt)")
ITEMS = 200


def base():
    return store.bases.resolve("shipped", store.bases.shipped()[0])


def asker(**parts):
    return Asker(System(name="s", base=base(), **parts), load_base(store.bases.folder_of(base()), settle()), (), None)


def first(name, count):
    suite = store.tasks.load_suite(name)
    return suite.model_copy(update={"items": suite.items[:count]})


def results_of(printed):
    """The results file that a call printed last, and its samples by task."""
    path = store.home().parent / printed.strip().splitlines()[-1]
    samples = {file.name.split("_", 1)[1].rsplit("_", 1)[0]: [json.loads(line) for line in file.read_text("utf-8").splitlines()]
               for file in path.parent.glob("samples_*.jsonl")}
    return json.loads(path.read_text("utf-8")), {name: sorted(rows, key=lambda row: row["doc_id"]) for name, rows in samples.items()}


def test_one_multiple_choice_task_gives_the_same_number_and_the_same_choices_there_and_here(tmp_path, capsys):
    assert cli.main(["harness", "--write-task", "grammar", "--save", str(tmp_path / "task")]) == 0
    assert cli.main(["harness", base().ref, "--tasks", "lab_grammar", "--include_path", str(tmp_path / "task"), "--limit", str(ITEMS),
                     "--save", str(tmp_path / "results")]) == 0
    printed = capsys.readouterr().out
    results, samples = results_of(printed)
    ours = evaluate(asker(), first("grammar", ITEMS), "k")
    accuracy = sum(ours.column()) / ITEMS
    assert results["results"]["lab_grammar"]["acc,none"] == pytest.approx(accuracy, abs=1e-12)
    assert "acc_norm" in printed and "lab_grammar" in printed and results["n-samples"]["lab_grammar"]["effective"] == ITEMS
    theirs = [max(range(2), key=lambda place: float(row["filtered_resps"][place][0])) for row in samples["lab_grammar"]]
    assert [row["doc"]["choices"][chosen] for row, chosen in zip(samples["lab_grammar"], theirs)] == \
           [score.reason.removeprefix("most likely: ") for score in ours.scores]
    assert results["lever_lab"]["prompting"].startswith("each context is a question")


def test_the_harness_own_model_class_chooses_as_the_lab_does(tmp_path):
    """Nothing of ours but the task's two files: the harness loads the base and reads it in its own way."""
    import contextlib

    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    harness.write_task("grammar", tmp_path)
    model = HFLM(pretrained=str(store.bases.folder_of(base())), device="cpu", batch_size=16, dtype="float32")
    with contextlib.chdir(tmp_path):
        found = evaluator.simple_evaluate(model=model, tasks=["lab_grammar"], limit=ITEMS,
                                          task_manager=TaskManager(include_path=".", include_defaults=False))
    ours = evaluate(asker(), first("grammar", ITEMS), "k")
    assert found["results"]["lab_grammar"]["acc,none"] == pytest.approx(sum(ours.column()) / ITEMS, abs=1e-12)
    rows = sorted(found["samples"]["lab_grammar"], key=lambda row: row["doc_id"])
    assert [row["acc"] for row in rows] == ours.column()


def test_a_finished_run_is_asked_with_its_own_prompting_and_its_adapter(small_task, tiny, tmp_path):
    systems = (System(name="SFT and shots", base=base(), prompting=Prompting(shots=1), training=(tiny["sft"],)),)
    experiment = Experiment(id="h", name="H", tasks=("small",), systems=systems, suites=("capitals", "grammar"), created=time.time())
    store.experiments.save(experiment)
    run = next(run for run in jobs.plan(experiment) if run.system.name == "SFT and shots")
    store.runs.create(run)
    assert work(run.id, 1, "cpu:0") == 0
    for suite in ("capitals", "grammar"):
        harness.write_task(suite, tmp_path / "tasks")
    table, path = harness.run(run.id, ["lab_capitals", "lab_grammar"], tmp_path / "tasks", tmp_path / "results")
    found = json.loads(path.read_text("utf-8"))
    from lab.jobs.outcomes import evaluation_key
    for suite, metric in (("capitals", "exact_match,none"), ("grammar", "acc,none")):
        whole = store.tasks.load_suite(suite)
        ours = store.evaluations.find(evaluation_key(run, whole), whole.fingerprint).column()
        assert found["results"][f"lab_{suite}"][metric] == pytest.approx(sum(ours) / len(ours), abs=1e-12), suite
    assert found["lever_lab"]["system_key"] == run.system_key and "lab_capitals" in table


def test_the_harness_asks_through_the_answerer(tmp_path, monkeypatch):
    import contextlib

    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager
    harness.write_task("capitals", tmp_path)
    served = process.ensure(base())
    try:
        monkeypatch.setenv("OPENAI_API_KEY", served.token)
        with contextlib.chdir(tmp_path):
            found = evaluator.simple_evaluate(
                model="local-chat-completions", model_args=f"model=base,base_url={served.address}/v1/chat/completions,num_concurrent=4",
                tasks=["lab_capitals"], limit=24, apply_chat_template=True, task_manager=TaskManager(include_path=".", include_defaults=False))
    finally:
        process.give_back()
    rows = sorted(found["samples"]["lab_capitals"], key=lambda row: row["doc_id"])
    ours = evaluate(asker(), first("capitals", 24), "k")
    assert [row["resps"][0][0].strip() for row in rows] == [score.answer for score in ours.scores]
    assert found["results"]["lab_capitals"]["exact_match,none"] == pytest.approx(sum(ours.column()) / 24)


def requests(kind, *arguments):
    from lm_eval.api.instance import Instance
    return [Instance(request_type=kind, doc={}, arguments=args, idx=number) for number, args in enumerate(arguments)]


def test_whole_texts_are_worth_what_the_lab_says_and_long_ones_are_read_in_windows():
    from lab.evals.harness import SystemLM
    model = SystemLM(asker())
    suite = first("text_loss", 20)
    ours = evaluate(model.asker, suite, "k").column()
    totals = model.loglikelihood_rolling(requests("loglikelihood_rolling", *((item.answer,) for item in suite.items)))
    tokens = [len(model.loaded.encode(item.answer)) for item in suite.items]
    assert [-total / count for total, count in zip(totals, tokens)] == pytest.approx(ours, abs=1e-4)
    long = " ".join(item.answer for item in suite.items)
    assert len(model.loaded.encode(long)) > model.loaded.context
    assert model.loglikelihood_rolling(requests("loglikelihood_rolling", (long,)))[0] < min(totals)


def test_plain_prompts_are_raw_text_as_in_the_harness_own_model_class():
    from lm_eval.models.huggingface import HFLM

    from lab.evals.harness import SystemLM
    ours = SystemLM(asker(prompting=Prompting(instruction="Be brief.")), plain=True)
    theirs = HFLM(pretrained=ours.loaded.model, tokenizer=ours.loaded.tokenizer, device="cpu", batch_size=4)
    asked = [("The capital of France is", " Paris."), ("The capital of France is ", "Rome."), ("", "The dog sleeps.")]
    found, wanted = (model.loglikelihood(requests("loglikelihood", *asked), disable_tqdm=True) for model in (ours, theirs))
    assert [total for total, _ in found] == pytest.approx([total for total, _ in wanted], abs=1e-3)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in wanted]
    as_question = SystemLM(ours.asker).loglikelihood(requests("loglikelihood", *asked))
    assert as_question[2] == pytest.approx(found[2]) and as_question[0][0] != pytest.approx(found[0][0], abs=1e-4)


def test_answers_end_at_the_tasks_stop_texts_and_drawn_ones_are_refused():
    from lab.evals.harness import SystemLM
    model = SystemLM(asker())
    whole, cut = (model.generate_until(requests("generate_until", ("What is the capital of France?", {"until": stops, "max_gen_toks": 12})))[0]
                  for stops in ([], ["ri"]))
    assert "ri" in whole and cut == whole.split("ri")[0]
    with pytest.raises(DataError, match="decodes greedily"):
        model.generate_until(requests("generate_until", ("x", {"do_sample": True, "temperature": 0.7})))


def test_a_tasks_test_split_is_written_too_and_what_it_refuses(tmp_path):
    assert harness.write_task("facts", tmp_path / "facts") == "lab_facts"
    rows = [json.loads(line) for line in (tmp_path / "facts" / "lab_facts.jsonl").read_text("utf-8").splitlines()]
    assert [(row["prompt"], row["answer"]) for row in rows] == [(row.prompt, row.answer) for row in store.tasks.load("facts").split("test")]
    with pytest.raises(DataError, match="no scorer that equals json_match"):
        harness.write_task("form", tmp_path)
    harness.write_task("grammar", tmp_path)
    with pytest.raises(DataError, match="nothing is overwritten"):
        harness.write_task("grammar", tmp_path)
    with pytest.raises(DataError, match="knows no task nonsense"):
        harness.run(base().ref, ["nonsense", "lab_grammar"], tmp_path)
    with pytest.raises(LabError, match="no run of a System"):
        harness.run("nobody", ["lab_grammar"], tmp_path)
    assert cli.main(["harness", "--write-task", "grammar"]) == 1 and cli.main(["harness"]) == 1


def test_no_text_of_the_data_is_read_as_a_template(tmp_path):
    suite = first("capitals", 2)
    item = suite.items[0].model_copy(update={"prompt": "{{ 7 * 7 }} {% raw %} prompt", "answer": '"x": {{ y }}'})
    from lab.corpus.harness_tasks import task_files
    texts = task_files(suite.model_copy(update={"items": (item,)}))
    assert json.loads(texts["lab_capitals.jsonl"]) == {"id": item.id, "prompt": item.prompt, "answer": item.answer}
    assert "{{" not in texts["lab_capitals.yaml"]
