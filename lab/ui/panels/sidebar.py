"""The sidebar: what this machine is, and what is going on while something is."""

from __future__ import annotations

import streamlit as st

from lab.ui import reads, state, text


def sidebar() -> None:
    st.caption("Which lever should we pull?")
    for device in reads.devices():
        icon = "memory" if device.kind == "cpu" else "developer_board"
        st.caption(f":material/{icon}: {text.label(device.name)}, {text.bytes_(device.memory_free)} free of {text.bytes_(device.memory_total)}")
    if reads.active():
        state.live(_activity, reads.active, every=3)


def _activity() -> None:
    seen = [view.status for view in reads.views()]
    parts = [f"{seen.count(name)} {name}" for name in ("running", "queued", "lost") if name in seen]
    st.caption(f":material/autorenew: runs: {', '.join(parts) or 'all done'}")
