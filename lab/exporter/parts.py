"""The files of an export, apart from what is said about it: weights, tokenizer, the System's value, and what its prompts are made of."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lab import store
from lab.core import Example, Item
from lab.engine import export as engine
from lab.exporter.made import Made

LEFT_HERE = ("manifest.json",)


def write(made: Made, folder: Path) -> None:
    """Everything but check.json and README.md."""
    template = made.reader.template.text
    if made.form == "merged":
        engine.save_whole(made.weights or made.base, made.adapter, made.reader, made.base, folder)
    elif made.form == "adapter":
        engine.save_adapter(made.adapter, *made.known_as, folder)
    engine.save_tokenizer(made.base, template, folder)
    engine.save_papers(made.base, folder)
    store.files.write_json(folder / "system.json", system(made))
    store.files.write_json(folder / "messages.json", example(made))
    if made.system.prompting and made.system.prompting.shots:
        store.files.write_lines(folder / "shots.jsonl", [{"prompt": row.prompt, "answer": row.answer} for row in shots(made)])
    if made.index:
        shutil.copytree(made.index, folder / "index", ignore=shutil.ignore_patterns(*LEFT_HERE))
        names = {document.id: document.name for document in made.data.documents}
        store.files.write_json(folder / "index" / "documents.json", names)


def system(made: Made) -> dict[str, Any]:
    """The System's value. Folders of this machine are named by their last part: where they stand elsewhere only the reader can know."""
    found = made.system.model_dump(mode="json")
    found["base"]["ref"] = made.known_as[0] if made.system.base.kind == "folder" else made.system.base.ref
    if made.system.retrieval:
        for name in ("embedder", "tokenizer"):
            ref = found["retrieval"][name]
            found["retrieval"][name] = Path(ref).name if Path(ref).is_dir() else ref
    return found


def example(made: Made) -> dict[str, Any]:
    """One test question exactly as the System was asked it, with the answer that it gave and how answers end."""
    item = shown(made)
    score = next((score for score in made.answers.scores if score.item == item.id), None) if made.answers else None
    return {"item": item.id, "question": item.prompt, "messages": made.asker.ask(item.prompt, made.data.task.max_new_tokens).messages,
            "prompt": score.prompt if score else "", "answer": score.answer if score else None, "max_new_tokens": made.data.task.max_new_tokens,
            "end_tokens": list(made.reader.ends)}


def shown(made: Made) -> Item:
    """The test question that training wrote down, or the first one."""
    items = made.data.test_suite().items
    wanted = (made.about.get("rendered") or {}).get("item")
    return next((item for item in items if item.id == wanted), items[0])


def shots(made: Made) -> list[Example]:
    """The worked examples that stand before every question; where they are the most similar ones, all rows that they are taken from."""
    return made.asker.prompter.shots("") if made.system.prompting.choice == "random" else list(made.data.split("train"))
