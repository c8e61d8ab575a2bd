"""The model card below a chosen base: one line of figures, what fits on this machine, and the rest behind an expander."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from lab import jobs, store
from lab.core import Base, LabError
from lab.corpus.template import ChatTemplate
from lab.store import models
from lab.ui import bases, endpoint, panels, text

COLOURS = {"Fits": "green", "Tight": "orange", "Too big": "red"}
ICONS = {"Fits": ":material/check:", "Tight": ":material/warning:", "Too big": ":material/block:"}
EXAMPLE = [{"role": "user", "content": "What is the capital of France?"}]
MIB = 1 << 20


def model_card(base: Base) -> None:
    """Figures, badges, details."""
    if not store.bases.has_files(base):
        endpoint.card(base)
        return
    bases.inspect(base)
    try:
        folder = store.bases.folder_of(base)
        found = models.facts(folder)
    except LabError as error:
        panels.problem("This base cannot be described", error.failure)
        return
    levers = _badges(base)
    with st.expander("Model card", icon=":material/description:"):
        _facts(found)
        _template(folder, found)
        if levers:
            _numbers(levers)


def _badges(base: Base) -> list[jobs.Lever]:
    """One badge per lever for the roomiest device; all levers on all devices."""
    try:
        levers = jobs.levers(base)
    except LabError as error:
        st.caption(text.label(error.failure.what))
        return []
    device = max(levers, key=lambda lever: lever.free).device
    with st.container(horizontal=True, gap="small"):
        for lever in levers:
            if lever.device == device:
                st.badge(f"{lever.name}: {lever.verdict}", color=COLOURS[lever.verdict], icon=ICONS[lever.verdict])
    return levers


def _facts(found: models.Facts) -> None:
    rows = {"Architecture": found.architecture, "Licence": found.licence, "Size on disk": f"{found.size / MIB:,.1f} MB",
            "Special tokens": ", ".join(f"{name.removesuffix('_token')} {value}" for name, value in found.special.items()) or "not said"}
    for name, value in rows.items():
        st.text(f"{name}: {value}")


def _template(folder: Path, found: models.Facts) -> None:
    try:
        template = ChatTemplate.of(folder)
        prompt, answer = template.training_text(EXAMPLE, "Paris")
    except LabError as error:
        panels.problem("The chat template cannot be used", error.failure)
        return
    st.caption(f"One example as the model reads it; the template is {bases.SOURCES[template.source]}.")
    st.code(prompt + answer, language=None)
    if found.end_stops is False:
        st.warning("Answers are trained to end with the tokenizer's end token, and the model's files do not list it as one that stops an answer. "
                   "This lab stops at it; other programs may run on.", icon=":material/warning:")
    elif found.end_stops:
        st.caption("The end token that training writes is one that answers stop at.")


def _numbers(levers: list[jobs.Lever]) -> None:
    st.caption("Memory in MB, estimated for the default settings and rows of up to 512 tokens. Tight: it needs a smaller batch, or memory that other "
               "programs hold now.")
    panels.table(pd.DataFrame([{"Device": lever.device, "Lever": lever.name, "Verdict": lever.verdict, "Needed": lever.estimate.total // MIB,
                                "One row at a time": lever.least // MIB, "Free now": lever.free // MIB}
                               | {name.capitalize(): value // MIB for name, value in lever.estimate.model_dump().items()} for lever in levers]))
