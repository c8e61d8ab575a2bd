"""The proof inside an export: the folder is loaded as another program would, and asked what the lab asked. Texts, tokens and answers are compared
with those of training and of the scored answers; what is compared is written down, what it means says lab/compare/exported.py."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path
from typing import Any

import psutil

from lab.core.fit import size_words
from lab.engine.devices import settle
from lab.engine.export import Outside, as_exported
from lab.exporter import parts
from lab.exporter.made import FULL, Made, Say
from lab.jobs import hardware

ASKED = 8  # answered one by one when they were scored too: the same arithmetic on both sides
ROOM = 1.3  # of the weights' own size, for what answering one question takes beside them
PACKAGES = ("transformers", "peft", "torch")


def examined(made: Made, folder: Path, say: Say) -> dict[str, Any]:
    """What the folder says of the same questions. `example`: one question as training wrote it, as it was sent, and as the folder writes it on any
    day; `dated`: whether it writes the day's date; `training`: whether it writes a whole training row as training did; `prompts`, `tokens` and
    `answers`: of how many questions (n) how many are equal."""
    outside = Outside(folder)
    items = made.questions(ASKED)
    recorded = {score.item: score for score in made.answers.scores} if made.answers else {}
    asked = {item.id: made.asker.ask(item.prompt, made.data.task.max_new_tokens) for item in items}
    sent = [(asked[item.id], recorded[item.id]) for item in items if item.id in recorded and recorded[item.id].prompt]
    found: dict[str, Any] = {
        "form": made.form, "at": time.time(), "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        **_example(made, outside),
        "prompts": _counted([(outside.text(one.messages), score.prompt) for one, score in sent]),
        "tokens": _counted([(outside.ids(one.messages), made.reader.encode(score.prompt)) for one, score in sent]),
        "start_twice": any(made.reader.starts_twice(score.prompt) for _, score in sent)}
    return found | {"answers": _answers(made, outside, folder, sent, say)}


def _counted(pairs: list[tuple[Any, Any]]) -> dict[str, int]:
    return {"n": len(pairs), "equal": sum(left == right for left, right in pairs)}


def _example(made: Made, outside: Outside) -> dict[str, Any]:
    """One question three ways. Training left no text where nothing was trained; what was sent is unknown where it was not scored."""
    item, told = parts.shown(made), made.about.get("rendered") or {}
    stage = made.system.training[-1] if made.system.training else None
    put = made.asker.training_messages(stage.with_passages)(item.prompt) if stage else parts.example(made)["messages"]
    whole = told.get("prompt", "") + told.get("answer", "")
    end = made.reader.template.tokens.get("eos_token", "")
    written = outside.conversation(put, item.answer) if whole else ""
    any_day = as_exported(outside.tokenizer, outside.tokenizer.chat_template, put)
    return {"example": {"item": item.id, "trained": told.get("prompt", ""), "sent": parts.example(made)["prompt"], "export": any_day},
            "training": written.startswith(whole) or written == whole.removesuffix(end) if whole else None,
            "dated": outside.text(put) != any_day}


def _answers(made: Made, outside: Outside, folder: Path, sent: list, say: Say) -> dict[str, Any]:
    """How many greedy answers are the recorded ones, to the letter; none where nothing can be compared, with the reason."""
    sent = [(one, score) for one, score in sent if score.ended is not None]
    none = {"n": 0, "equal": 0}
    if not sent:
        return none | {"reason": "the lab recorded no written answers of this System"}
    if made.system.quantisation != "none":
        return none | {"reason": f"the lab asked it on a base held in {made.system.quantisation}, which was not loaded for this check"}
    slot, reason = _room(made)
    if reason:
        return none | {"reason": reason}
    say("checking", 0, len(sent))
    outside.load(folder if made.form == "merged" else made.base, settle(slot))
    pairs = []
    for number, (one, score) in enumerate(sent, start=1):
        pairs.append((outside.answer(one.messages, made.reader.ends, made.data.task.max_new_tokens), score.answer))
        say("checking", number, len(sent))
    return _counted(pairs) | {"reason": ""}


def _room(made: Made) -> tuple[str, str]:
    """The device that answers: a GPU where one has room, else the processor; or why there is none."""
    first, count = hardware.devices()[0], made.system.base.parameters
    if first.kind == "cuda" and first.memory_free > FULL / 2 * count * ROOM:
        return "cuda:0", ""
    needed, free = int(FULL * count * ROOM), psutil.virtual_memory().available
    return ("cpu:0", "") if needed < free else ("", f"loading it to ask it needs {size_words(needed)} of memory and {size_words(free)} are free")
