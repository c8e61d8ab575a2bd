"""A base behind an OpenAI-compatible endpoint: its address and model in the chooser, and its card. The key is never asked for or shown here."""

from __future__ import annotations

import streamlit as st

from lab import remote, store
from lab.core import Base, LabError
from lab.ui import panels, text

KINDS = "vLLM, llama.cpp, Ollama, transformers serve, another lab's answerer or a provider"
UNSEEN = ("Weights, tokenizer and template stay with the endpoint. Prompting and retrieval work as on any base; SFT and DPO need the weights. "
          "Scores that read log-probabilities (multiple choice, losses, KL) are left empty. Results are kept under address and model name: "
          "whoever changes the model behind them changes it unseen.")


def choose(key: str) -> Base | None:
    """None until an address and a model are given. Raises ModelError and AccessError with what to do."""
    left, right = st.columns([3, 2])
    address = left.text_input("Address", key=f"{key}_endpoint", value=remote.usual_address(), placeholder="http://127.0.0.1:8000/v1",
                              max_chars=500, persist_state="session", help=f"Where /models and /chat/completions stand; most end in /v1. {KINDS}.")
    if not address.strip():
        return None
    address = remote.checked(address)
    st.caption(text.label(remote.key_status(address)))
    try:
        listed = remote.look(address)
        model = _model(key, listed, right)
        return store.bases.resolve("endpoint", model, address) if model else None
    except LabError as error:
        panels.problem("This endpoint cannot be used", error.failure)
        st.button("Ask it again", icon=":material/refresh:", key=f"{key}_endpoint_again", on_click=remote.forget, args=(address,))
        return None


def _model(key: str, listed: tuple[remote.Listed, ...], where) -> str:
    """One of the models that the endpoint lists, or another name: not every endpoint lists all that it answers for."""
    if not listed:
        return where.text_input("Model", key=f"{key}_endpoint_model", max_chars=300, persist_state="session",
                                help="The endpoint keeps no list: its model's name.").strip()
    return where.selectbox("Model", [one.name for one in listed], key=f"{key}_endpoint_listed", accept_new_options=True, persist_state="session",
                           help="As the endpoint lists them. Another name can be typed; it is asked one short question to see whether it answers.") or ""


def card(base: Base) -> None:
    """What is known of the model, and what nobody can see."""
    context = f"{base.context:,} tokens" if base.context else "not said"
    with st.container(horizontal=True, gap="large"):
        for label, value in (("Model", base.ref), ("Address", base.address), ("Context", context), ("Fingerprint", base.fingerprint[:8])):
            with st.container(width="content", gap="xsmall"):
                st.caption(label)
                st.markdown(f"**{text.label(value)}**")
    st.caption(UNSEEN)
