"""Pretraining in small: it learns, it may stop anywhere and goes on as if it had not, its checkpoints load as bases."""

import json

import pytest

torch = pytest.importorskip("torch")

from world_help import TINY, Collected, one_thread  # noqa: E402

from lab.core import DataError, ModelError, Stopped, TrainingError  # noqa: E402
from lab.world import card, people, pretrain, states  # noqa: E402
from lab.world import tokenizer as tokenizers  # noqa: E402
from lab.world.objectives import OBJECTIVES, chance_of, masked  # noqa: E402
from lab.world.optimizing import optimizers_of  # noqa: E402

WORLD = people.build(0)


@pytest.fixture(scope="module", autouse=True)
def calm():
    with one_thread():
        yield


def made(root, preset=TINY, objective="causal", **more):
    collected = Collected(root, **more)
    return collected, pretrain.pretrain(preset, collected.hooks, objective=objective)


def weights(folder):
    from safetensors.torch import load_file
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """200 steps of each objective, made once."""
    root, preset = tmp_path_factory.mktemp("learned"), TINY.model_copy(update={"steps": 150, "finishes": (30, 20), "checkpoints": 2})
    with one_thread():
        return {objective: (root / objective, *made(root / objective, preset, objective)) for objective in ("causal", "masked")}


@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_200_steps_learn(learned, objective):
    _, collected, facts = learned[objective]
    losses = [values["loss"] for _, _, values in collected.seen if "loss" in values]
    held = [(step, values["eval_loss"]) for step, _, values in collected.seen if "eval_loss" in values]
    assert losses[-1] < losses[0] - 1.0 and facts["last_loss"] < facts["first_loss"] - 1.5
    assert [step for step, _ in held] == [100, 200] and held[1][1] < held[0][1]
    assert [step for step, total, values in collected.seen if "tokens" in values] == list(range(20, 201, 20))
    assert {total for _, total, _ in collected.seen} == {200}


def test_both_objectives_read_the_same_text_and_have_the_same_body(learned):
    causal, masked_facts = learned["causal"][2], learned["masked"][2]
    assert causal["corpus"] == masked_facts["corpus"] and causal["documents"] == masked_facts["documents"]
    assert masked_facts["vocabulary"] == causal["vocabulary"] + 1
    assert masked_facts["parameters"] == causal["parameters"] + TINY.width  # the mask's embedding, tied to the output


def test_checkpoints_are_standard_folders_with_a_card(learned):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from lab.engine.load import load_base
    root, collected, _ = learned["causal"]
    assert sorted(collected.facts) == [100, 200]
    for step in (100, 200):
        folder = root / f"base-{step}"
        loaded = load_base(folder, torch.device("cpu"))
        assert loaded.tokenizer.eos_token_id in loaded.ends and loaded.context == TINY.positions
        about = json.loads((folder / "card.json").read_text())
        assert about["steps"] == step and about["corpus"] == collected.facts[step]["corpus"]
        assert about["probes"]["capitals"]["n"] == (pretrain.LADDER_ITEMS if step == 100 else pretrain.FINAL_ITEMS)
    text = (root / "base-200" / "README.md").read_text()
    assert "## Gate" in text and "missed" in text and text.count("| met |") + text.count("| missed |") == len(card.GATE)
    assert "at step 100 of 200" in (root / "base-100" / "README.md").read_text()
    other = learned["masked"][0] / "base-200"
    assert AutoModelForMaskedLM.from_pretrained(other).config.mask_token_id == AutoTokenizer.from_pretrained(other).mask_token_id == 1024
    with pytest.raises(ModelError):
        load_base(other, torch.device("cpu"))
    assert "not measured" in (other / "README.md").read_text() and "## Gate" not in (other / "README.md").read_text()


def test_what_cannot_be_measured_is_no_number(learned):
    causal, masked_facts = learned["causal"][2], learned["masked"][2]
    shared = {name for name in masked_facts["probes"]}
    assert shared == {"gap at the end of a statement", "gap before the end of a statement",
                      "linear head, 16 labels", "linear head, 64 labels", "linear head, 256 labels"}
    assert shared < set(causal["probes"]) and "writes an answer" in causal["probes"] and not causal["not_measured"]
    assert "writes an answer" in masked_facts["not_measured"] and not any(name in masked_facts["probes"] for name in ("capitals", "writes an answer"))
    assert {name for _, name, _, _ in card.GATE} <= set(causal["probes"]), "every line of the gate is measured"
    assert all(score["low"] <= score["value"] <= score["high"] and score["n"] >= 100 for score in causal["probes"].values())


@pytest.fixture
def few(monkeypatch):
    """Two items per probe: what they say is not looked at, that they are asked is."""
    monkeypatch.setattr(pretrain, "LADDER_ITEMS", 2)
    monkeypatch.setattr(pretrain, "FEW_ITEMS", 2)


@pytest.mark.parametrize("objective, stop_at", [("causal", 10), ("causal", 13), ("causal", 16), ("masked", 10)],
                         ids=["in the main part", "at the finish's first step", "in the finish", "masked"])
def test_a_stopped_run_goes_on_bit_by_bit(tmp_path, few, objective, stop_at):
    whole, facts = made(tmp_path / "whole", objective=objective)
    with pytest.raises(Stopped):
        made(tmp_path / "parts", objective=objective, stop_at=stop_at)
    resumed, again = made(tmp_path / "parts", objective=objective, resume=True)
    assert resumed.seen[0][0] == 20 and again["corpus"] == facts["corpus"] and again["documents"] == facts["documents"]
    assert again["curve"] == facts["curve"] and again["probes"] == facts["probes"] and again["first_loss"] == facts["first_loss"]
    assert resumed.seen == whole.seen  # every reported loss, bit by bit
    one, other = weights(tmp_path / "whole" / "base-20"), weights(tmp_path / "parts" / "base-20")
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_one_state_is_kept_and_one_of_another_recipe_is_refused(tmp_path):
    with pytest.raises(Stopped):
        made(tmp_path, stop_at=3, state_seconds=0)
    assert [path.name for path in (tmp_path / "states").iterdir()] == ["checkpoint-3"]
    with pytest.raises(DataError, match="other settings"):
        made(tmp_path, TINY.model_copy(update={"muon_rate": 0.01}), resume=True)


def test_a_stop_that_keeps_makes_a_base_of_what_is_there(tmp_path, few):
    collected, facts = made(tmp_path, stop_at=7, keep=True)
    assert facts["stopped"] and facts["steps"] == 7 and (tmp_path / "base-7" / "model.safetensors").exists()
    assert "at step 7 of 20" in (tmp_path / "base-7" / "README.md").read_text()
    resumed, facts = made(tmp_path, resume=True)
    assert not facts["stopped"] and facts["steps"] == 20


def test_a_stop_before_the_first_step_leaves_nothing_but_a_state(tmp_path):
    with pytest.raises(Stopped):
        made(tmp_path, stop_at=0, keep=True)
    assert not list(tmp_path.glob("base-*")) and (tmp_path / "states" / "checkpoint-0").is_dir()


def test_a_stop_while_the_probes_are_asked_loses_no_step(tmp_path, few):
    whole, facts = made(tmp_path / "whole", TINY.model_copy(update={"steps": 4, "finishes": (1, 1), "checkpoints": 2}))
    with pytest.raises(Stopped):  # three steps are asked for, and the stop comes at the second probe of the checkpoint
        made(tmp_path / "parts", TINY.model_copy(update={"steps": 4, "finishes": (1, 1), "checkpoints": 2}), stop_at=4)
    assert [path.name for path in (tmp_path / "parts" / "states").iterdir()] == ["checkpoint-3"]
    resumed, again = made(tmp_path / "parts", TINY.model_copy(update={"steps": 4, "finishes": (1, 1), "checkpoints": 2}), resume=True)
    assert sorted(resumed.facts) == [3, 6] and again["curve"] == facts["curve"]


def test_divergence_is_named(tmp_path):
    with pytest.raises(TrainingError, match="finite"):
        made(tmp_path, TINY.model_copy(update={"learning_rate": 1e30, "muon_rate": 1e30}))


def test_states_hold_all_that_training_changes(tmp_path):
    tokenizer = tokenizers.train(WORLD)
    torch.manual_seed(1)
    model = OBJECTIVES["causal"].model(TINY, tokenizer)
    optimizers = optimizers_of(model, TINY)
    pretrain.train_step(model, optimizers, [[6, 7, 8, 9], [7, 7, 9]], tokenizer, TINY, "causal", chance_of(0, 0))
    states.save(tmp_path, model, optimizers, states.Progress("r", step=1, losses=[0.1 + 0.2]), lambda folder: None)
    other = OBJECTIVES["causal"].model(TINY, tokenizer)
    fresh = optimizers_of(other, TINY)
    assert states.load(tmp_path / "checkpoint-1", other, fresh, "r").losses == [0.1 + 0.2]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
    for one, two in zip(optimizers, fresh):
        pairs = list(zip([p for group in one.param_groups for p in group["params"]], [p for group in two.param_groups for p in group["params"]]))
        assert pairs and all(one.state[a].keys() == two.state[b].keys() and one.state[a] for a, b in pairs)
        assert all(torch.equal(one.state[a][key], two.state[b][key]) for a, b in pairs for key in one.state[a])


def test_masks_cover_the_share_they_should_and_spare_the_marks():
    tokenizer = OBJECTIVES["masked"].tokenizer(WORLD)
    special = torch.tensor(sorted(set(tokenizer.all_special_ids)))
    ids = torch.randint(0, 1024, (200, 200), generator=torch.Generator().manual_seed(0))
    shown, targets = masked(ids, tokenizer, chance_of(0, 5))
    chosen, open_ = targets >= 0, ~torch.isin(ids, special)
    assert not (chosen & ~open_).any() and torch.equal(targets[chosen], ids[chosen]) and torch.equal(shown[~chosen], ids[~chosen])
    share = chosen[open_].double().mean().item()
    blank, same = (shown[chosen] == tokenizer.mask_token_id).double().mean().item(), (shown[chosen] == ids[chosen]).double().mean().item()
    assert abs(share - 0.15) < 0.01 and abs(blank - 0.8) < 0.02 and abs(same - 0.1) < 0.02
    again, _ = masked(ids, tokenizer, chance_of(0, 5))
    other, _ = masked(ids, tokenizer, chance_of(0, 6))
    assert torch.equal(shown, again) and not torch.equal(shown, other)
