"""The rows of the Build page: Systems to compare. A few are proposed, one's own can be added. A name follows its parts until one is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from lab import store
from lab.core import Base, Prompting, Retrieval, System, Value, proposed_retrieval, proposed_stage
from lab.ui import forms, proposals, reads, state

LEVERS = ("Prompting", "Retrieval", "SFT", "DPO")
ANSWERING = LEVERS[:2]  # what a base can have whose weights are not here
_OWN = "build_own_rows"  # how many rows of one's own this session has added


class Row(NamedTuple):
    """A starting row: its key, the levers that are on, and the name of one's own (empty: named after its parts)."""

    key: str
    levers: tuple[str, ...]
    name: str = ""


STARTING = (Row("base", ()), Row("shots", ("Prompting",)), Row("rag", ("Retrieval",)), Row("sft", ("SFT",)), Row("dpo", ("SFT", "DPO")),
            Row("ragsft", ("Retrieval", "SFT")))
STARTING_ANSWERING = (*STARTING[:3], Row("ragshots", ("Prompting", "Retrieval")))


def system_rows(base: Base, expert: bool, tasks: Sequence[str] = ()) -> list[System] | None:
    """The ticked Systems in order; None where one of them is not in order (the page says what). `tasks`: whose data decide what is proposed."""
    starting = STARTING if store.bases.has_files(base) else STARTING_ANSWERING
    proposed = proposals.of_tasks(tasks, [(row.key, row.levers) for row in starting])
    sentence = st.empty()
    rows = [*starting, *(Row(f"own{number}", ("Prompting",), f"my System {number + 1}") for number in range(st.session_state.get(_OWN, 0)))]
    found: list[tuple[bool, System | None]] = []
    with st.container(border=True, gap="xsmall"):
        for place, row in enumerate(rows, start=1):
            taken = [system.name for on, system in found if on and system]
            found.append(_row(row, place, base, expert, (frozenset(tasks), row.key in proposed.keys or bool(row.name)), taken))
    sentence.caption(proposed.said(frozenset(row.key for row, (on, _) in zip(rows, found) if on)))
    st.button("Add your own", icon=":material/add:", key="build_add", on_click=_add)
    ticked = [system for on, system in found if on]
    if any(system is None for system in ticked):
        return None
    names = [system.name for system in ticked]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        st.warning("Two Systems have the same name: give each its own.", icon=":material/warning:")
        st.text(", ".join(doubled))
        return None
    for line in proposals.clamped_lines(ticked):
        st.caption(line)
    return [proposals.within_context(system) for system in ticked]


def _add() -> None:
    st.session_state[_OWN] = st.session_state.get(_OWN, 0) + 1


def _row(row: Row, place: int, base: Base, expert: bool, start: tuple[frozenset[str], bool], taken: list[str]) -> tuple[bool, System | None]:
    """One line, the `place`th: tick, name, levers, settings behind a button. `start`: the tasks, and whether it is proposed for them; a tick
    holds for these tasks alone. `taken`: names of the ticked rows above."""
    key = f"build_{row.key}"
    at_hand, apart = (LEVERS, "") if store.bases.has_files(base) else (ANSWERING, "_answering")
    tick, name, levers, more = st.columns([0.4, 2.6, 5, 1.6], vertical_alignment="center")
    on = tick.checkbox(f"Use System {place}", label_visibility="collapsed", **state.belong(f"{key}_on", *start))
    pulled = levers.pills("Levers", at_hand, selection_mode="multi", default=list(row.levers), key=f"{key}_levers{apart}",
                          label_visibility="collapsed", persist_state="session", wrap=True)
    with more.popover("Settings", disabled=not pulled, width="stretch"):
        parts = {lever: _settings(lever, base, f"{key}_{lever}", expert) for lever in LEVERS if lever in pulled}
        held = _held(base, f"{key}_held") if expert else "none"
    usual = row.name or _free(proposals.name_of(parts), taken)
    state.follow(f"{key}_name", usual)
    called = name.text_input(f"Name of System {place}", key=f"{key}_name", label_visibility="collapsed", max_chars=60, persist_state="session")
    if any(part is None for part in parts.values()):
        return on, None
    training = tuple(parts[lever] for lever in ("SFT", "DPO") if lever in parts)
    return on, System(name=(called or "").strip() or usual, base=base, prompting=parts.get("Prompting"), retrieval=parts.get("Retrieval"),
                      training=training, quantisation=held)


def _free(name: str, taken: list[str]) -> str:
    """The name, numbered where a ticked row above has it already."""
    return next(each for each in (name, *(f"{name} ({number})" for number in range(2, len(taken) + 3))) if each not in taken)


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
        proposed = proposed_retrieval(base.parameters) if store.bases.has_files(base) else Retrieval()
        return proposed.model_copy(update={"tokenizer": store.bases.tokenizer_name(base)})
    stage = proposed_stage(lever.lower(), base.parameters)
    return stage.model_copy(update={"max_length": min(stage.max_length, base.context)}) if base.context >= 16 else stage
