"""Session keys and the URL: which experiment, which run. Only pointers; everything else is on disk.

A choice among ids stands in the URL as the id (Streamlit's own binding would write the label). Prefix keys by page, but for
`experiment`, which is one pointer for Runs, Compare and Ask.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lab.core import Experiment
from lab.ui import display, reads, text
from lab.ui.charts import Look

BASE_FONT = 16
_OWNED = "_owned"  # (a widget's key, its owner) -> what somebody gave it
_LEFT = "_left"  # how the session keys end that hold what a choice took the place of in the URL, and what was chosen


def choose(label: str, options: dict[str, str], key: str, *, where: Any = st, pick: str = "selectbox", **kwargs: Any) -> str | None:
    """One of `options` (id -> label). The URL wins, then what this session looked at last, then the first."""
    if not options:
        return None
    widget, asked, last = f"_{key}_widget", next(iter(_asked(key)[-1:]), None), st.session_state.get(f"_{key}")
    now = next((value for value in (asked, last) if value in options), next(iter(options)))
    st.session_state[widget] = now
    st.session_state[f"_{key}"] = now
    if st.query_params.get(key) != now:
        st.query_params[key] = now
    chosen = getattr(where, pick)(label, list(options), format_func=lambda value: options.get(value, str(value)), key=widget,
                                  on_change=_into_url, args=(key,), **kwargs)
    return chosen if chosen in options else now


def _into_url(key: str) -> None:
    value = st.session_state.get(f"_{key}_widget")
    if value is not None:
        _put(key, [value])


def _put(key: str, values: list[str]) -> None:
    st.session_state[f"_{key}{_LEFT}"] = (st.query_params.get_all(key), values)
    st.query_params[key] = values


def _asked(key: str) -> list[str]:
    """What the URL asks for. A part that draws itself again may still send the URL that was left for a choice: that is no wish to go back
    unless the browser says that it went back."""
    found, (left, chosen) = st.query_params.get_all(key), st.session_state.get(f"_{key}{_LEFT}") or ([], [])
    return chosen if found == left and chosen and not went_back() else found


def went_back() -> bool:
    """Whether this drawing answers the browser's Back or Forward."""
    run = get_script_run_ctx()
    return bool(run and run.is_history_navigation)


def arrived() -> None:
    """Another page was opened: what was left there is forgotten, so that a link may lead to it."""
    for name in [name for name in st.session_state if str(name).endswith(_LEFT)]:
        del st.session_state[name]


def follow(key: str, proposed: Any) -> None:
    """Before a widget is drawn: it takes what is proposed, until somebody gives it another value; that stays. An emptied field follows again."""
    last, now = f"_{key}_proposed", st.session_state.get(key)
    if key not in st.session_state or now == "" or last not in st.session_state or now == st.session_state[last]:
        st.session_state[key] = st.session_state[last] = proposed


def belong(key: str, owner: Any, proposed: Any) -> dict[str, Any]:
    """Before a widget is drawn: it holds what somebody gave it for this `owner`, else what is proposed; another owner's value is kept for that
    one. An emptied field takes what is proposed again. Returns what the widget has to be given besides its key."""
    given = st.session_state.get(_OWNED, {}).get((key, owner), "")
    st.session_state[key] = proposed if given == "" else given
    return {"key": key, "on_change": _own, "args": (key, owner)}


def _own(key: str, owner: Any) -> None:
    st.session_state.setdefault(_OWNED, {})[key, owner] = st.session_state.get(key)


def choose_experiment(where: Any = st) -> Experiment | None:
    """The experiment that Runs, Compare and Ask look at; newest first. None where there is none yet."""
    found = reads.experiments()
    options = {experiment.id: f"{text.short(experiment.name, 50)}, {text.day(experiment.created)}" for experiment in found}
    asked = st.query_params.get("experiment")
    if asked and asked not in options:
        st.warning("The link's experiment is not in this workspace; another one is shown.", icon=":material/link_off:")
    chosen = choose("Experiment", options, "experiment", where=where)
    experiment = next((experiment for experiment in found if experiment.id == chosen), None)
    if experiment:
        where.caption(bases_line(experiment))
    return experiment


def bases_line(experiment: Experiment) -> str:
    """'Base: xs', or all of them where its Systems have several."""
    names = list(dict.fromkeys(reads.base_name(system.base) for system in experiment.systems))
    return f"{'Base' if len(names) == 1 else 'Bases'}: {', '.join(map(text.label, names))}"


def choose_systems(label: str, names: Sequence[str], key: str, default: Sequence[str] | None = None, *, pick: str = "pills",
                   **kwargs: Any) -> list[str]:
    """Some Systems (or other names), in the order given. The URL carries them where they are not the default ones.

    `pick`: "pills" show all names at once, "multiselect" is for many.
    """
    widget, usual = f"_{key}_widget", [name for name in (names if default is None else default) if name in names]
    asked = [name for name in _asked(key) if name in names]
    st.session_state[widget] = asked or usual
    about = {"selection_mode": "multi", "format_func": text.label} if pick == "pills" else {}
    chosen = getattr(st, pick)(label, list(names), key=widget, on_change=_many_into_url, args=(key,), **about, **kwargs) or usual
    return [name for name in names if name in chosen]


def _many_into_url(key: str) -> None:
    _put(key, list(st.session_state.get(f"_{key}_widget") or []))


def choose_seed(seeds: Sequence[int], key: str) -> int | None:
    """None for all seeds together, which is where a choice begins; one seed where an experiment has only one."""
    if len(seeds) < 2:
        return seeds[0]
    chosen = st.segmented_control("Seed", ["all", *map(str, seeds)], default="all", key=key, bind="query-params", required=True,
                                  format_func=lambda name: "All seeds" if name == "all" else name)
    return None if chosen in (None, "all") else int(chosen)


def open_outputs(systems: Sequence[str], checkpoint: str = "") -> None:
    """Go to the answers of one System or several, or of one of its checkpoints beside it, on Compare. For callbacks, which run before the page is drawn."""
    open_view("Outputs")
    _put("compare_systems", list(systems))
    if checkpoint:
        _put("compare_checkpoints", [checkpoint])


def open_view(name: str) -> None:
    """Go to a view of Compare. For callbacks."""
    st.session_state["compare_view"] = name


def look() -> Look:
    """Dark or light as the browser shows it, and the size of its type."""
    return Look(dark=st.context.theme.type == "dark", scale=(st.get_option("theme.baseFontSize") or BASE_FONT) / BASE_FONT * display.scale())


def live(draw: Callable[[], None], active: Callable[[], bool], every: float = 2.0) -> None:
    """Draw now, and again every few seconds while something is active; one whole rerun when it ends."""
    running = active()

    @st.fragment(run_every=every if running else None)
    def part() -> None:
        draw()
        if running and not active():
            st.rerun()

    part()
