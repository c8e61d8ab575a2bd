"""Peak memory against the estimate: real training steps and answers on random bases, each in a forked worker of its own, on a CPU.

    python tests/bench/bench_fit.py [--save]     writes data/benchmarks/fit-cpu.md

Measured is what a run writes beside its estimate: the kernel's highest resident size during the stage (lab/methods/memory), libraries
included. Growth is the same without what the process held when the stage began. The factors of lab/jobs/fit.py were set on the rows
marked "fit"; "held out" rows were not looked at for that.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NamedTuple

import common  # noqa: F401  (the path and the thread settings)

SIZES = {"1M": None, "5M": (256, 688, 5, 8, 8, 4096), "9M": (320, 1280, 6, 5, 1, 4096), "25M": (512, 1408, 6, 8, 8, 8192)}
REPORT = Path(__file__).resolve().parents[2] / "data" / "benchmarks" / "fit-cpu.md"
SENTENCE, NEW_TOKENS, MIB = "What is the capital of France? ", 32, 1 << 20


class Case(NamedTuple):
    """One configuration. question, answer: in sentences of about eight tokens."""

    base: str
    method: str
    batch: int
    question: int
    answer: int
    micro: int = 0
    checkpointing: bool = False
    rank: int = 16
    held_out: bool = False

    @property
    def words(self) -> str:
        more = [f"batch {self.batch}", *([f"{self.micro} at a time"] if self.micro else []), *(["recomputed"] if self.checkpointing else []),
                *([f"rank {self.rank}"] if self.rank != 16 else [])]
        return f"{self.base} {self.method}, {', '.join(more)}"


CASES = [
    Case("1M", "lora", 16, 8, 6), Case("5M", "lora", 16, 8, 6), Case("5M", "lora", 16, 16, 4, micro=4), Case("5M", "dpo", 8, 8, 6),
    Case("5M", "full", 16, 8, 6), Case("5M", "lora", 16, 16, 4, checkpointing=True), Case("25M", "lora", 8, 6, 4), Case("25M", "full", 4, 6, 4),
    Case("25M", "dpo", 4, 6, 4), Case("5M", "answer", 64, 8, 0),
    Case("9M", "lora", 16, 12, 3), Case("9M", "lora", 16, 24, 4, micro=2),
    Case("9M", "lora", 16, 8, 8, rank=64), Case("9M", "lora", 16, 24, 4, checkpointing=True),
    Case("9M", "full", 16, 10, 4, held_out=True), Case("9M", "full", 16, 16, 4, micro=4, held_out=True), Case("9M", "dpo", 8, 10, 4, held_out=True),
    Case("9M", "dpo", 8, 16, 4, micro=2, held_out=True), Case("25M", "lora", 8, 12, 4, micro=4, held_out=True),
    Case("25M", "full", 8, 8, 2, checkpointing=True, held_out=True), Case("1M", "full", 32, 8, 6, held_out=True),
    Case("9M", "answer", 64, 12, 0, held_out=True),
]


def base_folder(size: str, root: Path) -> Path:
    """The shipped base, or one of random weights with its tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lab import store
    shipped = store.SHIPPED / "bases" / store.bases.shipped()[0]
    if SIZES[size] is None:
        return shipped
    folder = root / size
    if folder.exists():
        return folder
    hidden, inner, layers, heads, kv_heads, vocabulary = SIZES[size]
    shutil.copytree(shipped, folder)
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
                                 num_key_value_heads=kv_heads, vocab_size=vocabulary, max_position_embeddings=2048, tie_word_embeddings=True,
                                 eos_token_id=0, pad_token_id=1)).save_pretrained(folder)
    return folder


def measure(case: Case, folder: Path) -> dict[str, Any]:
    """Two steps and two validations, or one batch of answers: measured bytes, and the largest batch."""
    import psutil

    from lab.engine.devices import settle
    from lab.engine.load import load_base
    from lab.methods import memory
    loaded = load_base(folder, settle())
    held = psutil.Process().memory_info().rss
    with memory.measured(loaded.device) as peak:
        batch = (_answered if case.method == "answer" else _trained)(case, loaded)
    return {"measured": peak.measured, "held": held, "batch": batch.model_dump()}


def _answered(case: Case, loaded):
    from lab.core.fit import Batch
    from lab.engine.generate import generate
    prompt = loaded.encode(loaded.template.render([{"role": "user", "content": SENTENCE * case.question}], True))
    generate(dataclasses.replace(loaded, ends=frozenset()), [prompt] * case.batch, NEW_TOKENS)  # nothing ends an answer early
    return Batch(rows=case.batch, tokens=len(prompt))


def _trained(case: Case, loaded):
    from lab.core import Example, Preference
    from lab.core.fit import Plan
    from lab.engine.adapters import new_adapter
    from lab.engine.weights import trainable_copy
    from lab.methods import dpo, sft
    from lab.methods.training import Hooks
    question, answer, seen, stage = SENTENCE * case.question, SENTENCE * case.answer, [], stage_of(case)
    hooks = Hooks(metric=lambda *_: None, plan=lambda batches: seen.extend(batches) or Plan(micro_batch=case.micro, checkpointing=case.checkpointing))
    work = dataclasses.replace(loaded, model=trainable_copy(loaded.model) if case.method == "full" else new_adapter(loaded, case.rank, 32, 0.0, 0))
    messages, rows = (lambda prompt: [{"role": "user", "content": prompt}]), range(2 * case.batch)
    with tempfile.TemporaryDirectory() as made:
        if case.method == "dpo":
            pairs = [Preference(id=str(n), prompt=question, chosen=answer, rejected=answer, split="train") for n in rows]
            dpo.train(work, stage, messages, pairs, pairs, Path(made), hooks)
        else:
            examples = [Example(id=str(n), prompt=question, answer=answer, split="train") for n in rows]
            sft.train(work, stage, messages, examples, examples, Path(made), hooks)
    return seen[0]


def stage_of(case: Case):
    from lab.core import Dpo, Sft
    more = dict(epochs=1, batch_size=case.batch, evaluations=1, max_length=4096, lora_rank=case.rank)
    return Dpo(**more) if case.method == "dpo" else Sft(tuning="full" if case.method == "full" else "lora", **more)


def estimated(case: Case, folder: Path, found: dict[str, Any]):
    from lab import store
    from lab.core.fit import Batch
    from lab.jobs import fit, plans
    shape = fit.shape_of(folder, store.bases.resolve("folder", str(folder)).parameters)
    batch = Batch(**found["batch"])
    if case.method == "answer":
        return fit.answering(shape, batch, "cpu", NEW_TOKENS)
    return plans.need(shape, stage_of(case), "cpu", [batch], "none", case.micro or case.batch, case.checkpointing)


def in_a_child(case: Case, folder: Path) -> dict[str, Any]:
    """Measured in a fork of this process, which has the libraries loaded, as the lab's workers are."""
    with tempfile.NamedTemporaryFile("r+") as said:
        pid = os.fork()
        if not pid:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                Path(said.name).write_text(json.dumps(measure(case, folder)))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        if os.waitpid(pid, 0)[1]:
            raise SystemExit(f"{case.words} failed")
        return json.loads(said.read())


def line(case: Case, found: dict[str, Any], guess: Any) -> tuple[str, ...]:
    """Growth is compared with what the estimate says beyond libraries and the base's own weights, which are there when the stage begins."""
    measured, held = found["measured"], found["held"]
    own, growth = guess.total - guess.overhead - found["weights"], measured - held
    return ("held out" if case.held_out else "fit", case.words, str(found["batch"]["tokens"]), f"{guess.total / MIB:,.0f}", f"{measured / MIB:,.0f}",
            f"{guess.total / measured:.2f}", f"{growth / MIB:,.0f}", f"{own / max(1, growth):.2f}")


HEAD = ("rows", "configuration", "tokens", "estimated MiB", "measured MiB", "estimate / measured", "growth MiB", "estimated growth / growth")


def summary(lines: list[tuple[str, ...]]) -> str:
    def share(kind: str) -> str:
        ratios = [float(row[5]) for row in lines if row[0] == kind]
        return f"{sum(abs(ratio - 1) <= 0.15 for ratio in ratios)} of {len(ratios)} {kind} rows"
    return f"Within 15 % of what was measured: {share('held out')}, {share('fit')}."


def save(lines: list[tuple[str, ...]]) -> None:
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    rows = "\n".join(f"| {' | '.join(row)} |" for row in lines)
    REPORT.write_text(f"# Memory of a stage on a CPU: estimated before, measured during\n\n`python tests/bench/bench_fit.py --save`\n\n{summary(lines)}\n\n"
                      "Measured: highest resident size of the worker during the stage, libraries included. Growth: the same without what it held when\n"
                      "the stage began. Held out: not looked at when the estimate's factors were set.\n\n"
                      f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}\n{rows}\n", "utf-8")


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("--save", action="store_true")
    reader.add_argument("--measured", type=Path, help="a file that keeps the measurements: what stands there is not measured again")
    asked = reader.parse_args()
    kept = json.loads(asked.measured.read_text()) if asked.measured and asked.measured.exists() else {}
    from lab.worker import prepare
    prepare()
    lines = []
    with tempfile.TemporaryDirectory() as root:
        for case in CASES:
            folder = base_folder(case.base, Path(root))
            if case.words not in kept:
                kept[case.words] = in_a_child(case, folder) | {"weights": (folder / "model.safetensors").stat().st_size}
                if asked.measured:
                    asked.measured.write_text(json.dumps(kept))
            guess = estimated(case, folder, kept[case.words])
            lines.append(line(case, kept[case.words], guess))
            print(*lines[-1], {name: value // MIB for name, value in guess.model_dump().items()}, sep=" | ", flush=True)
    print(summary(lines), file=sys.stderr)
    if asked.save:
        save(lines)


if __name__ == "__main__":
    main()
