"""What each System forgot: the heat map with its verdicts, the same in words, and the items behind it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab import compare
from lab.core import Measured, Suite
from lab.ui import charts, display, marked, scored, state, text
from lab.ui.panels.numbers import numbers

ABOVE_CHANCE = 0.05  # five points: the half-width of an interval at n = 150 near the floor
VERDICTS = {"kept": "= kept", "forgot": "▼ forgotten", "gained": "▲ gained", "cannot tell": "≈ cannot tell", "not measured": "–"}
ITEMS = 20  # lost or gained items shown at once


def margin_input(key: str) -> float:
    """The margin m of "no forgetting beyond m points", as a share. In the URL."""
    return st.number_input("No forgetting beyond … points", 1, 50, round(compare.MARGIN * 100), key=key, bind="query-params", width=260,
                           help="A suite counts as kept only where the whole 95 % interval of the drop lies within this margin (two one-sided tests). "
                           "In losses one point stands for 0.01 nats per token.") / 100


def forgetting_panel(frame: pd.DataFrame, key: str, margin: float = compare.MARGIN) -> None:
    """Retention suites x Systems: before → after, with what can be said about each."""
    if frame.empty:
        st.caption("General abilities before and after appear here once the base and one more System were scored on them.")
        return
    frame = without_floor(frame.assign(verdict=compare.verdicts(frame.to_dict("records"), margin),
                                        sentence=compare.sentences(frame.to_dict("records"), margin)))
    st.plotly_chart(charts.forgetting_chart(frame, state.look()), key=key, config=display.figure("forgetting"),
                    alt=f"Before and after on {text.count(frame['suite'].nunique(), 'suite')} for each System; numbers below")
    st.caption("Each cell: the base's score → the System's score on abilities nobody trained for. Orange ▼: forgotten, blue ▲: gained, "
               f"=: no change beyond {margin * 100:g} points (tested), no sign: cannot tell. In losses (nats per token) higher is worse. Prompting and "
               "retrieval change no weight: what their Systems lose here is drowned out by the shots or passages, and comes back without them.")
    if weak := list(dict.fromkeys(frame["suite"][frame["weak"]])):
        st.caption(f"–: the base itself does not stand above chance on {', '.join(map(text.label, weak))}. What it does not know it cannot forget.")
    _in_words(frame, key)
    numbers(frame.drop(columns="weak"), "forgetting", key)


def _in_words(frame: pd.DataFrame, key: str) -> None:
    with st.expander("In words, suite by suite", icon=":material/notes:"):
        marked.grid(["System", "Suite", "Verdict", "In words"],
                    [[marked.plain(cell) for cell in (row["system"], row["suite"], VERDICTS[row["verdict"]], row["sentence"])]
                     for row in frame.to_dict("records")], key=f"{key}_words", widths=(2, 2, 2, 7))


def without_floor(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in which nothing can be forgotten are marked `weak`, and their verdict says so. What a System gained there stays said."""
    weak = not_above_chance(frame) & frame["drop"].notna() & (frame["verdict"] != "gained")
    words = [f"The base does not stand above chance here ({text.number(row['base'], row['metric'])}; the System {text.number(row['value'], row['metric'])}): "
             "what it does not know it cannot forget." for row in frame.to_dict("records")]
    return frame.assign(weak=weak, verdict=frame["verdict"].mask(weak, "not measured"),
                        sentence=frame["sentence"].mask(weak, pd.Series(words, index=frame.index)))


def not_above_chance(frame: pd.DataFrame) -> pd.Series:
    """Per row: whether the base is about as good as guessing (losses have no such floor)."""
    if "chance" not in frame:
        return pd.Series(False, index=frame.index)
    return ~frame["metric"].isin(text.LOSSES) & ((frame["base"] <= frame["chance"] + ABOVE_CHANCE) | frame["retention"].isna())


def items_panel(base: Measured | None, systems: dict[str, Measured], suite: Suite, key: str) -> None:
    """What one System lost and gained on a suite, item by item, with the answers before and after."""
    if base is None or not systems:
        st.caption("The items appear here once the base and one more System were scored on this suite.")
        return
    left, right = st.columns([3, 2])
    name = left.selectbox("System", list(systems), key=f"{key}_system", persist_state="session")
    both = scored.with_answers({"base": base, name: systems[name]})
    frame = compare.side_by_side(both, suite)
    upwards = suite.primary.higher_is_better
    found = {"Lost": compare.lost(frame, "base", name, upwards), "Gained": compare.gained(frame, "base", name, upwards)}
    kind = right.segmented_control("Items", list(found), default="Lost", format_func=lambda word: f"{word} ({len(found[word])})", key=f"{key}_kind",
                                   required=True, persist_state="session") or "Lost"
    rows = found[kind]
    if rows.empty:
        st.caption(f"{text.label(name)} {kind.lower()} no item of {text.label(suite.title)}.")
        return
    reasons = {who: {score.item: score.reason for score in evaluation.scores} for who, evaluation in both.items()}
    marked.grid(["Question", "Right answer", "Before (base)", f"After ({name})"],
                [_item(row, name, reasons) for row in rows.head(ITEMS).to_dict("records")], key=f"{key}_grid", widths=(4, 2, 3, 3))
    if len(rows) > ITEMS:
        st.caption(f"The first {ITEMS} of {len(rows)}; the file has them all.")
    numbers(rows, f"items_{kind.lower()}", f"{key}_items", "These items as a table")


def _item(row: dict[str, Any], name: str, reasons: dict[str, dict[str, str]]) -> list[list[marked.Part]]:
    """An answer that was read off (multiple choice, losses) has no text: then the scorer's word stands in its place."""
    before, after = (row[compare.answer_column(who)] or _read(row, who, reasons) for who in ("base", name))
    words = [(piece, {"same": "", "added": "on"}[tag]) for piece, tag in compare.word_differences(before, after) if tag != "removed"]
    return [marked.plain(text.short(row["prompt"] or row["gold"], 300)), marked.plain(text.short(row["gold"], 200)), marked.plain(before), words]


def _read(row: dict[str, Any], who: str, reasons: dict[str, dict[str, str]]) -> str:
    value = row[compare.value_column(who)]
    return reasons[who].get(row["id"], "") or ("–" if value != value else f"{value:.3g}")
