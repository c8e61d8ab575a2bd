"""SFT and DPO tokens per CPU-second: the lab, a bare loop, and TRL as it comes; same model, same rows, one process."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from pathlib import Path

from common import CpuSeconds, five_million, rows, table

BATCH, PACK = 16, 2_048


def adapted():
    from lab.engine.adapters import new_adapter
    loaded = five_million()
    return dataclasses.replace(loaded, model=new_adapter(loaded, 16, 32, 0.0, 0))


def optimizer(model):
    import torch
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)


def bare_sft(data) -> float:
    """Packed without padding, causal within each sequence, plain cross-entropy over the trained positions."""
    import torch
    model = adapted().model.train()
    steps, order = optimizer(model), list(data)
    random.Random(0).shuffle(order)
    packs, size = [[]], 0
    for row in order:
        if size + len(row[0]) + len(row[1]) > PACK:
            packs.append([])
            size = 0
        packs[-1].append(row)
        size += len(row[0]) + len(row[1])
    with CpuSeconds() as cpu:
        for pack in packs:
            ids = torch.tensor([[t for p, a in pack for t in p + a]])
            positions = torch.tensor([[i for p, a in pack for i in range(len(p) + len(a))]])
            trained = torch.tensor([x for p, a in pack for x in [False] * (len(p) - 1) + [True] * len(a) + [False]])
            core = model.get_base_model()
            hidden = core.model(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state[0]
            labels = torch.tensor([t for p, a in pack for t in a])
            loss = torch.nn.functional.cross_entropy(core.lm_head(hidden[trained]), labels)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            steps.step()
            steps.zero_grad()
    return sum(len(p) + len(a) for p, a in data) / cpu.seconds


def bare_by_length(data) -> float:
    """Padded batches of similar lengths, the same loss, no trainer around it."""
    import torch

    from lab.engine.likelihood import answer_logps, padded
    loaded = adapted()
    model, steps = loaded.model.train(), optimizer(loaded.model)
    order = sorted(data, key=lambda row: -len(row[0]) - len(row[1]))
    with CpuSeconds() as cpu:
        for start in range(0, len(order), BATCH):
            batch, keep = padded(order[start:start + BATCH], loaded.pad, loaded.device)
            logps, trained = answer_logps(model, batch, keep)
            (-logps.sum() / trained.sum()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            steps.step()
            steps.zero_grad()
    return sum(len(p) + len(a) for p, a in data) / cpu.seconds


def lab_sft(data, packing: str = "off") -> float:
    from datasets import Dataset
    from trl import SFTConfig

    from lab.core import Sft
    from lab.methods.packing import packs
    from lab.methods.sft import AnswerLossTrainer, Collator
    from lab.methods.training import Hooks, arguments
    loaded, settings = adapted(), Sft(epochs=1, batch_size=BATCH, packing=packing)
    hooks = Hooks(metric=lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(**{**arguments(settings, len(data), loaded, Path(folder), hooks), "eval_strategy": "no", "eval_on_start": False},
                           dataset_kwargs={"skip_prepare_dataset": True}, packing=False, completion_only_loss=False)
        dataset = Dataset.from_list([{"prompt_ids": p, "answer_ids": a, "length": len(p) + len(a)} for p, a in data])
        trainer = AnswerLossTrainer(model=loaded.model, args=config, processing_class=loaded.tokenizer,
                                    data_collator=Collator(loaded.pad), train_dataset=dataset)
        trainer.packed = packs(loaded, settings)
        with CpuSeconds() as cpu:
            trainer.train()
    return sum(len(p) + len(a) for p, a in data) / cpu.seconds


def trl_sft(data) -> float:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer
    loaded = adapted()
    dataset = Dataset.from_list([{"input_ids": p + a, "labels": [-100] * len(p) + a} for p, a in data])
    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(output_dir=folder, use_cpu=True, report_to="none", disable_tqdm=True, num_train_epochs=1,
                           per_device_train_batch_size=BATCH, save_strategy="no")
        trainer = SFTTrainer(model=loaded.model, args=config, processing_class=loaded.tokenizer, train_dataset=dataset)
        with CpuSeconds() as cpu:
            trainer.train()
    return sum(len(p) + len(a) for p, a in data) / cpu.seconds


def pair_tokens(data) -> int:
    return sum(2 * len(p) + len(c) + len(r) for p, c, r in data)


def bare_dpo(data) -> float:
    """Padded by length, reference log-probabilities computed once before training (counted)."""
    import torch

    from lab.engine.likelihood import answer_logps, padded
    loaded = adapted()
    model, steps = loaded.model, optimizer(loaded.model)
    order = sorted(data, key=lambda row: -len(row[0]) - max(len(row[1]), len(row[2])))
    batches = [order[i:i + BATCH // 2] for i in range(0, len(order), BATCH // 2)]
    with CpuSeconds() as cpu:
        tensors = [padded([(p, s) for side in (1, 2) for row in batch for p, s in [(row[0], row[side])]], loaded.pad, loaded.device)
                   for batch in batches]
        with torch.no_grad():
            references = [answer_logps(model, batch, keep)[0].sum(1) for batch, keep in tensors]
        model.train()
        for (batch, keep), reference in zip(tensors, references):
            chosen, rejected = (0.1 * (answer_logps(model, batch, keep)[0].sum(1) - reference)).chunk(2)
            (-torch.nn.functional.logsigmoid(chosen - rejected).mean()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            steps.step()
            steps.zero_grad()
    return pair_tokens(data) / cpu.seconds


def lab_dpo(data) -> float:
    from datasets import Dataset
    from trl import DPOConfig

    from lab.core import Dpo
    from lab.engine.likelihood import continuation_logps
    from lab.methods.dpo import Collator, PairLossTrainer
    from lab.methods.training import Hooks, arguments
    loaded, settings = adapted(), Dpo(epochs=1, batch_size=BATCH // 2)
    loaded.model.eval()
    with tempfile.TemporaryDirectory() as folder, CpuSeconds() as reference_cpu:
        reference = [[total for total, _ in continuation_logps(loaded, [(row[0], row[side]) for row in data])] for side in (1, 2)]
    dataset = Dataset.from_list([
        {"prompt_ids": p, "chosen_ids": c, "rejected_ids": r, "length": len(p) + max(len(c), len(r)), "reference_chosen": rc,
         "reference_rejected": rr} for (p, c, r), rc, rr in zip(data, *reference)])
    with tempfile.TemporaryDirectory() as folder:
        config = DPOConfig(**{**arguments(settings, len(data), loaded, Path(folder), Hooks(metric=lambda *_: None)),
                              "eval_strategy": "no", "eval_on_start": False})
        trainer = PairLossTrainer(model=loaded.model, args=config, processing_class=loaded.tokenizer, data_collator=Collator(loaded.pad),
                                  train_dataset=dataset)
        loaded.model.delete_adapter("ref")
        with CpuSeconds() as cpu:
            trainer.train()
    return pair_tokens(data) / (cpu.seconds + reference_cpu.seconds)


def trl_dpo(data, precompute: bool) -> float:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer
    from trl.trainer.dpo_trainer import DataCollatorForPreference
    loaded = adapted()
    dataset = Dataset.from_list([{"prompt": "x", "prompt_ids": p, "chosen_ids": c, "rejected_ids": r} for p, c, r in data])

    class Tokenised(DPOTrainer):
        def _prepare_dataset(self, dataset, *args, **kwargs):
            return dataset.remove_columns("prompt")

    with tempfile.TemporaryDirectory() as folder:
        config = DPOConfig(output_dir=folder, use_cpu=True, report_to="none", disable_tqdm=True, num_train_epochs=1, save_strategy="no",
                           per_device_train_batch_size=BATCH // 2, precompute_ref_log_probs=precompute)
        with CpuSeconds() as setup:
            trainer = Tokenised(model=loaded.model, args=config, processing_class=loaded.tokenizer, train_dataset=dataset,
                                data_collator=DataCollatorForPreference(pad_token_id=loaded.pad))
        with CpuSeconds() as cpu:
            trainer.train()
    return pair_tokens(data) / (cpu.seconds + (setup.seconds if precompute else 0))


def main() -> None:
    data = rows()
    lab_sft(data[:32])  # warms caches and imports for everybody
    packed, by_length, lab, joined, trl = bare_sft(data), bare_by_length(data), lab_sft(data), lab_sft(data, "on"), trl_sft(data)
    bare = max(packed, by_length)
    table("SFT, 5M parameters, LoRA r=16, tokens per CPU-second (pads not counted)", [
        ("bare loop, packed rows", f"{packed:,.0f}", "", ""),
        ("bare loop, batches by length", f"{by_length:,.0f}", "", ""),
        ("the lab", f"{lab:,.0f}", f"{lab / bare:.2f} of the faster one", "0.70 now, 0.95 aim"),
        ("the lab, packed", f"{joined:,.0f}", f"{joined / lab:.2f} of the lab", ""),
        ("TRL as it comes", f"{trl:,.0f}", f"lab is {lab / trl:.1f}x", "4.5x")])
    pairs = [(p, a, b) for (p, a), (_, b) in zip(rows(120), rows(120, seed=1))]
    bare, lab, trl, pre = bare_dpo(pairs), lab_dpo(pairs), trl_dpo(pairs, False), trl_dpo(pairs, True)
    table("DPO, 5M parameters, LoRA r=16, tokens per CPU-second (reference counted)", [
        ("bare loop, reference once", f"{bare:,.0f}", "", ""),
        ("the lab", f"{lab:,.0f}", f"{lab / bare:.2f} of bare", ""),
        ("TRL as it comes", f"{trl:,.0f}", f"lab is {lab / trl:.1f}x", "6x"),
        ("TRL, precomputed reference", f"{pre:,.0f}", f"lab is {lab / pre:.1f}x", "4x")])


if __name__ == "__main__":
    main()
