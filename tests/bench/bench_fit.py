"""Peak memory against the estimate: real answers and real training steps on random bases, each in a process of its own, on a CPU.

    python tests/bench/bench_fit.py [--save]     writes data/benchmarks/fit-cpu.md

Compared is what a process grows by after its libraries are loaded and the shipped base has answered (a constant of every worker, the
estimate's "overhead", shown apart) with the estimate without that part. Peaks are the kernel's own (ru_maxrss).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from common import table

SIZES = {"1M": None, "5M": (256, 688, 5, 8, 4096), "30M": (512, 1408, 8, 8, 8192), "100M": (768, 2048, 12, 12, 8192)}
METHODS = ("answer", "lora", "dpo", "full")
ROWS, BATCH, NEW_TOKENS, SENTENCE = 24, 8, 32, "What is the capital of France? "
REPORT = Path(__file__).resolve().parents[2] / "data" / "benchmarks" / "fit-cpu.md"
MIB = 1 << 20


def base_folder(size: str, root: Path) -> Path:
    """The shipped base, or one of random weights with its tokenizer."""
    import shutil

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lab import store
    shipped = store.SHIPPED / "bases" / store.bases.shipped()[0]
    if SIZES[size] is None:
        return shipped
    folder = root / size
    hidden, inner, layers, heads, vocabulary = SIZES[size]
    shutil.copytree(shipped, folder)
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
                                 vocab_size=vocabulary, max_position_embeddings=512, tie_word_embeddings=True, eos_token_id=0,
                                 pad_token_id=1)).save_pretrained(folder)
    return folder


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(method: str, folder: Path) -> dict[str, int]:
    """Answer or train for a few steps; the longest row and answer in tokens."""
    from lab.core import Dpo, Example, Preference, Sft
    from lab.engine.devices import settle
    from lab.engine.load import load_base
    from lab.methods import dpo, sft
    from lab.methods.training import Hooks
    loaded, question, answer = load_base(folder, settle()), SENTENCE * 8, SENTENCE * 6
    messages = lambda prompt: [{"role": "user", "content": prompt}]  # noqa: E731
    prompt, reply = (loaded.encode(text) for text in loaded.template.training_text(messages(question), answer))
    if method == "answer":
        return _answered(loaded, prompt)
    adapted, hooks = _trainable(loaded, method), Hooks(metric=lambda *_: None)
    with tempfile.TemporaryDirectory() as made:
        if method == "dpo":
            pairs = [Preference(id=str(n), prompt=question, chosen=answer, rejected=answer, split="train") for n in range(ROWS)]
            dpo.train(adapted, Dpo(epochs=1, batch_size=BATCH, evaluations=1), messages, pairs, pairs, Path(made), hooks)
        else:
            rows = [Example(id=str(n), prompt=question, answer=answer, split="train") for n in range(ROWS)]
            sft.train(adapted, Sft(epochs=1, batch_size=BATCH, evaluations=1, tuning="full" if method == "full" else "lora"), messages, rows,
                      rows, Path(made), hooks)
    return {"tokens": len(prompt) + len(reply), "answers": len(reply)}


def _answered(loaded, prompt: list[int]) -> dict[str, int]:
    from dataclasses import replace

    from lab.engine.generate import generate
    from lab.jobs.fit import together
    generate(replace(loaded, ends=frozenset()), [prompt] * together(len(prompt)), NEW_TOKENS)  # nothing ends an answer early
    return {"tokens": len(prompt), "answers": NEW_TOKENS}


def _trainable(loaded, method: str):
    from dataclasses import replace

    from lab.engine.adapters import new_adapter
    from lab.engine.weights import trainable_copy
    return replace(loaded, model=trainable_copy(loaded.model) if method == "full" else new_adapter(loaded, 16, 32, 0.0, 0))


def measure(method: str, folder: Path) -> None:
    import peft  # noqa: F401
    import trl  # noqa: F401

    from lab import store
    shipped = store.SHIPPED / "bases" / store.bases.shipped()[0]
    before = _resident()
    if folder != shipped:
        work("answer", shipped)
        before = _resident()
    found = work(method, folder)
    print(json.dumps({**found, "peak": peak(), "before": before}))


def _resident() -> int:
    import psutil
    return psutil.Process().memory_info().rss


def estimated(method: str, folder: Path, found: dict[str, int]):
    from lab import store
    from lab.core.fit import Batch
    from lab.jobs import fit
    shape = fit.shape_of(folder, store.bases.resolve("folder", str(folder)).parameters)
    if method == "answer":
        return fit.answering(shape, Batch(rows=fit.together(found["tokens"]), tokens=found["tokens"]), "cpu", NEW_TOKENS)
    return fit.training(shape, method, Batch(rows=BATCH, tokens=found["tokens"], answers=found["answers"]), "cpu")


def rows_of(sizes: list[str], methods: list[str]) -> list[tuple[str, str, str, str]]:
    """(what, measured growth, estimate's ratio to it, the libraries' part)."""
    lines = []
    with tempfile.TemporaryDirectory() as root:
        for size in sizes:
            folder = base_folder(size, Path(root))
            for method in methods:
                done = subprocess.run([sys.executable, __file__, "--measure", method, str(folder)], capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(done.stderr[-3000:])
                found = json.loads(done.stdout.splitlines()[-1])
                guess = estimated(method, folder, found)
                growth, own = found["peak"] - found["before"], guess.total - guess.overhead
                lines.append((f"{size} {method}", f"{growth / MIB:,.0f} MiB", f"{own / growth:.2f} ({own / MIB:,.0f} MiB)",
                              f"{found['before'] / MIB:,.0f} MiB"))
                print(*lines[-1], {k: v // MIB for k, v in guess.model_dump().items()}, flush=True)
    return lines


def save(lines: list[tuple[str, str, str, str]]) -> None:
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    REPORT.write_text("# Memory: estimate against measurement\n\n`python tests/bench/bench_fit.py --save`, on 2 CPU cores\n\n"
                      f"| base and lever | measured growth | estimate / measured | before |\n|---|---|---|---|\n{body}\n", "utf-8")


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("--measure", nargs=2)
    reader.add_argument("--sizes", nargs="*", default=list(SIZES))
    reader.add_argument("--methods", nargs="*", default=list(METHODS))
    reader.add_argument("--save", action="store_true")
    asked = reader.parse_args()
    if asked.measure:
        measure(asked.measure[0], Path(asked.measure[1]))
        return
    lines = rows_of(asked.sizes, asked.methods)
    table("Growth of a process, CPU; what it held before stands last", lines)
    if asked.save:
        save(lines)


if __name__ == "__main__":
    main()
