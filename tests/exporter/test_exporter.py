"""Exports of real runs: plain transformers loads them, writes the same prompts and gives the same answers; nothing half stays behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from lab import store
from lab.core import Base, DataError, ModelError
from lab.engine.export import Outside
from lab.exporter import export
from lab.jobs import export_forms, exports, processes


def read(folder, name):
    return json.loads((folder / name).read_text("utf-8"))


def alone(folder, shipped_base, tmp_path):
    """What the README's own Python prints where the lab's code is not."""
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL).group(1)
    here = tmp_path / "elsewhere"
    here.mkdir()
    for path in folder.iterdir():
        (here / path.name).symlink_to(path)
    (here / shipped_base.name).symlink_to(shipped_base)
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LAB_HOME")}
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path = [p for p in sys.path if p]\n{code}"], cwd=here, env=kept, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("name, merged, form", [("RAG + SFT", False, "adapter"), ("RAG + SFT", True, "merged"), ("full → DPO", True, "merged"),
                                                ("3 shots", False, "messages")])
def test_an_export_asks_and_answers_as_the_lab_did(exported, name, merged, form):
    folder, check = exported(name, merged)
    assert check == read(folder, "check.json") and check["form"] == form
    assert check["prompts"] == check["tokens"] == {"n": 8, "equal": 8} and check["answers"] == {"n": 8, "equal": 8, "reason": ""}
    assert not check["dated"] and not check["start_twice"] and check["training"] in (True, None)
    example = check["example"]
    assert example["sent"] == example["export"] and example["trained"] in (example["sent"], "")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "no draft is left"
    told = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(str(place).encode() in text for text in told for place in (processes.ROOT, store.home())), "no path of this machine leaves with it"


def test_the_readme_s_own_lines_give_the_recorded_answer_without_the_lab(exported, shipped_base, tmp_path):
    folder, _ = exported("RAG + SFT")
    assert alone(folder, shipped_base, tmp_path) == read(folder, "messages.json")["answer"]


def test_merged_weights_load_alone_and_say_what_the_adapter_says(runs, exported, shipped_base):
    run = runs["RAG + SFT"]
    folders = [exported("RAG + SFT", merged)[0] for merged in (False, True)]
    both = [Outside(folder) for folder in folders]
    both[0].load(shipped_base, torch.device("cpu"))
    both[1].load(folders[1], torch.device("cpu"))
    ids = torch.tensor([both[0].ids(read(folders[0], "messages.json")["messages"])])
    with torch.inference_mode():
        adapter, merged = (one.model(ids).logits.log_softmax(-1) for one in both)
        base = both[0].model.get_base_model()
        with both[0].model.disable_adapter():
            bare = base(ids).logits.log_softmax(-1)
    assert (adapter - merged).abs().max() < 1e-3 < (adapter - bare).abs().max()
    assert store.bases.resolve("folder", str(folders[1])).parameters == run.system.base.parameters, "the lab itself takes it as a base"
    about = read(folders[1], "config.json")
    assert about["architectures"] == ["LlamaForCausalLM"] and about == read(shipped_base, "config.json"), "what loads the base loads this"
    assert read(folders[1], "generation_config.json")["eos_token_id"] == [0]


def test_fully_tuned_weights_are_exported_as_they_are(runs, exported, tmp_path):
    run = runs["full → DPO"]
    first = run.model_copy(update={"system": run.system.model_copy(update={"training": run.system.training[:1]})})
    assert export_forms.forms(first) == ("merged",) and export_forms.chosen(first, False) == "merged"
    with pytest.raises(ModelError, match="stands on weights that an earlier stage tuned in full.*merged"):
        export(run.id, False, tmp_path / "adapter")
    folder, _ = exported("full → DPO", True)
    kept = export_forms.trained(run, store.tasks.load("small").task)
    tuned, whole = load_file(store.place("artifacts", kept.weights) / "model.safetensors"), load_file(folder / "model.safetensors")
    assert tuned.keys() == whole.keys() and any(not torch.equal(tuned[name], whole[name]) for name in tuned), "DPO's adapter was added to them"


def test_the_folder_holds_what_its_prompts_are_made_of(runs, exported):
    folder, _ = exported("RAG + SFT")
    system, readme = read(folder, "system.json"), (folder / "README.md").read_text("utf-8")
    assert system["retrieval"]["tokenizer"] == runs["RAG + SFT"].system.base.ref, "the name of a folder, not where it stood"
    assert system["retrieval"]["top_k"] == 1 and len((folder / "index" / "passages.jsonl").read_text().splitlines()) == 6
    assert read(folder, "adapter_config.json")["base_model_name_or_path"] == runs["RAG + SFT"].system.base.ref
    for words in ("# RAG + SFT", "known-world-xs", "Apache-2.0", "LoRA, rank 4", "learning rate 0.003", "95 % intervals", "python -m lab serve --base",
                  runs["RAG + SFT"].id, "8 of 8 prompts", "The documents' texts leave with this folder"):
        assert words in readme, words
    assert re.search(r"\| Small / <b>task</b> \| json match \| \d\.\d{3} \(\d\.\d{3} to \d\.\d{3}\) \| 10 \|", readme), "scores with interval and n"
    shots, _ = exported("3 shots")
    lines = [json.loads(line) for line in (shots / "shots.jsonl").read_text().splitlines()]
    sent = read(shots, "messages.json")["messages"]
    assert [turn["content"] for turn in sent if turn["role"] == "assistant"] == [line["answer"] for line in lines] and len(lines) == 2
    assert not list(shots.glob("*.safetensors"))


def test_what_cannot_leave_is_refused_and_nothing_is_written(runs, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    refused = [(runs["3 shots"].id, "full", DataError, "not empty"), (runs["base"].id, "new", ModelError, "queued"),
               ("run-none", "new", DataError, "no such run")]
    for run_id, folder, kind, words in refused:
        with pytest.raises(kind, match=words):
            export(run_id, False, tmp_path / folder)
    assert [path.name for path in tmp_path.iterdir()] == ["full"] and (tmp_path / "full" / "mine.txt").read_text() == "mine"
    run = runs["RAG + SFT"]
    endpoint = run.model_copy(update={"system": run.system.model_copy(update={"training": (), "base": Base(
        kind="endpoint", ref="gpt", fingerprint="f", address="http://127.0.0.1:1/v1")})})
    with pytest.raises(ModelError, match="shows no weights"):
        export_forms.demand(endpoint, "messages")
    with pytest.raises(ModelError, match="held in nf4.*Export the adapter"):
        export_forms.demand(run.model_copy(update={"system": run.system.model_copy(update={"quantisation": "nf4"})}), "merged")


def test_an_empty_folder_that_is_there_is_taken(runs, tmp_path):
    (tmp_path / "out").mkdir()
    assert export(runs["3 shots"].id, False, tmp_path / "out")[0] == tmp_path / "out" and (tmp_path / "out" / "README.md").is_file()


def test_a_template_that_writes_the_date_is_said_on_the_day_itself(runs, shipped_base, tmp_path):
    from lab import jobs
    from lab.compare import export_health
    from lab.core import Experiment, System
    from lab.worker import work
    template = "Today is {{ strftime_now('%d %B %Y') }}. " + (shipped_base / "chat_template.jinja").read_text()
    dated = System(name="dated", base=runs["base"].system.base, template=template)
    experiment = Experiment(id=store.new_id("e"), name="D", tasks=("small",), systems=(dated,), created=time.time())
    store.experiments.save(experiment)
    run = next(run for run in jobs.plan(experiment) if run.system.template)
    store.runs.create(run)
    assert work(run.id, 1, "cpu:0") == 0
    _, check = export(run.id, False, tmp_path / "out")
    assert check["dated"] and "Today is (the date of the day)." in check["example"]["export"]
    assert any("date" in finding.what and finding.rule == "export asks otherwise" for finding in export_health(check))


def test_in_the_background_it_is_watched_written_once_and_removed(runs):
    run = runs["RAG + SFT"]
    assert exports.look(run.id, "adapter").state == "missing" and exports.checked(run.id) == {}
    exports.start(run, "adapter")
    exports.start(run, "adapter")
    seen, deadline = [], time.monotonic() + 120
    while (found := exports.look(run.id, "adapter")).active:
        seen.append((found.state, found.part))
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found.state == "ready" and found.folder == store.home() / "exports" / run.id / "adapter", found.failure
    assert ("writing", "checking") in seen and found.check["answers"]["equal"] == 8 == exports.checked(run.id)["prompts"]["equal"]
    assert len(exports.zipped(found.folder)) > exports.size(found.folder) > 100_000
    assert export(run.id) == (found.folder, found.check), "what stands is taken as it is"
    exports.remove(run.id, "adapter")
    assert exports.look(run.id, "adapter").state == "missing" and not [path for path in found.folder.parent.iterdir() if path.suffix != ".lock"]


def test_a_cancelled_export_leaves_nothing_and_a_killed_one_is_said(runs):
    run = runs["RAG + SFT"]
    exports.start(run, "merged")
    about = read(store.home() / "exports" / run.id, "merged.json")
    exports.remove(run.id, "merged")
    assert not processes.alive(about["pid"], about["pid_created"])
    assert not [path for path in (store.home() / "exports" / run.id).iterdir() if path.suffix != ".lock"]
    exports.start(run, "merged")
    about = read(store.home() / "exports" / run.id, "merged.json")
    os.kill(about["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while exports.look(run.id, "merged").active:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    failure = exports.look(run.id, "merged").failure
    assert "ended without a word" in failure.what and failure.do
    exports.remove(run.id, "merged")
    assert exports.look(run.id, "merged").state == "missing"
