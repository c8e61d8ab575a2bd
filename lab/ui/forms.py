"""Forms made from the settings' own types: label, tool-tip, bounds and default stand in core/settings.py and nowhere else."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any, Literal, Sequence, get_args, get_origin

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from lab import store
from lab.core import OBJECTIVES, WORLD_TEXT, Failure, Value
from lab.ui import panels

SIMPLE = {"Prompting": ("instruction", "shots"), "Retrieval": ("retriever", "top_k", "chunk_words"),
          "Sft": ("epochs", "learning_rate", "lora_rank"), "Dpo": ("epochs", "learning_rate", "beta"),
          "Pretraining": ("preset", "objective", "steps", "checkpoints", "seed")}
HIDDEN = ("kind", "seed")  # an Experiment's own seeds replace these
LONG = ("instruction", "passage_format")
WORDS = {"top_k": "Passages (top k)", "lora_rank": "LoRA rank", "lora_alpha": "LoRA alpha", "lora_dropout": "LoRA dropout", "beta": "Beta",
         "chunk_words": "Passage length (words)", "overlap_words": "Overlap (words)", "max_length": "Maximum length (tokens)",
         "with_passages": "Train with passages", "tuning": "What is trained", "examples": "Examples (0: all)", "rows": "Rows of these slices",
         "replay": "Replay (share of the loss)", "replay_from": "Replayed text", "ewc": "EWC strength", "ewc_samples": "EWC texts",
         "micro_batch": "Examples at a time (0: chosen)", "checkpointing": "Gradient checkpointing", "devices": "GPUs",
         "sharding": "Weights on several GPUs", "preset": "Size", "steps": "Steps (0: the size's own)"}
# Where a value is no word for people; of one setting, or wherever it stands.
CHOICES = {"lora": "LoRA", "full": "all weights", ("sharding", "none"): "whole on each", ("sharding", "full"): "shared out (FSDP)", **OBJECTIVES}


def lever_form(start: Value, prefix: str, expert: bool, where: Sequence[Any] = (), without: Sequence[str] = ()) -> Value | None:
    """Widgets for a lever's settings, filled with `start`. None where the settings contradict each other; the page says why.

    What Simple does not show keeps its value: switching back and forth loses nothing. `where`: columns that take the widgets in turn.
    `without`: settings that have no meaning where the form stands.
    """
    kind = type(start)
    _follow(start, prefix)
    simple = SIMPLE[kind.__name__]
    shown = [name for name in kind.model_fields if name not in HIDDEN] if expert else [name for name in kind.model_fields if name in simple]
    values = start.model_dump() | _kept(kind, prefix)
    for place, name in enumerate(name for name in shown if name not in without):
        if (name == "sharding" and values["devices"] == 1) or (name == "tokenizer" and values["chunking"] != "tokens"):
            continue
        with where[place % len(where)] if where else nullcontext():
            values[name] = _widget(name, kind.model_fields[name], values, f"{prefix}_{name}")
    if values.get("chunking", "tokens") != "tokens":
        values["tokenizer"] = ""  # what is not asked for says nothing
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        panels.problem("These settings do not fit", Failure(kind="data", what=_words(error), do="Change the setting named here"))
        return None


def _follow(start: Value, prefix: str) -> None:
    """Where another `start` is proposed, settings that nobody changed take its values; what was typed stays."""
    before, changed = st.session_state.get(f"_{prefix}_start", start), st.session_state.setdefault(f"_{prefix}_changed", set())
    for name in type(start).model_fields if before != start else ():
        key = f"{prefix}_{name}"
        if key in st.session_state and name not in changed:
            if st.session_state[key] == getattr(before, name):
                st.session_state[key] = getattr(start, name)
            else:
                changed.add(name)
    st.session_state[f"_{prefix}_start"] = start


def _kept(kind: type[Value], prefix: str) -> dict[str, Any]:
    return {name: st.session_state[f"{prefix}_{name}"] for name in kind.model_fields if f"{prefix}_{name}" in st.session_state}


def _widget(name: str, field: FieldInfo, values: dict[str, Any], key: str) -> Any:
    value, label, about = values[name], _label(name, values), {"help": field.description, "key": key, "persist_state": "session"}
    known = {} if key in st.session_state else {"value": value}
    if get_origin(field.annotation) is Literal:
        options = list(get_args(field.annotation))
        default = {} if key in st.session_state else {"default": value}
        return st.segmented_control(label, options, required=True, format_func=lambda option: _said(name, option), **default, **about)
    if field.annotation is bool:
        return st.toggle(label, **known, **about)
    if name == "replay_from":
        texts = {WORLD_TEXT: "the world's corpus"} | store.texts.names()
        return st.selectbox(label, list(texts), format_func=lambda option: texts.get(option, "a text that is gone"), **about)
    if name == "tokenizer":
        names = {"": "the shipped base's"} | store.bases.tokenizer_names()
        options = list(names) if value in names else [*names, value]
        return st.selectbox(label, options, format_func=lambda option: names.get(option, option), accept_new_options=True, **about,
                            **({} if key in st.session_state else {"index": options.index(value)})) or ""
    low, high = bounds(field)
    if field.annotation is int:
        return st.number_input(label, min_value=low, max_value=high, step=1, **known, **about)
    if field.annotation is float:
        low, high = (bound if bound is None else float(bound) for bound in (low, high))
        known = {name: float(number) for name, number in known.items()}
        return st.number_input(label, min_value=low, max_value=high, step=_step(value), format=_format(name), **known, **about)
    return st.text_area(label, height=90, **known, **about) if name in LONG else st.text_input(label, **known, **about)


def _label(name: str, values: dict[str, Any]) -> str:
    label = WORDS.get(name, name.replace("_", " ").capitalize())
    return label.replace("(words)", "(tokens)") if values.get("chunking") == "tokens" else label


def _said(name: str, option: str) -> str:
    return CHOICES.get((name, option), CHOICES.get(option, option))


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Smallest and largest value the setting allows, as pydantic was told; an open bound counts as its limit."""
    found = {name: getattr(rule, name) for rule in field.metadata for name in ("ge", "gt", "le", "lt") if getattr(rule, name, None) is not None}
    return found.get("ge", found.get("gt")), found.get("le", found.get("lt"))


def _format(name: str) -> str:
    return "%.2e" if name == "learning_rate" else "%.3g"


def _step(value: float) -> float:
    """One unit of the value's leading digit, so that the buttons move sensibly for 2e-4 as for 3."""
    return 10.0 ** math.floor(math.log10(value)) if value > 0 else 0.01


def _words(error: ValidationError) -> str:
    return "; ".join(f"{' '.join(str(part) for part in one['loc']) or 'settings'}: {one['msg']}" for one in error.errors())
