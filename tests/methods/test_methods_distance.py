"""The curve of how far a stage has moved the model: zero before the first step, the divergence of its definition after."""

import dataclasses

import pytest
import torch

from lab import store
from lab.core import Dpo, Sft
from lab.engine.adapters import new_adapter
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.methods import distance, dpo, sft
from lab.methods.distance import Distance
from lab.methods.training import Hooks


def plain(question):
    return [{"role": "user", "content": question}]


@pytest.fixture
def adapted(shipped_base):
    loaded = load_base(shipped_base, settle())
    return dataclasses.replace(loaded, model=new_adapter(loaded, 4, 8, 0.0, 0))


def curve_of(adapted, tmp_path, kind):
    said = []
    hooks = Hooks(metric=lambda step, total, values: said.append((step, values["eval_kl"])) if "eval_kl" in values else None)
    data = store.tasks.load("form")
    if kind == "sft":
        sft.train(adapted, Sft(learning_rate=3e-3, epochs=1, evaluations=2), plain, data.split("train")[:48], data.split("validation")[:8], tmp_path, hooks)
    else:
        dpo.train(adapted, Dpo(learning_rate=1e-3, evaluations=2), plain, data.preferences[:32], data.preferences[32:40], tmp_path, hooks)
    return said


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_the_curve_begins_at_zero_and_the_model_moves_away(adapted, tmp_path, kind):
    said = curve_of(adapted, tmp_path, kind)
    assert said[0] == (0, 0.0) and said[-1][0] == max(step for step, _ in said)
    assert len(said) >= 3 and said[-1][1] > 1e-3


def test_it_is_the_mean_over_the_answers_tokens_of_the_divergence_from_before(adapted):
    rows = [([5, 6, 7], [8, 9]), ([4, 4], [10])]
    found = Distance(adapted, rows, Hooks(metric=lambda *_: None))
    with torch.no_grad():
        before = [adapted.model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1:-1].log_softmax(-1) for prompt, answer in rows]
        for name, parameter in adapted.model.named_parameters():
            if "lora_B" in name:
                parameter += 0.05
        now = [adapted.model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1:-1].log_softmax(-1) for prompt, answer in rows]
    expected = torch.cat([(a.exp() * (a - b)).sum(-1) for a, b in zip(before, now)]).mean()
    assert expected > 1e-4 and found.now(adapted.model) == pytest.approx(float(expected), rel=1e-3)


def test_as_many_answers_are_read_as_find_room(adapted, monkeypatch):
    rows = [([1] * 10, [2] * 10)] * 50
    assert len(distance._few(rows, 1_000)) == distance.MOST_ROWS
    monkeypatch.setattr(distance, "TOKENS", 100)
    assert len(distance._few(rows, 1_000)) == 5
    monkeypatch.setattr(distance, "NUMBERS", 25_000)
    assert len(distance._few(rows, 1_000)) == 2
    silent = Distance(adapted, [([1] * 200, [2])], Hooks(metric=lambda *_: pytest.fail("nothing was read")))
    silent.on_evaluate(None, None, None, model=adapted.model)
