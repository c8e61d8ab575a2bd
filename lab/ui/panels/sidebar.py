"""The sidebar: what this machine is, and what is going on while something is."""

from __future__ import annotations

import streamlit as st

from lab.ui import charts, display, reads, state, text

_MARK = """<path d="M4 30h24" stroke="{ink}" stroke-width="3" stroke-linecap="round"/>
<path d="M15 29 25 9" stroke="{accent}" stroke-width="3" stroke-linecap="round"/><circle cx="26" cy="7" r="4.5" fill="{accent}"/>"""
_LOGO = f"""<svg xmlns="http://www.w3.org/2000/svg" width="168" height="36" viewBox="0 0 168 36">{_MARK}
<text x="42" y="27" font-family="Helvetica, Arial, sans-serif" font-size="22" font-weight="bold" fill="{{ink}}">Lever Lab</text></svg>"""
ICON = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 34 36">{_MARK.format(ink="#0072B2", accent="#0072B2")}</svg>"""


def sidebar() -> None:
    look = state.look()
    st.logo(_LOGO.format(ink=look.ink, accent=charts.palette(look)[0]), size="large")
    for device in reads.devices():
        icon = "memory" if device.kind == "cpu" else "developer_board"
        st.caption(f":material/{icon}: {text.label(device.name)}, {text.bytes_(device.memory_free)} free of {text.bytes_(device.memory_total)}")
    display.controls()
    if reads.active():
        state.live(_activity, reads.active, every=3)


def _activity() -> None:
    seen = [view.status for view in reads.views()]
    parts = [f"{seen.count(name)} {name}" for name in ("running", "queued", "lost") if name in seen]
    st.caption(f":material/autorenew: runs: {', '.join(parts) or 'all done'}")
