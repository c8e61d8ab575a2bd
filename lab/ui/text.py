"""Plain words for states, numbers and failures. Knows no widget: strings in, strings out."""

from __future__ import annotations

import html
import re
import time

STATUS = {"queued": "○ queued", "running": "● running", "finished": "✓ finished", "failed": "✕ failed", "stopped": "■ stopped",
          "lost": "? lost"}
ACTIVE = ("queued", "running", "lost")
METRICS = {"exact_match": "exact match", "normalised_match": "match (spelling details ignored)", "contains_answer": "holds the answer",
           "json_match": "JSON equal", "json_valid": "JSON valid", "json_fields": "JSON fields right", "rule": "holds a required phrase",
           "multiple_choice": "multiple choice", "answer_loss": "loss on the answer (nats per token)",
           "text_loss": "loss on text (nats per token)", "all_of": "everything at once", "judge": "judge model"}
LOSSES = ("answer_loss", "text_loss")
STAGES = {"load": "loading the base", "index": "indexing documents", "sft": "SFT", "dpo": "DPO", "evaluate": "scoring"}
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # also their wide forms, which East Asian versions of spreadsheets read alike
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&\"'])")


def status(name: str) -> str:
    return STATUS.get(name, name)


def metric(name: str) -> str:
    return METRICS.get(name, name.replace("_", " "))


def number(value: float | None, metric_name: str = "") -> str:
    """A score as people say it: percent, or nats for a loss. None is 'not measured', never 0."""
    if value is None or value != value:
        return "–"
    return f"{value:.2f}" if metric_name in LOSSES else f"{value * 100:.0f} %"


def interval(low: float | None, high: float | None, metric_name: str = "") -> str:
    if low is None or high is None or low != low or high != high:
        return ""
    if metric_name in LOSSES:
        return f"{low:.2f} to {high:.2f}"
    return f"{low * 100:.0f} to {high * 100:.0f} %"


def seconds(value: float | None, none: str = "–") -> str:
    """A duration as one reads it: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if value is None:
        return none
    if value < 10:
        return f"{value:.1f} s"
    if value < 90:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def day(at: float) -> str:
    return time.strftime("%d %b %Y, %H:%M", time.localtime(at))


def count(number_of: int, noun: str) -> str:
    """'1 run', '3 runs'."""
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"


def bytes_(size: float) -> str:
    return f"{size / 2**30:.0f} GB" if size >= 10 * 2**30 else f"{size / 2**30:.1f} GB"


def parameters(value: int) -> str:
    """2.6 M, 1.2 B."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return str(value)


def label(text: str) -> str:
    """Text from outside for a place that reads Markdown (labels, captions): every sign loses its meaning.

    Links and emoji codes are made after the signs were read, so a word joiner (no width) keeps them apart.
    """
    flat = " ".join(str(text).split())
    return _MARKDOWN.sub(r"\\\1", flat).replace(":", ":\u2060").replace("www\\.", "www\u2060\\.")


def plot(text: str) -> str:
    """Text from outside for a plotly label, which reads a little HTML."""
    return html.escape(" ".join(str(text).split()), quote=False)


def short(text: str, length: int = 60) -> str:
    flat = " ".join(str(text).split())
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"


def cell(value: object) -> object:
    """A CSV cell that a spreadsheet does not take for a formula. Numbers stay numbers, written ones too."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
