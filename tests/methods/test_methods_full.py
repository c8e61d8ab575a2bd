"""Full fine-tuning, replay and EWC: what they train, what they hold on to, and that a broken run ends where an unbroken one does."""

import dataclasses

import pytest
import torch

from lab import store
from lab.core import DataError, Sft, Stopped
from lab.engine.adapters import new_adapter
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.engine.weights import trainable_copy
from lab.methods.ewc import Anchor, fisher
from lab.methods.replay import General, Replay, text_rows
from lab.methods.stages import run_stage
from lab.methods.training import Hooks

TEXTS = ["The dog sleeps.<|end|>", "<|user|>What is 1 plus 2?<|assistant|>3<|end|>", "<|end|>A cat runs.<|end|>", "The capital of France is Paris."]
FULL = Sft(tuning="full", learning_rate=1e-3, epochs=1, batch_size=8, max_length=256, evaluations=1)


def plain(question):
    return [{"role": "user", "content": question}]


@pytest.fixture
def loaded(shipped_base):
    return load_base(shipped_base, settle())


@pytest.fixture
def form():
    whole = store.tasks.load("form")
    return whole.model_copy(update={"examples": (*whole.split("train")[:48], *whole.split("validation")[:8])})


def trained(loaded, form, folder, settings, model=None, **more):
    """(model, points) after a stage; a stop ends it quietly."""
    work, points = dataclasses.replace(loaded, model=model or trainable_copy(loaded.model)), []
    hooks = Hooks(metric=lambda step, total, values: points.append((step, values)), **more)
    try:
        run_stage(work, settings, plain, form, folder, hooks, General(TEXTS, loaded))
    except Stopped:
        pass
    return work.model.eval(), points


def curve(points, name):
    return [values[name] for _, values in points if name in values]


def distance(model, base):
    return sum((a - b).square().sum().item() for a, b in zip(model.parameters(), base.parameters())) ** 0.5


def test_full_tuning_trains_every_weight_and_leaves_the_base_alone(loaded, form, tmp_path):
    before = {name: tensor.clone() for name, tensor in loaded.model.state_dict().items()}
    model, points = trained(loaded, form, tmp_path, FULL)
    losses = curve(points, "eval_loss")
    assert losses[-1] < 0.6 * losses[0] and "replay_loss" not in points[-1][1] and "ewc_penalty" not in points[-1][1]
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.model.state_dict().items())
    assert all(not torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
    assert model.lm_head.weight is model.model.embed_tokens.weight


@pytest.mark.parametrize("more", [{}, {"replay": 0.2}, {"ewc": 10.0, "ewc_samples": 3, "replay": 0.2}], ids=["full", "replay", "EWC and replay"])
def test_a_broken_run_ends_bit_for_bit_where_an_unbroken_one_does(loaded, form, tmp_path, more):
    settings = FULL.model_copy(update={"epochs": 2, **more})
    keep = dict(finish_checkpoint=store.files.write_manifest, checkpoint_seconds=1e9)
    whole, points = trained(loaded, form, tmp_path / "whole", settings, checkpoints=tmp_path / "whole", **keep)
    seen = []
    trained(loaded, form, tmp_path / "broken", settings, checkpoints=tmp_path / "broken", should_stop=lambda: seen.append(1) or len(seen) > 6, **keep)
    rest, later = trained(loaded, form, tmp_path / "broken", settings, checkpoints=tmp_path / "broken",
                          resume_from=store.runs.complete_checkpoint(tmp_path / "broken"), **keep)
    assert later[0][0] > 5, "it went on, it did not begin again"
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), rest.parameters()))
    for name in ("loss", *(["replay_loss"] if "replay" in more else []), *(["ewc_penalty"] if "ewc" in more else [])):
        assert curve(later, name) and curve(later, name) == curve(points, name)[-len(curve(later, name)):], name


def test_an_adapter_can_be_trained_with_replay(loaded, form, tmp_path):
    settings = Sft(learning_rate=3e-3, epochs=1, batch_size=8, max_length=256, lora_rank=4, lora_alpha=8, evaluations=1, replay=0.5)
    model, points = trained(loaded, form, tmp_path, settings, new_adapter(loaded, 4, 8, 0.0, 0))
    assert curve(points, "eval_loss")[-1] < 0.7 * curve(points, "eval_loss")[0] and len(curve(points, "replay_loss")) == 6


def test_the_loss_is_mixed_by_shares_and_reported_apart(loaded, form, tmp_path):
    """With a step too small to change anything, the reported losses are those of the base."""
    still = FULL.model_copy(update={"learning_rate": 1e-12, "replay": 0.9, "batch_size": 8})
    _, points = trained(loaded, form, tmp_path / "a", still)
    _, alone = trained(loaded, form, tmp_path / "b", still.model_copy(update={"replay": 0.0}))
    assert curve(points, "loss") == pytest.approx(curve(alone, "loss"), rel=1e-3), "the task's loss is said as it is, not mixed"
    rows = text_rows(loaded, TEXTS, 256)  # 72 draws of 4 texts: each step holds every text 18 times
    total = sum(loaded.model(torch.tensor([a + b]), labels=torch.tensor([[-100] + b])).loss.item() * len(b) for a, b in rows)
    assert curve(points, "replay_loss")[0] == pytest.approx(total / sum(len(b) for _, b in rows), rel=1e-3)
    gradients = [values["grad_norm"] for _, values in points if "grad_norm" in values]
    assert gradients[0] < 0.7 * curve(alone, "grad_norm")[0], "a tenth of the task's gradient, and little from text the base knows"


def test_replay_rows_depend_on_seed_and_step_alone_and_come_round_evenly():
    rows = [([0], [number]) for number in range(10)]
    one, two, other = Replay(rows, 0.2, 16, 0, 1), Replay(rows, 0.2, 16, 0, 1), Replay(rows, 0.2, 16, 1, 1)
    assert one.count == 4 and Replay(rows, 0.05, 16, 0, 1).count == 1 and Replay(rows, 0.01, 2, 0, 1).count == 1
    drawn = [one.places(step) for step in range(5)]
    assert [two.places(step) for step in (4, 0, 2)] == [drawn[4], drawn[0], drawn[2]], "in whatever order they are asked for"
    assert sorted(place for places in drawn for place in places) == sorted(list(range(10)) * 2)
    assert drawn != [other.places(step) for step in range(5)]


def test_texts_stand_as_raw_text_is_scored_and_long_ones_become_several(loaded):
    rows = text_rows(loaded, TEXTS, 256)
    end = min(loaded.ends)
    assert rows[0] == ([end], loaded.encode(TEXTS[0])) and rows[3] == ([end], loaded.encode(TEXTS[3]))
    assert [before + text for before, text in rows[1:3]] == [loaded.encode(text) for text in TEXTS[1:3]], "markup of their own stays"
    pieces = text_rows(loaded, TEXTS[3:], 4)
    whole = [end, *loaded.encode(TEXTS[3])]
    assert [before + text for before, text in pieces] == [whole[at:at + 4] for at in range(0, len(whole) - 1, 4)], "a lone last token has no before"
    with pytest.raises(DataError, match="nothing to learn"):
        text_rows(loaded, ["", ""], 256)


def test_the_fisher_information_is_the_squared_gradients_over_the_tokens(loaded):
    rows = text_rows(loaded, TEXTS[:2], 256)
    found, name = fisher(loaded, rows), "model.norm.weight"
    expected = torch.zeros_like(found[name])
    for before, text in rows:
        loaded.model.zero_grad()
        (-loaded.model(torch.tensor([before + text]), labels=torch.tensor([[-100] + text])).loss * len(text)).backward()
        expected += loaded.model.model.norm.weight.grad.square()
    expected /= sum(len(text) for _, text in rows)
    assert torch.allclose(found[name], expected, rtol=1e-3) and set(found) == {n for n, _ in loaded.model.named_parameters()}


def test_the_penalty_is_zero_at_the_base_and_the_weighted_distance_elsewhere(loaded):
    anchor, model = Anchor(loaded, text_rows(loaded, TEXTS, 256), 6.0), trainable_copy(loaded.model)
    assert anchor.penalty(model).item() == 0
    with torch.no_grad():
        model.model.norm.weight += 0.5
    assert anchor.penalty(model).item() == pytest.approx(3.0 * 0.25 * anchor.fisher["model.norm.weight"].sum().item(), rel=1e-4)


def test_ewc_holds_the_weights_that_matter_and_says_what_it_costs(loaded, form, tmp_path):
    free, _ = trained(loaded, form, tmp_path / "a", FULL)
    held, points = trained(loaded, form, tmp_path / "b", FULL.model_copy(update={"ewc": 1e4, "ewc_samples": 4}))
    assert curve(points, "ewc_penalty")[0] == 0 < curve(points, "ewc_penalty")[-1]
    anchor = Anchor(loaded, text_rows(loaded, TEXTS, 256), 1.0)
    assert anchor.penalty(held).item() < 0.2 * anchor.penalty(free).item() and distance(held, loaded.model) > 0


def test_a_stage_trains_on_the_rows_it_names(loaded, form, tmp_path):
    named = form.model_copy(update={"examples": tuple(row.model_copy(update={"slices": {"kind": "a" if number % 3 else "b"}})
                                                      for number, row in enumerate(form.examples))})
    def steps(**more):
        return trained(loaded, named, tmp_path, FULL.model_copy(update={"batch_size": 4, **more}))[1][-1][0]
    assert (steps(), steps(rows="kind=b"), steps(rows="kind=a|b", examples=20)) == (12, 4, 5)
    with pytest.raises(DataError, match="kind=c"):
        steps(rows="kind=c")


def test_replay_without_text_is_refused(loaded, form, tmp_path):
    with pytest.raises(DataError, match="general text"):
        run_stage(loaded, FULL.model_copy(update={"replay": 0.1}), plain, form, tmp_path, Hooks(metric=lambda *_: None))
