"""A suite as a task of lm-evaluation-harness: a YAML file and a JSON Lines file that anybody can run, with any model of the harness.

Questions and answers are named by their column and never pasted into a template, so that no text of the data is read as one.
"""

from __future__ import annotations

import json
from typing import Any

from lab.core import DataError, Item, Suite

PREFIX = "lab_"
ASKED = " --apply_chat_template"  # the lab puts questions as a conversation


def task_name(suite: Suite) -> str:
    return f"{PREFIX}{suite.name}"


def task_files(suite: Suite) -> dict[str, str]:
    """Texts by file name. Raises DataError where the harness has no scorer that gives the same number."""
    kind = suite.primary.kind
    if kind not in KINDS:
        raise DataError(f"The harness has no scorer that equals {kind}", suite.title, f"Only suites scored first by {' or '.join(KINDS)} can be "
                        "written as a task; others can be asked through the answerer")
    settings, rows = KINDS[kind](suite)
    name = task_name(suite)
    common = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": f"{name}.jsonl"}}, "test_split": "test",
              "num_fewshot": 0, "doc_to_text": "prompt", "target_delimiter": "",
              "metadata": {"version": 1.0, "suite": suite.name, "suite_fingerprint": suite.fingerprint, "title": suite.title}}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in (common | settings).items()]  # JSON is YAML
    head = [f"# {suite.title}: a suite of Lever Lab, {len(rows)} items. Run it from this folder, where its data file is:",
            f"# lm_eval --include_path . --tasks {name} --model hf --model_args pretrained=MODEL{ASKED if suite.items[0].prompt else ''}"]
    return {f"{name}.yaml": "\n".join([*head, *lines]) + "\n",
            f"{name}.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)}


def _choices(suite: Suite) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`acc` is the lab's number: log-probabilities summed. `acc_norm`, which the harness adds, divides them by the choice's length."""
    bad = [item.id for item in suite.items if not item.choices or item.answer not in item.choices]
    if bad:
        raise DataError(f"{len(bad)} items have no choices that hold the right answer", f"{suite.title}: {', '.join(bad[:3])}",
                        "Give every item its choices, the right one among them")
    metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")]
    rows = [_row(item) | {"choices": list(item.choices or ()), "gold": (item.choices or ()).index(item.answer)} for item in suite.items]
    return {"output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "gold", "metric_list": metrics}, rows


def _exact(suite: Suite) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Greedy answers, compared letter by letter. Nothing but the end of the turn ends an answer, as in the lab."""
    metric = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}
    settings = {"output_type": "generate_until", "doc_to_target": "answer", "metric_list": [metric],
                "generation_kwargs": {"until": [], "do_sample": False, "temperature": 0.0, "max_gen_toks": suite.max_new_tokens}}
    return settings, [_row(item) | {"answer": item.answer.strip()} for item in suite.items]


def _row(item: Item) -> dict[str, Any]:
    return {"id": item.id, "prompt": item.prompt}


KINDS = {"multiple_choice": _choices, "exact_match": _exact}
