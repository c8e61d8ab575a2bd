"""Choosing and inspecting a base: a shipped one, a pretraining's checkpoint, a local folder, one from a hub or an endpoint. Refusals come with their reason."""

from __future__ import annotations

import streamlit as st

from lab import store
from lab.core import Base, LabError
from lab.corpus.template import ChatTemplate
from lab.ui import endpoint, hub, panels, reads, text

FOLDER = "A local folder …"
HUB = "From a hub …"
ENDPOINT = "An endpoint (OpenAI protocol) …"
SOURCES = {"base": "its own", "plain": "plain (stored with the System)", "system": "given"}


def choose_base(key: str, where: str = "Base model", endpoints: bool = False) -> Base | None:
    """A Base that can be used, or None with the reason on the page. `endpoints`: also models that are elsewhere, whose files nobody sees."""
    hub.chosen_by_now(key)
    made, brought = made_titles(), hub.titles()
    elsewhere = ELSEWHERE | ({ENDPOINT: endpoint.choose} if endpoints else {})
    chosen = st.selectbox(where, [*store.bases.shipped(), *made, *brought, *elsewhere], key=f"{key}_base", persist_state="session",
                          format_func=lambda option: made.get(option) or brought.get(option, option),
                          help="Shipped bases are there at once, and so are the checkpoints of your own pretrainings. Any causal language model "
                          "with safetensors weights works in their place: a folder of yours, or one that comes from a hub.")
    try:
        if chosen in elsewhere:
            return elsewhere[chosen](key)
        return reads.base("made" if chosen in made else "hub" if chosen in brought else "shipped", chosen)
    except LabError as error:
        panels.problem("This base cannot be used", error.failure)
        return None


def _folder(key: str) -> Base | None:
    """None until a folder is given. Raises ModelError."""
    ref = st.text_input("Folder of the model", key=f"{key}_folder", persist_state="session", placeholder="/models/my-model",
                        help="The folder that holds config.json, model.safetensors and tokenizer.json.")
    return reads.base("folder", ref) if ref else None


# What is offered below the bases at hand: its words -> the widgets that ask for it, given the prefix of their keys. Each returns a Base, or
# None while something is still missing, and raises LabError.
ELSEWHERE = {FOLDER: _folder, HUB: hub.choose}


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
