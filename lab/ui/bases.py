"""Choosing and inspecting a base: a shipped one, a pretraining's checkpoint or a local folder. Refusals come with their reason."""

from __future__ import annotations

import streamlit as st

from lab import store
from lab.core import Base, LabError
from lab.corpus.template import ChatTemplate
from lab.ui import panels, reads, text

FOLDER = "A local folder …"
SOURCES = {"base": "its own", "plain": "plain (stored with the System)", "system": "given"}


def choose_base(key: str, where: str = "Base model") -> Base | None:
    """A Base that can be used, or None with the reason on the page."""
    made = made_titles()
    chosen = st.selectbox(where, [*store.bases.shipped(), *made, FOLDER], key=f"{key}_base", persist_state="session",
                          format_func=lambda option: made.get(option, option),
                          help="Shipped bases are there at once, and so are the checkpoints of your own pretrainings. Any Hugging Face folder "
                          "with safetensors weights works in their place.")
    kind, ref = ("made", chosen) if chosen in made else ("shipped", chosen)
    if chosen == FOLDER:
        kind = "folder"
        ref = st.text_input("Folder of the model", key=f"{key}_folder", persist_state="session", placeholder="/models/my-model",
                            help="The folder that holds config.json, model.safetensors and tokenizer.json.")
        if not ref:
            return None
    try:
        return reads.base(kind, ref)
    except LabError as error:
        panels.problem("This base cannot be used", error.failure)
        return None


def made_titles() -> dict[str, str]:
    """Artifact key -> 'XS, next token, seed 0, step 500 of 2300' of every checkpoint that can write. Equal ones get the end of their run's id."""
    made = reads.made()
    names = [f"{about['title']} of {about['total']}" for about in made]
    return {about["key"]: name if names.count(name) == 1 else f"{name} ({about['run'][-6:]})" for about, name in zip(made, names)}


def inspect(base: Base) -> None:
    """What the base is, in one line of figures."""
    try:
        template = SOURCES[ChatTemplate.of(store.bases.folder_of(base)).source]
    except LabError as error:
        panels.problem("The base's chat template cannot be used", error.failure)
        template = "unusable"
    with st.container(horizontal=True, gap="large"):
        context = f"{base.context:,} tokens" if base.context else "not said"
        for label, value in (("Parameters", text.parameters(base.parameters)), ("Context", context), ("Chat template", template),
                             ("Fingerprint", base.fingerprint[:8])):
            with st.container(width="content", gap="xsmall"):
                st.caption(label)
                st.markdown(f"**{text.label(value)}**")
