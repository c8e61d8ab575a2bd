"""The rows of the Build page: Systems to compare. Six to start with, as in the tour, and one's own."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from lab import store
from lab.core import Base, Prompting, Retrieval, System, Value, proposed_retrieval, proposed_stage
from lab.ui import forms, reads

LEVERS = ("Prompting", "Retrieval", "SFT", "DPO")
ANSWERING = LEVERS[:2]  # what a base can have whose weights are not here
_OWN = "build_own_rows"  # how many rows of one's own this session has added


class Row(NamedTuple):
    """A starting row: its key, the proposed name and the levers that are on."""

    key: str
    name: str
    levers: tuple[str, ...]


STARTING = (Row("base", "base", ()), Row("shots", "3 shots", ("Prompting",)), Row("rag", "RAG", ("Retrieval",)), Row("sft", "SFT", ("SFT",)),
            Row("dpo", "SFT → DPO", ("SFT", "DPO")), Row("ragsft", "RAG + SFT", ("Retrieval", "SFT")))
STARTING_ANSWERING = (*STARTING[:3], Row("ragshots", "RAG + 3 shots", ("Prompting", "Retrieval")))


def system_rows(base: Base, expert: bool) -> list[System] | None:
    """The ticked Systems in order; None where one of them is not in order (the page says what)."""
    rows = [*(STARTING if store.bases.has_files(base) else STARTING_ANSWERING),
            *(Row(f"own{number}", f"my System {number + 1}", ("Prompting",)) for number in range(st.session_state.get(_OWN, 0)))]
    with st.container(border=True, gap="xsmall"):
        found = [_row(row, place, base, expert) for place, row in enumerate(rows, start=1)]
    st.button("Add your own", icon=":material/add:", key="build_add", on_click=_add)
    ticked = [system for on, system in found if on]
    if any(system is None for system in ticked):
        return None
    names = [system.name for system in ticked]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        st.warning("Two Systems have the same name: give each its own.", icon=":material/warning:")
        st.text(", ".join(doubled))
        return None
    return ticked


def _add() -> None:
    st.session_state[_OWN] = st.session_state.get(_OWN, 0) + 1


def _row(row: Row, place: int, base: Base, expert: bool) -> tuple[bool, System | None]:
    """One line, the `place`th: tick, name, levers, settings behind a button."""
    key = f"build_{row.key}"
    tick, name, levers, more = st.columns([0.4, 2.6, 5, 1.6], vertical_alignment="center")
    on = tick.checkbox(f"Use System {place}", value=True, key=f"{key}_on", label_visibility="collapsed", persist_state="session")
    called = name.text_input(f"Name of System {place}", value=row.name, key=f"{key}_name", label_visibility="collapsed", max_chars=60, persist_state="session")
    at_hand, apart = (LEVERS, "") if store.bases.has_files(base) else (ANSWERING, "_answering")
    pulled = levers.pills("Levers", at_hand, selection_mode="multi", default=list(row.levers), key=f"{key}_levers{apart}",
                          label_visibility="collapsed", persist_state="session", wrap=True)
    with more.popover("Settings", disabled=not pulled, width="stretch"):
        parts = {lever: _settings(lever, base, f"{key}_{lever}", expert) for lever in LEVERS if lever in pulled}
        held = _held(base, f"{key}_held") if expert else "none"
    if any(part is None for part in parts.values()):
        return on, None
    training = tuple(parts[lever] for lever in ("SFT", "DPO") if lever in parts)
    return on, System(name=(called or "").strip() or row.name, base=base, prompting=parts.get("Prompting"), retrieval=parts.get("Retrieval"),
                      training=training, quantisation=held)


def _held(base: Base, key: str) -> str:
    """Bits of the base's weights, where a GPU could hold fewer."""
    if not store.bases.has_files(base) or all(device.kind == "cpu" for device in reads.devices()):
        return "none"
    about = System.model_fields["quantisation"].description
    return st.segmented_control("Base's weights", ["none", "int8", "nf4"], default="none", required=True, key=key, help=about, persist_state="session",
                                format_func={"none": "as they are", "int8": "8 bits", "nf4": "4 bits (QLoRA)"}.get)


def _settings(lever: str, base: Base, key: str, expert: bool) -> Value | None:
    st.markdown(f"**{lever}**")
    gpus = sum(device.kind == "cuda" for device in reads.devices())
    return forms.lever_form(start_of(lever, base), key, expert, without=() if gpus > 1 else ("devices",))


def start_of(lever: str, base: Base) -> Value:
    """Defaults for this base: learning rates by its size, the maximum length within its context."""
    if lever == "Prompting":
        return Prompting(shots=3)
    if lever == "Retrieval":
        return proposed_retrieval(base.parameters) if store.bases.has_files(base) else Retrieval()
    stage = proposed_stage(lever.lower(), base.parameters)
    return stage.model_copy(update={"max_length": min(stage.max_length, base.context)}) if base.context >= 16 else stage
