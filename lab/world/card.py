"""The base's card: how it was made, what it can do and what it cannot, for people (README.md) and programs (card.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LIMITS = (
    "A closed world of templates: it has no world knowledge beyond the lists below, does not reason and is not safety-tuned.",
    "Sums are the one-digit table from 0 + 0 to 9 + 9, memorised: this is not arithmetic.",
    "It reads sentences that resemble its own text; freer wordings of the same facts it reads badly or not at all.",
    "On unknown people it often guesses, and on known people it was never asked about it sometimes says it does not know.",
    "Few-shot prompts work only for the kinds of patterns that the corpus holds, and for at most 512 tokens.",
    "Forgetting is exaggerated at this size: small models lose most, so take the direction and not the amount.",
    "Findings about LoRA against full fine-tuning at this width need not hold at larger ones.",
)


def write(folder: Path, facts: dict[str, Any]) -> None:
    (folder / "card.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(markdown(facts), "utf-8")


def markdown(facts: dict[str, Any]) -> str:
    parts = [_head(facts), _table(facts), _curve(facts), _limits()]
    return "\n\n".join(parts) + "\n"


def _head(facts: dict[str, Any]) -> str:
    stopped = " It was stopped before its end." if facts["stopped"] else ""
    return f"""---
library_name: transformers
tags: [lever-lab, generated]
---
# Known world, {facts["preset"]}

A language model of {facts["parameters"]:,} parameters, made from nothing on a generated world of invented people, real capitals,
Spanish words, sums, grammar, passages to read and two tones. It knows what it knows by construction. All text is generated;
no name belongs to a real person.{stopped}

| how it was made | |
|---|---|
| world (seed {facts["world_seed"]}) | `{facts["world"]}` |
| corpus (seed {facts["seed"]}, {facts["documents"]:,} documents drawn) | `{facts["corpus"]}` |
| tokenizer (1,024 tokens) | `{facts["tokenizer"]}` |
| tokens seen | {facts["tokens"]:,} in {facts["steps"]:,} steps |
| CPU-seconds (threads: {facts["threads"]}; probes included) | {facts["cpu_seconds"]:,} |
| torch | {facts["torch"]} |
| settings | `{json.dumps(facts["settings"])}` |"""


def _table(facts: dict[str, Any]) -> str:
    rows = [f"| {name} | {100 * s['value']:.0f} % | {100 * s['low']:.0f} to {100 * s['high']:.0f} % | {s['n']} |"
            for name, s in facts["probes"].items()]
    return "## Probes\n\nShare of exact answers under greedy decoding, with Wilson's 95 % interval, unless the name says otherwise.\n\n" \
           "| probe | share | interval | n |\n|---|---|---|---|\n" + "\n".join(rows)


def _curve(facts: dict[str, Any]) -> str:
    names = list(facts["curve"][-1]["probes"]) if facts["curve"] else []
    head = "| step | tokens | loss | held-out loss | " + " | ".join(names) + " |\n" + "|---" * (4 + len(names)) + "|"
    rows = ["| {step:,} | {tokens:,} | {loss:.3f} | {validation_loss:.3f} | ".format(**point)
            + " | ".join(f"{100 * point['probes'][name]:.0f}" for name in names) + " |" for point in facts["curve"]]
    return "## Curve\n\nProbes in %, 25 items each (about 18 points either way).\n\n" + "\n".join([head, *rows])


def _limits() -> str:
    return "## Known limits\n\n" + "\n".join(f"- {line}" for line in LIMITS)
