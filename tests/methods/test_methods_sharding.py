"""A stage shared out over two processes: what it learned comes home whole, a stopped one goes on, and each process holds its part alone."""

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lab import store
from lab.core import Dpo, Sft, adapter_key
from lab.jobs.outcomes import evaluation_key
from lab.methods.training import way_points
from tests.methods.sharded_stage import Bench
from tests.methods.shared_runs import ADAPTER, few, finished, points, queued

STAGES = (Sft(epochs=1, tuning="full", learning_rate=1e-3, batch_size=7, **ADAPTER), Dpo(epochs=1, learning_rate=1e-3, batch_size=5, **ADAPTER))


def apart(one, two):
    return sum((tensor - two[name]).norm().item() ** 2 for name, tensor in one.items()) ** 0.5


def test_all_weights_are_tuned_to_the_same_dpo_stands_on_them_and_answers_are_equal(tmp_path, small_task, monkeypatch):
    base, found = store.bases.resolve("shipped", store.bases.shipped()[0]), []
    for place, computed in enumerate(({}, {"devices": 2, "sharding": "full", "micro_batch": 2, "checkpointing": "on"})):
        run, task = queued(tmp_path / str(place), base, few(small_task), STAGES, monkeypatch, **computed)
        finished(run)
        folders = [store.artifacts.find(adapter_key(run.system, task, number)) for number in (1, 2)]
        suite = store.tasks.load(task.id).test_suite()
        scores = store.evaluations.find(evaluation_key(run, suite), suite.fingerprint).scores
        norms = [point["grad_norm"] for point in points(run) if "grad_norm" in point]
        found.append((load_file(folders[0] / "model.safetensors"), load_file(folders[1] / "adapter_model.safetensors"), scores, norms))
    (whole, adapter, answers, norms), (other, same, more, clipped) = found
    start = load_file(store.bases.folder_of(base) / "model.safetensors")
    assert apart(whole, other) < 0.02 * apart(whole, start) and apart(adapter, same) < 0.02 * sum(t.norm() ** 2 for t in adapter.values()) ** 0.5
    assert [score.answer for score in answers] == [score.answer for score in more] and norms == pytest.approx(clipped, rel=1e-2)
    assert AutoModelForCausalLM.from_pretrained(folders[0], local_files_only=True).num_parameters() == base.parameters


@pytest.mark.parametrize(("architecture", "tuning"), [("llama", "full"), ("gpt_neox", "lora")])
def test_a_stopped_one_goes_on_where_it_was_and_ends_where_one_process_does(tmp_path, architecture, tuning):
    alone = Bench(architecture, tuning)
    measured, _ = alone.train(tmp_path / "alone")
    done = subprocess.run([sys.executable, "-m", "tests.methods.sharded_stage", architecture, tuning, str(tmp_path / "shared")],
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-3000:]
    found = torch.load(tmp_path / "shared" / "found.pt", weights_only=True)
    moved = (alone.learned() - alone.start).norm()
    assert moved > 0 and (alone.learned() - found["end"]).norm() < 0.02 * moved
    assert found["stopped"] == [True, False] and [step for step, _ in found["points"]] == [step for step, _ in measured]
    for (_, mine), (_, theirs) in zip(measured, found["points"]):
        assert {**mine, "tokens": 0} == pytest.approx({**theirs, "tokens": 0}, rel=1e-2, abs=3e-3)  # tokens are counted per attempt
    assert found["base"], "the base that answers is what it was"
    assert found["share"] < 0.51, "each process held its part alone"
    far = [distance for _, distance in found["way"]]
    assert [step for step, _ in found["way"]] == sorted(way_points(4)) and far == sorted(far) and far[0] > 0, "checkpoints hold what was learned"
