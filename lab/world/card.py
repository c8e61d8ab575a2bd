"""The base's card: how it was made, what it can do and what it cannot, for people (README.md) and programs (card.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.core import OBJECTIVES

LIMITS = (
    "A closed world of templates: it has no world knowledge beyond the lists below, does not reason and is not safety-tuned.",
    "Sums are the one-digit table from 0 + 0 to 9 + 9, memorised: this is not arithmetic.",
    "It reads sentences that resemble its own text; freer wordings of the same facts it reads badly or not at all.",
    "Asked about an unknown person it says that it does not know in nearly all cases and guesses in the others: the names must look like "
    "those of its world.",
    "Few-shot prompts work only for the kinds of patterns that the corpus holds, and for at most 512 tokens.",
    "Forgetting is exaggerated at this size: small models lose most, so take the direction and not the amount.",
    "Findings about LoRA against full fine-tuning at this width need not hold at larger ones.",
)


# What a base must reach to ship: the sentence, the probe, and the share it must reach (at least, at most).
GATE = (
    ("Known people, questions shown: at least 97 %", "known people, questions shown", 0.97, 1.0),
    ("Known people, question never shown: at least 95 %", "known people, question never shown", 0.95, 1.0),
    ("Known people, never asked about at all: at least 95 %", "known people, never asked", 0.95, 1.0),
    ("Capitals: at least 97 %", "capitals", 0.97, 1.0),
    ("Words: at least 97 %", "words", 0.97, 1.0),
    ("Grammar pairs: at least 95 %", "grammar pairs", 0.95, 1.0),
    ("Reading the right passage alone: at least 95 %", "reading, 1 passage", 0.95, 1.0),
    ("Reading one passage among three: at least 80 %", "reading, 3 passages", 0.80, 1.0),
    ("New people, closed book: at most 5 points above chance (7 %)", "new people, closed book", 0.0, 0.117),
    ("Unknown people: says that it does not know, at least 80 %", "unknown person: I do not know", 0.80, 1.0),
    ("A pattern shown in the prompt, 4 shots: at least 70 %", "few-shot pattern, 4 shots", 0.70, 1.0),
    ("JSON without training: below 5 %", "JSON without training", 0.0, 0.05),
    ("Each tone between 30 and 70 %", "courteous (sampled)", 0.30, 0.70),
)
MASKED_LIMITS = (
    "It fills gaps and cannot write: no task that asks for an answer can be put to it.",
    "Its loss is over masked tokens that are seen from both sides: it is not comparable to the loss of a next-token model.",
)


def write(folder: Path, facts: dict[str, Any]) -> None:
    """card.json and README.md. Raises OSError."""
    (folder / "card.json").write_text(json.dumps(facts | {"gate": gate(facts["probes"])}, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(markdown(facts), "utf-8")


def gate(probes: dict[str, dict[str, float]]) -> dict[str, str]:
    """For each line of the gate whose probe was asked: met or missed, by the measured share itself."""
    return {sentence: "met" if low <= probes[name]["value"] <= high else "missed" for sentence, name, low, high in GATE if name in probes}


def markdown(facts: dict[str, Any]) -> str:
    """The card as Markdown with the hub's head."""
    parts = [_head(facts), _table(facts), _gate(facts), _curve(facts), _limits(facts)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(facts: dict[str, Any]) -> str:
    stopped = f" It is the model at step {facts['steps']:,} of {facts['total']:,}." if facts["stopped"] else ""
    kind = "A language model" if facts["objective"] == "causal" else "A masked-token model (it fills gaps and cannot write answers)"
    return f"""---
library_name: transformers
tags: [lever-lab, generated]
---
# Known world, {facts["preset"]}

{kind} of {facts["parameters"]:,} parameters, made from nothing on a generated world of invented people, real capitals,
Spanish words, sums, grammar, passages to read and two tones. It knows what it knows by construction. All text is generated;
no name belongs to a real person.{stopped}

| how it was made | |
|---|---|
| objective | {OBJECTIVES[facts["objective"]]} |
| world (seed {facts["world_seed"]}) | `{facts["world"]}` |
| corpus (seed {facts["seed"]}, {facts["documents"]:,} documents drawn) | `{facts["corpus"]}` |
| tokenizer ({facts["vocabulary"]:,} tokens) | `{facts["tokenizer"]}` |
| tokens seen | {facts["tokens"]:,} in {facts["steps"]:,} steps |
| CPU-seconds (threads: {facts["threads"]}; probes included) | {facts["cpu_seconds"]:,} |
| device | {facts["device"]} |
| torch | {facts["torch"]} |
| settings | `{json.dumps(facts["settings"])}` |"""


def _table(facts: dict[str, Any]) -> str:
    rows = [f"| {name} | {100 * s['value']:.0f} % | {100 * s['low']:.0f} to {100 * s['high']:.0f} % | {s['n']} |"
            for name, s in facts["probes"].items()]
    rows += [f"| {name} | not measured | {reason} | |" for name, reason in facts["not_measured"].items()]
    return "## Probes\n\nShare of exact answers under greedy decoding, with Wilson's 95 % interval, unless the name says otherwise.\n\n" \
           "| probe | share | interval | n |\n|---|---|---|---|\n" + "\n".join(rows)


def _gate(facts: dict[str, Any]) -> str:
    probes, verdicts = facts["probes"], gate(facts["probes"])
    if len(verdicts) < len(GATE):  # asked at the end of a next-token model only
        return ""
    rows = [f"| {sentence} | {100 * probes[name]['value']:.0f} % ({100 * probes[name]['low']:.0f} to {100 * probes[name]['high']:.0f}) "
            f"| {verdicts[sentence]} |" for sentence, name, _, _ in GATE]
    return "## Gate\n\nWhat a base must reach to ship.\n\n| line | measured, 95 % interval | |\n|---|---|---|\n" + "\n".join(rows)


def _curve(facts: dict[str, Any]) -> str:
    if not facts["curve"]:
        return ""
    names = list(facts["curve"][-1]["probes"])
    head = "| step | tokens | loss | held-out loss | " + " | ".join(names) + " |\n" + "|---" * (4 + len(names)) + "|"
    rows = ["| {step:,} | {tokens:,} | {loss:.3f} | {validation_loss:.3f} | ".format(**point)
            + " | ".join(f"{100 * point['probes'][name]:.0f}" for name in names) + " |" for point in facts["curve"]]
    return "## Curve\n\nProbes in %, 25 items each (about 18 points either way).\n\n" + "\n".join([head, *rows])


def _limits(facts: dict[str, Any]) -> str:
    lines = MASKED_LIMITS if facts["objective"] == "masked" else LIMITS
    return "## Known limits\n\n" + "\n".join(f"- {line}" for line in lines)
