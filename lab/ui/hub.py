"""A base from a hub: look first (size, licence, who may), then download in the background, then it is chosen. Also the two parts that models
and data sets share: the form that looks, and the downloads under way."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab import store
from lab.core import Base, LabError, failure_of
from lab.jobs import downloads, hub, hub_client
from lab.ui import hub_kept, panels, reads, state, text

ACCESS = {(False, True): "open", (True, True): "gated, open to you", (True, False): "gated, closed to you"}
CLOSED = ("Its owner asks for conditions to be accepted first. Accept them on the repository's page at the hub, set HF_TOKEN in the environment "
          "of this app and start it again. The token is read from there only and never written anywhere.")


def choose(key: str) -> Base | None:
    """The widgets below "From a hub". A finished download is chosen in the list of bases by itself, see `chosen_by_now`."""
    found = look_form(key, "model", "Owner and name of the model", "HuggingFaceTB/SmolLM2-135M-Instruct")
    if found and store.artifacts.about(found.key):
        st.success("This model is on this machine.", icon=":material/check_circle:")
        st.button("Use it", type="primary", key=f"{key}_hub_use", on_click=_use, args=(key, found.repo, found.commit))
    elif found and not active(found.key):
        _offer(key, found)
    watch(key, "model")
    hub_kept.kept_panel(key, "model", size)
    return None


def _offer(key: str, found: hub.HubRepo) -> None:
    figures(found)
    stay = f", {text.count(found.left, 'other')} would not" if found.left else ""
    with st.expander(f"{text.count(len(found.files), 'file')} would come{stay}"):
        panels.table(pd.DataFrame([{"File": file.name, "Size": size(file.size)} for file in reversed(found.files)]))
        st.caption("Only safetensors weights, tokenizer, settings, template, README and licence come; nothing that could bring code.")
    if begin_button(key, found):
        st.session_state[_wanted(key)] = found.key
        st.rerun()


def titles() -> dict[str, str]:
    """Ref -> 'owner/name (from a hub, commit 0123456)' of every downloaded model, newest first."""
    return {about["ref"]: f"{about['repo']} (from a hub, commit {about['commit'][:7]})" for about in store.bases.downloaded()}


def chosen_by_now(key: str) -> None:
    """Before the list of bases is drawn: choose what this session downloaded, once it is there."""
    wanted = st.session_state.get(_wanted(key))
    if wanted and (about := store.artifacts.about(wanted)):
        _use(key, about["repo"], about["commit"])


def _use(key: str, repo: str, commit: str) -> None:
    st.session_state.pop(_wanted(key), None)
    st.session_state[f"{key}_base"] = f"{repo}@{commit}"


def _wanted(key: str) -> str:
    return f"_{key}_hub_wanted"


# what models and data sets share -----------------------------------------------------------------------------------------------------------


def look_form(key: str, kind: hub.Kind, label: str, example: str) -> hub.HubRepo | None:
    """Id and revision, a button, and what the hub said to it last in this session."""
    kept = f"_{key}_hub_look"
    with st.form(f"{key}_hub_form", border=False):
        left, right, end = st.columns([5, 2, 1], vertical_alignment="bottom")
        name = left.text_input(label, key=f"{key}_hub_name", max_chars=200, placeholder=example, help="As it stands on the hub's page: owner/name.")
        revision = right.text_input("Revision", value="main", key=f"{key}_hub_revision", max_chars=100,
                                    help="A branch, a tag or a commit. What comes is pinned to its commit, so that it stays the same.")
        asked = end.form_submit_button("Look", icon=":material/search:", width="stretch", key=f"{key}_hub_go")
    if asked:
        st.session_state.pop(kept, None)
        try:
            with st.spinner("Asking the hub …"):
                st.session_state[kept] = hub.look(name or "", (revision or "main").strip(), kind)
        except LabError as error:
            alone = hub_client.WITHOUT in error.failure.do
            panels.problem("No hub" if alone else "This cannot come from the hub", error.failure, *(("cloud_off", "orange") if alone else ()))
            if alone:
                _at_hand(kind)
    return st.session_state.get(kept)


def _at_hand(kind: hub.Kind) -> None:
    """What there is without a hub."""
    if kind == "model":
        names = [*store.bases.shipped(), *titles().values()]
        made = text.count(len(reads.made()), "checkpoint") + " of your own pretrainings, " if reads.made() else ""
        st.caption(f"Without a hub there are: {text.label(', '.join(names))}, {made}any local folder.")
    else:
        st.caption("Without a hub any table on this machine can be uploaded above.")


def figures(found: hub.HubRepo) -> None:
    """Size, licence and access in one line."""
    told = {"Size": size(found.total), "Licence": found.licence, "Access": ACCESS[found.gated, found.allowed], "Commit": found.commit[:7]}
    with st.container(horizontal=True, gap="large"):
        for label, value in told.items():
            with st.container(width="content", gap="xsmall"):
                st.caption(label)
                st.markdown(f"**{text.label(value)}**")


def begin_button(key: str, found: hub.HubRepo) -> bool:
    """Whether a download was started just now. A gated repository that is closed to us says what to do instead."""
    if not found.allowed:
        st.warning(CLOSED, icon=":material/lock:")
    if not st.button(f"Download {size(found.total)}", type="primary", icon=":material/download:", key=f"{key}_hub_download",
                     disabled=not found.allowed):
        return False
    try:
        downloads.start(found)
    except (LabError, OSError) as error:
        panels.problem("The download could not be started", failure_of(error, found.repo))
        return False
    return True


def active(artifact: str) -> bool:
    """Whether a download runs."""
    return (now := downloads.progress(artifact)) is not None and now.active


def watch(key: str, kind: hub.Kind) -> None:
    """The downloads of this workspace that are under way or were left, live. The whole page is drawn again when the last one ends."""
    if not _under_way(kind):
        return
    state.live(lambda: _rows(key, kind), lambda: any(one.active for one in _under_way(kind)), every=1.0)


def _under_way(kind: hub.Kind) -> list[downloads.Download]:
    return [one for one in downloads.unfinished() if one.kind == kind]


def _rows(key: str, kind: hub.Kind) -> None:
    for one in _under_way(kind):
        with st.container(border=True):
            if one.active:
                st.progress(min(1.0, one.done / one.total) if one.total else 0.0, text=text.label(words(one)))
                _button("Cancel", "close", key, one, lambda key=one.key: downloads.cancel(key))
                continue
            if one.failure:
                panels.problem(f"The download of {text.label(one.repo)} stopped", one.failure)
            else:
                st.text(f"The download of {one.repo} was interrupted. {size(one.done)} of {size(one.total)} are there.")
            with st.container(horizontal=True):
                _button("Go on", "play_arrow", key, one, lambda one=one: downloads.resume(one))
                _button("Remove", "delete", key, one, lambda key=one.key: downloads.cancel(key))


def _button(label: str, icon: str, key: str, one: downloads.Download, act: Any) -> None:
    if st.button(label, icon=f":material/{icon}:", key=f"{key}_hub_{icon}_{one.key}"):
        act()
        st.rerun()  # the whole page, so that it looks again from now on, or no more


def words(one: downloads.Download) -> str:
    """'owner/name: 120 MB of 1.2 GB, 12 MB per second, about 1 min 30 s left'."""
    rate = one.rate()
    speed = f", {size(rate)} per second, about {text.seconds((one.total - one.done) / rate)} left" if rate else ""
    return f"{one.repo}: {size(one.done)} of {size(one.total)}{speed}"


def size(count: float) -> str:
    """Bytes as a hub's page says them (thousands, not 1,024): 3 kB, 1.1 MB, 2.3 GB."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= one:
            return f"{count / one:,.1f} {unit}"
    return f"{count:,.0f} bytes"
