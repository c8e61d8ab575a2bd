"""What an export's check says, in plain words: rules as in health.py, and one line that sums it up. Knows the check's numbers, reads no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.compare.health import Finding

STAGE = "export"
Check = Mapping[str, Any]


def export_health(check: Check) -> tuple[Finding, ...]:
    """Every rule about a checked export; empty where all is as the lab has it, or nothing was checked."""
    return tuple(_found(check)) if check else ()


def export_line(check: Check) -> str:
    """What was compared and how much of it is equal, in one line."""
    prompts, answers = check["prompts"], check["answers"]
    said = [f"{prompts['equal']} of {prompts['n']} prompts are those that were sent, to the letter" if prompts["n"] else "no prompt was recorded",
            f"{answers['equal']} of {answers['n']} answers are those that were scored" if answers["n"] else f"answers not compared: {answers['reason']}"]
    return f"Loaded with plain transformers: {'; '.join(said)}."


def _found(check: Check) -> Iterator[Finding]:
    prompts, tokens, answers = check["prompts"], check["tokens"], check["answers"]
    if prompts["equal"] < prompts["n"]:
        yield Finding(rule="export asks otherwise", stage=STAGE,
                      what=f"{prompts['n'] - prompts['equal']} of {prompts['n']} questions are put differently by the export's chat template than they were "
                           "sent when the System was scored",
                      do="Look whether the template writes something that changes by itself, such as the date: take it out and run again, or send the text "
                         "of messages.json as it is")
    elif tokens["equal"] < tokens["n"]:
        yield Finding(rule="export asks otherwise", stage=STAGE,
                      what=f"{tokens['n'] - tokens['equal']} of {tokens['n']} prompts are the same text and other tokens in the export",
                      do="Use the tokenizer of the export's folder, and do not add special tokens to a rendered prompt")
    if check.get("dated"):
        yield Finding(rule="export asks otherwise", stage=STAGE,
                      what="The chat template writes the day's date into the prompt: on another day the same question is another prompt than the one that "
                           "was scored", do="Take the date out of the chat template and run again, or put the date of the run in its place")
    if check.get("training") is False:
        yield Finding(rule="export trains otherwise", stage=STAGE,
                      what="A training row is written differently by the export's chat template than it was trained",
                      do="Before you train on from this export, give the answers the end that the lab trained (messages.json names the end tokens)")
    if answers["equal"] < answers["n"]:
        yield Finding(rule="export answers otherwise", stage=STAGE,
                      what=f"{answers['n'] - answers['equal']} of {answers['n']} greedy answers differ from those that were scored", do=_why(check))
    if check.get("start_twice"):
        yield Finding(rule="start token twice", stage=STAGE,
                      what="The chat template writes the start token, and this tokenizer adds it once more to any text that it is given",
                      do="Elsewhere, tokenise rendered prompts with add_special_tokens=False, or let apply_chat_template make the tokens: two start tokens "
                         "are another prompt than the lab's")


def _why(check: Check) -> str:
    if check["prompts"]["equal"] < check["prompts"]["n"] or check["tokens"]["equal"] < check["tokens"]["n"]:
        return "Make the prompts equal first: see the other line about this export"
    if check["form"] == "merged":
        return "Merged weights are rounded to the base's own precision: where that matters, export the adapter, which is added in full precision"
    return "Compare the precision of the weights and the versions of transformers and peft with the run's; ask more questions before you rely on it"
