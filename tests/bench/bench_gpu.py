"""SFT and DPO with LoRA on random-weight models of well-known shapes: the lab and TRL as it comes, tokens per second, MFU, peak memory.

    python tests/bench/bench_gpu.py [--shapes 0.5B 1B 1.5B 8B] [--save]     on a GPU; --save writes data/benchmarks/gpu.md
    python tests/bench/bench_gpu.py --shapes tiny --rows 16 --tokens 64     anywhere: shows that it runs, its numbers mean nothing

The same rows and the same adapter for everybody, in one process after the other's memory was given back. Pads do not count as tokens. MFU:
arithmetic of the model's passes over the device's dense bfloat16 peak (`--peak`, in TFLOP/s, where the table below does not know it). A LoRA
step costs 4 N per token (forward 2 N, gradients of the activations 2 N; the frozen weights need none), N without the embedding;
recomputed activations and the reference's pass are not counted as useful, so they lower the MFU.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple

import common  # noqa: F401  (the path and the thread settings)

# hidden, inner, layers, heads, kv heads, head size, vocabulary, tied, as the public configurations of the named models say
SHAPES = {"tiny": ("llama", 64, 128, 2, 4, 2, 16, 4096, True),
          "0.5B": ("qwen2", 896, 4864, 24, 14, 2, 64, 151_936, True),  # Qwen2.5-0.5B
          "1B": ("llama", 2048, 8192, 16, 32, 8, 64, 128_256, True),  # Llama-3.2-1B
          "1.5B": ("qwen2", 1536, 8960, 28, 12, 2, 128, 151_936, True),  # Qwen2.5-1.5B
          "8B": ("llama", 4096, 14_336, 32, 32, 8, 128, 128_256, False)}  # Llama-3.1-8B
PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "4090": 165, "3090": 71}  # dense bfloat16, TFLOP/s
REPORT = Path(__file__).resolve().parents[2] / "data" / "benchmarks" / "gpu.md"
BATCH, PAIRS, RANK, SIGMA = 16, 8, 16, 0.6
Rows = list[tuple[list[int], list[int]]]


class Measured(NamedTuple):
    """One way on one shape. memory: peak in bytes; None where the device does not say."""

    shape: str
    method: str
    way: str
    tokens_per_second: float
    mfu: float | None
    memory: int | None
    estimated: int | None


def model_of(name: str, device: Any) -> Any:
    """Random weights straight on the device, in its precision."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    from lab.engine.devices import precision
    family, hidden, inner, layers, heads, kv_heads, head_size, vocabulary, tied = SHAPES[name]
    config, model = (LlamaConfig, LlamaForCausalLM) if family == "llama" else (Qwen2Config, Qwen2ForCausalLM)
    torch.manual_seed(0)
    with torch.device(device):
        made = model(config(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
                            num_key_value_heads=kv_heads, head_dim=head_size, vocab_size=vocabulary, tie_word_embeddings=tied,
                            max_position_embeddings=4096, eos_token_id=0, pad_token_id=1))
    return made.to(precision(device)).eval()


def loaded_of(name: str) -> Any:
    """As the lab loads a base, with the shipped base's tokenizer: the rows are token ids already."""
    from lab import store
    from lab.engine.adapters import new_adapter
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    device = settle("cuda:0")
    shipped = load_base(store.SHIPPED / "bases" / store.bases.shipped()[0], device)
    plain = dataclasses.replace(shipped, model=model_of(name, device), context=4096)
    return dataclasses.replace(plain, model=new_adapter(plain, RANK, 2 * RANK, 0.0, 0))


def rows_of(count: int, mean: int, seed: int = 0) -> Rows:
    """(prompt, answer) ids; whole lengths log-normal, at most four times the mean; a half of each answers."""
    import numpy as np
    chance = np.random.default_rng(seed)
    lengths = np.clip(chance.lognormal(np.log(mean) - SIGMA**2 / 2, SIGMA, count), 8, 4 * mean).astype(int)
    return [(chance.integers(5, 4000, size // 2).tolist(), chance.integers(5, 4000, size - size // 2).tolist()) for size in lengths]


def lab_sft(loaded: Any, rows: Rows, plan: Callable, packing: str = "off") -> float:
    from datasets import Dataset
    from trl import SFTConfig

    from lab.core import Sft
    from lab.core.fit import Batch
    from lab.methods.sft import AnswerLossTrainer, Collator
    data = Dataset.from_list([{"prompt_ids": p, "answer_ids": a, "length": len(p) + len(a)} for p, a in rows])
    stage = Sft(epochs=1, batch_size=BATCH, packing=packing)
    return _lab(loaded, stage, data, SFTConfig, AnswerLossTrainer, Collator(loaded.pad),
                plan(stage, Batch(rows=BATCH, tokens=max(data["length"]), answers=max(len(a) for _, a in rows))),
                dataset_kwargs={"skip_prepare_dataset": True}, packing=False, completion_only_loss=False)


def lab_dpo(loaded: Any, rows: Rows, plan: Callable, packing: str = "off") -> float:
    from trl import DPOConfig

    from lab.core import Dpo
    from lab.core.fit import Batch
    from lab.methods.dpo import Collator, PairLossTrainer, referred
    stage, begun = Dpo(epochs=1, batch_size=PAIRS, packing=packing), time.perf_counter()
    sides = [rows, [(p, a[::-1]) for p, a in rows]]
    found = plan(stage, Batch(rows=PAIRS, tokens=max(len(p) + len(a) for p, a in rows), answers=max(len(a) for _, a in rows)))
    data = referred(loaded, sides, [len(p) + len(a) for p, a in rows], 2 * found.micro_batch)
    reference = time.perf_counter() - begun
    return reference + _lab(loaded, stage, data, DPOConfig, PairLossTrainer, Collator(loaded.pad), found, beta=stage.beta)


def _lab(loaded: Any, stage: Any, data: Any, config: Any, trainer: Any, collator: Any, plan: Any, **more: Any) -> float:
    from lab.methods.packing import packs
    from lab.methods.training import Hooks, arguments, recomputing
    hooks = Hooks(metric=lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        given = {**arguments(stage, len(data), loaded, Path(folder), hooks), "eval_strategy": "no", "eval_on_start": False}
        made = trainer(model=loaded.model, args=config(**given, **more), processing_class=loaded.tokenizer, data_collator=collator,
                       train_dataset=data)
        made.plan, made.packed = plan, packs(loaded, stage)
        if "ref" in getattr(loaded.model, "peft_config", {}):
            loaded.model.delete_adapter("ref")
        with recomputing(loaded.model, plan.checkpointing):
            return _seconds(made.train)


def trl_sft(loaded: Any, rows: Rows, plan: Callable, **more: bool) -> float:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    data = Dataset.from_list([{"input_ids": p + a, "labels": [-100] * len(p) + a} for p, a in rows])
    with tempfile.TemporaryDirectory() as folder:
        longest = max(len(row) for row in data["input_ids"]) if more.get("packing") else None
        config = SFTConfig(max_length=longest, **more, **_as_it_comes(loaded, folder, BATCH))
        trainer = SFTTrainer(model=loaded.model, args=config, processing_class=loaded.tokenizer, train_dataset=data)
        return _seconds(trainer.train)


def trl_dpo(loaded: Any, rows: Rows, plan: Callable) -> float:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference

    class Tokenised(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset.remove_columns("prompt")

    data = Dataset.from_list([{"prompt": "x", "prompt_ids": p, "chosen_ids": a, "rejected_ids": a[::-1]} for p, a in rows])
    with tempfile.TemporaryDirectory() as folder:
        trainer = Tokenised(model=loaded.model, args=DPOConfig(**_as_it_comes(loaded, folder, PAIRS)), processing_class=loaded.tokenizer,
                            train_dataset=data, data_collator=DataCollatorForPreference(pad_token_id=loaded.pad))
        return _seconds(trainer.train)


def _as_it_comes(loaded: Any, folder: str, batch: int) -> dict[str, Any]:
    return dict(output_dir=folder, use_cpu=loaded.device.type == "cpu", report_to="none", disable_tqdm=True, num_train_epochs=1, save_strategy="no",
                per_device_train_batch_size=batch)


# TRL's DPO has no packing of its own at present.
WAYS = {"SFT": {"the lab": lab_sft, "the lab, packed": partial(lab_sft, packing="on"), "TRL": trl_sft,
                "TRL, padding-free": partial(trl_sft, padding_free=True), "TRL, packed": partial(trl_sft, packing=True)},
        "DPO": {"the lab": lab_dpo, "the lab, packed": partial(lab_dpo, packing="on"), "TRL": trl_dpo}}


def _seconds(work: Callable[[], Any]) -> float:
    import torch
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    begun = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - begun


def measure(shape: str, method: str, way: str, rows: Rows, peak: float | None) -> Measured:
    import torch

    from lab.core.fit import Plan, Shape
    from lab.jobs import plans
    loaded, chosen = loaded_of(shape), []
    _, hidden, inner, layers, heads, kv_heads, head_size, vocabulary, _ = SHAPES[shape]
    total = sum(parameter.numel() for name, parameter in loaded.model.named_parameters() if "lora_" not in name)
    sizes = Shape(parameters=total, hidden=hidden, inner=inner, layers=layers, heads=heads, kv_heads=kv_heads, head_size=head_size,
                  vocabulary=vocabulary)
    kind = loaded.device.type
    on_gpu = kind == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()

    def plan(stage: Any, batch: Any) -> Plan:
        free = torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() if on_gpu else 8 << 30
        chosen.append(plans.plan(sizes, stage, kind, [batch], free))
        return chosen[-1].model_copy(update={"dry_run": False})
    seconds = WAYS[method][way](loaded, rows, plan)
    tokens = sum(len(p) + len(a) for p, a in rows) * (2 if method == "DPO" else 1)
    useful = 4 * (sizes.linear + hidden * vocabulary)
    memory = torch.cuda.max_memory_reserved() if on_gpu else None
    estimate = chosen[0].estimate if chosen else None
    del loaded
    gc.collect()
    if on_gpu:
        torch.cuda.empty_cache()
    return Measured(shape, method, way, tokens / seconds, useful * tokens / seconds / (peak * 1e12) if peak else None, memory,
                    estimate.total - estimate.overhead if estimate else None)


def measured(shapes: list[str], count: int, mean: int, peak: float | None) -> list[Measured]:
    """Every way on every shape, the first one once more beforehand to warm the kernels."""
    rows, found = rows_of(count, mean), []
    for shape in shapes:
        measure(shape, "SFT", "the lab", rows[:BATCH], peak)
        for method, ways in WAYS.items():
            for way in ways:
                found.append(measure(shape, method, way, rows, peak))
                print(*found[-1], sep=" | ", flush=True)
    return found


def report(found: list[Measured], device: str, command: str) -> str:
    def size(value: int | None) -> str:
        return f"{value / (1 << 30):.1f} GB" if value else "–"
    lines = [f"| {row.shape} | {row.method} | {row.way} | {row.tokens_per_second:,.0f} | {f'{row.mfu:.1%}' if row.mfu else '–'} | {size(row.memory)} | "
             f"{size(row.estimated)} |" for row in found]
    return (f"# SFT and DPO with LoRA on {device}\n\n`{command}`\n\nRandom weights in the shapes of Qwen2.5-0.5B and 1.5B, Llama-3.2-1B and Llama-3.1-8B; "
            f"batch {BATCH} rows, {PAIRS} pairs; rank {RANK}.\n\n| shape | method | way | tokens/s | MFU | peak memory | estimated |\n"
            "|---|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n")


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("--shapes", nargs="*", default=[name for name in SHAPES if name != "tiny"], choices=list(SHAPES))
    reader.add_argument("--rows", type=int, default=256)
    reader.add_argument("--tokens", type=int, default=512, help="mean length of a row")
    reader.add_argument("--peak", type=float, help="dense bfloat16 TFLOP/s of the device")
    reader.add_argument("--save", action="store_true")
    asked = reader.parse_args()
    import torch
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "a CPU"
    peak = asked.peak or next((value for part, value in PEAKS.items() if part in name), None)
    text = report(measured(asked.shapes, asked.rows, asked.tokens, peak), name,
                  f"python tests/bench/bench_gpu.py --shapes {' '.join(asked.shapes)} --rows {asked.rows} --tokens {asked.tokens} --save")
    print(text)
    if asked.save and torch.cuda.is_available():
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
