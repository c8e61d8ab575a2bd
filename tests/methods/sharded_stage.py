"""SFT of a small model, shared out over two processes, stopped on the way and resumed; a test trains the same alone.

    python -m tests.methods.sharded_stage ARCHITECTURE lora|full FOLDER [further]      leaves FOLDER/found.pt; `further`: the second process
"""

import dataclasses
import sys
from pathlib import Path

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

from lab import store
from lab.core import Sft, Stopped
from lab.core.fit import Plan
from lab.engine.adapters import new_adapter
from lab.engine.devices import settle
from lab.engine.load import load_base
from lab.engine.weights import trainable_copy
from lab.methods import group, sft, sharding
from lab.methods.stages import run_stage
from lab.methods.training import Hooks

SIZES = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, vocab_size=1024, max_position_embeddings=512)
MODELS = {"llama": lambda: LlamaForCausalLM(LlamaConfig(num_key_value_heads=2, tie_word_embeddings=False, **SIZES)),
          "gpt_neox": lambda: GPTNeoXForCausalLM(GPTNeoXConfig(**SIZES))}
STOP_AT = 2  # of four steps


class Bench:
    """A base, the rows it learns from, and the model that a stage trains."""

    def __init__(self, architecture, tuning, processes=1):
        self.stage = Sft(epochs=1, learning_rate=3e-3, batch_size=7, max_length=256, evaluations=1, tuning=tuning, devices=processes, sharding="full")
        shipped = load_base(store.SHIPPED / "bases" / store.bases.shipped()[0], settle())
        torch.manual_seed(0)
        self.loaded = dataclasses.replace(shipped, model=MODELS[architecture]().eval())
        self.base = [parameter.clone() for parameter in self.loaded.model.parameters()]
        self.model = trainable_copy(self.loaded.model) if self.stage.full else new_adapter(self.loaded, 4, 8, 0.0, 0)
        self.start = self.learned()

    def learned(self):
        """What is trained, in one row."""
        return torch.cat([parameter.detach().flatten() for parameter in self.model.parameters() if parameter.requires_grad])

    def train(self, folder, **more):
        """(what was measured, whether it was stopped)."""
        task, points = store.tasks.load("form"), []
        data = task.model_copy(update={"examples": (*task.split("train")[:22], *task.split("validation")[:5])})
        hooks = Hooks(metric=lambda step, total, values: points.append((step, values)), checkpoints=folder, plan=lambda batches: Plan(dry_run=True),
                      resume_from=store.runs.complete_checkpoint(folder), **more)
        try:
            run_stage(dataclasses.replace(self.loaded, model=self.model), self.stage, lambda q: [{"role": "user", "content": q}], data, folder, hooks)
        except Stopped:
            return points, True
        return points, False


def first(architecture, tuning, folder):
    trainers, measured, way = [], [], []
    run_trainer = sft.run_trainer
    sft.run_trainer = lambda trainer, *rest: (trainers.append(trainer), run_trainer(trainer, *rest))
    for _ in range(2):
        bench = Bench(architecture, tuning, 2)
        with group.together(2, [sys.executable, "-m", __spec__.name, architecture, tuning, str(folder), "further"], folder):
            measured.append(bench.train(folder, should_stop=lambda: not measured and trainers[-1].state.global_step == STOP_AT,
                                        finish_checkpoint=store.files.write_manifest,
                                        on_the_way=lambda step, total: way.append((step, (bench.learned() - bench.start).norm().item()))))
    parameters = list(trainers[-1].model.parameters())
    end, after = bench.learned(), bench.loaded.model if bench.stage.full else bench.model.unload()
    torch.save({"end": end, "way": way, "points": measured[0][0] + measured[1][0], "stopped": [stopped for _, stopped in measured],
                "share": sum(map(sharding.local, parameters)) / sum(parameter.numel() for parameter in parameters),
                "base": all(map(torch.equal, bench.base, after.parameters()))}, folder / "found.pt")


def further(architecture, tuning, folder):
    bench = Bench(architecture, tuning, 2)
    with group.joined():
        bench.train(folder)


if __name__ == "__main__":
    (further if len(sys.argv) > 4 else first)(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
