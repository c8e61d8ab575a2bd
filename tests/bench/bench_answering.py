"""Four Systems on one base answering one question: one mixed batch against one after the other, and their memory."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from common import CpuSeconds, five_million, table

NEW_TOKENS, ROUNDS = 48, 4


def main() -> None:
    import torch
    from peft import PeftModel

    from lab.engine.adapters import new_adapter, save_adapter
    from lab.engine.bank import BASE, AdapterBank
    from lab.engine.generate import generate
    with tempfile.TemporaryDirectory() as root:
        for name in "abc":
            one = dataclasses.replace(five_million(), model=new_adapter(five_million(), 16, 32, 0.0, ord(name)))
            for key, parameter in one.model.named_parameters():
                if "lora_B" in key:
                    torch.nn.init.normal_(parameter, std=0.05)
            save_adapter(one.model, Path(root) / name)
        plain, loaded = five_million(), five_million()
        bank = AdapterBank(plain)
        weights = sum(p.numel() for p in loaded.model.parameters())
        for name in "abc":
            bank.add(name, Path(root) / name)
            if isinstance(loaded.model, PeftModel):
                loaded.model.load_adapter(str(Path(root) / name), adapter_name=name)
            else:
                loaded = dataclasses.replace(loaded, model=PeftModel.from_pretrained(loaded.model, str(Path(root) / name), adapter_name=name))
        loaded.model.eval()
    adapters = sum(p.numel() for p in loaded.model.parameters()) - weights
    prompt = list(range(5, 85))
    names = [BASE, "a", "b", "c"]

    def together() -> None:
        generate(plain, [prompt] * 4, NEW_TOKENS, bank=bank, adapters=names)

    def one_in_the_bank() -> None:
        generate(plain, [prompt], NEW_TOKENS, bank=bank, adapters=["a"])

    def one_after_the_other() -> None:
        for name in names:
            if name == BASE:
                with loaded.model.disable_adapter():
                    generate(loaded, [prompt], NEW_TOKENS)
            else:
                loaded.model.set_adapter(name)
                generate(loaded, [prompt], NEW_TOKENS)

    def only_one() -> None:
        loaded.model.set_adapter("a")
        generate(loaded, [prompt], NEW_TOKENS)

    seconds = {}
    for what in (together, one_after_the_other, only_one, one_in_the_bank):
        what()
        with CpuSeconds() as cpu:
            for _ in range(ROUNDS):
                what()
        seconds[what] = cpu.seconds / ROUNDS
    table("Four Systems, one question, 5M parameters (CPU-seconds)", [
        ("one after the other", f"{seconds[one_after_the_other]:.2f}", "", ""),
        ("one mixed batch", f"{seconds[together]:.2f}", f"{seconds[one_after_the_other] / seconds[together]:.2f}x faster", "2.5x"),
        ("one System alone, in the bank", f"{seconds[one_in_the_bank]:.2f}", f"batch costs {seconds[together] / seconds[one_in_the_bank]:.2f}x", ""),
        ("one System alone, peft", f"{seconds[only_one]:.2f}", f"batch costs {seconds[together] / seconds[only_one]:.2f}x", "at most 1.7x"),
        ("memory beside the base", f"{adapters:,} parameters", f"{adapters / (3 * weights):.0%} of merged copies", "at most 10 %")])


if __name__ == "__main__":
    main()
