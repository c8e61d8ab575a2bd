"""Forward KL from the base: zero where nothing moved, never negative, and the sum that its definition says."""

import pytest
import torch

from lab import store
from lab.core import Base, System
from lab.engine.adapters import new_adapter, save_adapter
from lab.engine.bank import AdapterBank
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.engine.weights import BASE, save_weights, trainable_copy
from lab.evals.divergence import MOST_ITEMS, drawn_answers, forward_kl
from lab.evals.evaluate import evaluate
from lab.methods.asking import Asker


@pytest.fixture
def tuned(shipped_base, tmp_path):
    """(loaded, bank): the bank knows a fresh adapter, a disturbed one, and weights that have moved."""
    loaded = load_base(shipped_base, settle())
    for name, std in (("fresh", 0.0), ("moved", 0.1)):
        model = new_adapter(loaded, 4, 8, 0.0, 0)
        for key, parameter in model.named_parameters():
            if "lora_B" in key and std:
                torch.nn.init.normal_(parameter, std=std, generator=torch.Generator().manual_seed(1))
        save_adapter(model, tmp_path / name)
        model.unload()
    whole, chance = trainable_copy(loaded.model), torch.Generator().manual_seed(2)
    for parameter in whole.parameters():
        parameter.data += 0.02 * torch.randn(parameter.shape, generator=chance)
    save_weights(whole, tmp_path / "full", shipped_base, loaded.model.dtype)
    bank = AdapterBank(loaded)
    bank.add("fresh", tmp_path / "fresh")
    bank.add("moved", tmp_path / "moved")
    bank.add_weights("full", tmp_path / "full")
    return loaded, bank


def asker(loaded, name=None):
    return Asker(System(name="s", base=Base(kind="folder", ref="/m", fingerprint="f")), loaded, (), None, name)


def small(name, count=10):
    suite = store.tasks.load_suite(name) if name in store.tasks.suite_names() else store.tasks.load(name).test_suite()
    return suite.model_copy(update={"items": suite.items[:count]})


ROWS = [([5, 6], [7, 8, 9]), ([5], [10]), ([11, 12, 13], [14, 15]), ([5, 6], [])]


def test_it_is_zero_where_nothing_moved_and_positive_where_something_did(tuned):
    loaded, bank = tuned
    assert forward_kl(loaded, bank, "fresh", ROWS) == [0.0, 0.0, 0.0, None]
    for name in ("moved", "full"):
        values = forward_kl(loaded, bank, name, ROWS)
        assert all(value > 1e-3 for value in values[:3]) and values[3] is None


@pytest.mark.parametrize("name", ["moved", "full"])
def test_it_is_the_sum_over_the_vocabulary_averaged_over_the_tokens(tuned, name):
    loaded, bank = tuned
    for (before, text), found in zip(ROWS[:3], forward_kl(loaded, bank, name, ROWS)):
        with torch.inference_mode():
            bank.choose([BASE])
            base = loaded.model(torch.tensor([before + text])).logits[0].double().softmax(-1)
            bank.choose([name])
            moved = loaded.model(torch.tensor([before + text])).logits[0].double().softmax(-1)
        total = 0.0
        for place in range(len(before) - 1, len(before) + len(text) - 1):
            total += sum(p * (torch.log(p) - torch.log(q)) for p, q in zip(base[place], moved[place])).item()
        assert found == pytest.approx(total / len(text), rel=1e-3)


def test_answers_are_drawn_from_the_base_whatever_was_trained(tuned):
    loaded, bank = tuned
    suite = small("form", 4)
    first = drawn_answers(asker(loaded, "moved"), bank, suite)
    assert first == drawn_answers(asker(loaded, "full"), bank, suite) and set(first) == {item.id for item in suite.items}
    for item in suite.items:
        prompt, text = first[item.id]
        assert prompt == loaded.encode(loaded.template.render([{"role": "user", "content": item.prompt}], True)) and text


def test_a_trained_system_is_measured_on_its_task_and_on_raw_text_and_nobody_else(tuned):
    loaded, bank = tuned
    bank.choose(["moved"])
    task, text, words = (evaluate(asker(loaded, "moved"), small(name, 4), "k", bank=bank) for name in ("form", "text_loss", "capitals"))
    assert all(score.kl > 0 for score in (*task.scores, *text.scores)) and all(score.kl is None for score in words.scores)
    again = evaluate(asker(loaded, "moved"), small("form", 4), "k", bank=bank)
    assert [(s.kl, s.values, s.answer) for s in again.scores] == [(s.kl, s.values, s.answer) for s in task.scores], "the measure changes no answer"
    bank.choose([BASE])
    assert all(score.kl is None for score in evaluate(asker(loaded), small("form", 4), "k", bank=bank).scores)


def test_a_large_task_is_measured_on_some_items_spread_over_it(tuned):
    loaded, bank = tuned
    items = small("form", 1).items
    many = small("form", 1).model_copy(update={"items": tuple(items[0].model_copy(update={"id": f"i{n}"}) for n in range(2 * MOST_ITEMS + 1)),
                                               "max_new_tokens": 2})
    chosen = drawn_answers(asker(loaded, "moved"), bank, many)
    assert len(chosen) <= MOST_ITEMS and {"i0", "i3", "i198"} <= set(chosen)
