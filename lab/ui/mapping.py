"""Which column is what: the mapping of a table, prefilled and open to correction. A step of the Data page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from lab.core import DataError
from lab.corpus.cells import demand_columns, render
from lab.corpus.guess import examples_of_pairs, guess_mapping, templates_of
from lab.corpus.labels import labels_of
from lab.corpus.mapping import Mapping, recalled
from lab.ui import marked, panels, reads, saving, text, uploads

Kind = Literal["examples", "preferences"]
PARTS = {"examples": ("prompt", "answer"), "preferences": ("prompt", "chosen", "rejected")}
EXTRAS = ("split_column", "entity_column", "document_column", "other")
LABELS = {"other": "Other, wrong answer"}
PREVIEW = 2  # rows
_EDITOR = "data_label_names"
# An editor's tool bar offers its cells as a raw CSV, in which a label may be a formula.
_without_tools = st.components.v2.component("lever_lab_editor", html="<span></span>", isolate_styles=False,
                                            css=f".st-key-{_EDITOR} [data-testid='stElementToolbar'] {{\n display: none !important;\n}}\n")


def mapping_form(table: Any, kind: Kind, extras: Sequence[str] = EXTRAS) -> Mapping | None:
    """The mapping, prefilled with that of a Task whose file had the same columns, else with the guess; None while something is missing."""
    known = recalled(_others(table), table.columns, kind)
    proposed = known[0] if known else guess_mapping(table)
    if kind == "examples":
        proposed = examples_of_pairs(proposed)
    key = f"data_map_{kind}_{abs(hash((table.name, table.columns, known and known[1].id)))}"
    if known:
        st.caption(f":material/history: Mapped as in task {text.label(known[1].name)}, whose file had the same columns")
    elif proposed.reason:
        st.markdown(":orange[:material/help:] The columns leave it open what is what:")
        st.text(proposed.reason)
    parts = {}
    for column, name in zip(st.columns(len(PARTS[kind])), PARTS[kind]):
        parts[name] = _template(column, name, getattr(proposed, name), templates_of(table), key)
    if written := _written(table, parts["prompt"], proposed.prompt, key):
        parts["prompt"] = written
    if kind == "examples" and extras:
        with st.expander("Split, groups, documents, choices" if "document_column" in extras else "Split and groups", expanded=bool(proposed.other)):
            for column, name in zip(st.columns(len(extras)), extras):
                options = templates_of(table) if name == "other" else table.columns
                parts[name] = _column(column, name, getattr(proposed, name), options, key)
    mapping = Mapping(**parts)
    if mapping.kind != kind or not _columns_are_there(table, mapping, kind):
        return None
    if kind == "examples":
        mapping = mapping.model_copy(update={"labels": _label_names(table, mapping.answer, proposed, key)})
    _first_rows(table, mapping, kind, key)
    return mapping


def _others(table: Any) -> list[Any]:
    """Tasks of the workspace without those that were saved from this very file in this session: they say nothing about a next file yet."""
    made, mark = st.session_state.get(saving.MADE, {}), uploads.mark(table)
    return [task for task in reads.own_tasks() if mark not in made.get(task.id, "").split("-")]


def _template(where: Any, name: str, proposed: str, templates: Sequence[str], key: str) -> str:
    """A column or a template over several; what is typed is kept as it is."""
    options = list(dict.fromkeys([*([proposed] if proposed else []), *templates]))
    found = where.selectbox(name.capitalize(), options, index=0 if proposed else None, accept_new_options=True, key=f"{key}_{name}", persist_state="session",
                            placeholder="Choose a column or write a template", help=Mapping.model_fields[name].description)
    return (found or "").replace("\\n", "\n")


def _written(table: Any, chosen: str, proposed: str, key: str) -> str:
    """A prompt that is written over several columns, with its own lines; empty where the choice above holds."""
    with st.expander("Write the prompt yourself, over several columns", expanded="\n" in proposed):
        start = proposed if "\n" in proposed and chosen == proposed else ""
        return st.text_area("Prompt", value=start, key=f"{key}_written", height=110, persist_state="session",
                            placeholder=chosen or "{title}\n\n{body}", max_chars=20_000, label_visibility="collapsed",
                            help="Empty: as chosen above. A column stands in braces, a brace itself is written twice: {{ }}. "
                            f"Columns: {', '.join(table.columns)[:400]}").strip()


def _column(where: Any, name: str, proposed: str, columns: Sequence[str], key: str) -> str:
    options = list(dict.fromkeys(["", *([proposed] if name == "other" else []), *columns]))
    index = options.index(proposed) if proposed in options else 0
    return where.selectbox(LABELS.get(name) or name.replace("_", " ").capitalize(), options, index=index, key=f"{key}_{name}", persist_state="session",
                           format_func=lambda value: value or "none", help=Mapping.model_fields[name].description)


def _columns_are_there(table: Any, mapping: Mapping, kind: Kind) -> bool:
    """Whether every column that a template names is there; if not, the page says which are."""
    try:
        demand_columns([getattr(mapping, name) for name in PARTS[kind]], table.columns, table.name)
    except DataError as error:
        panels.problem("These columns do not work", error.failure)
        return False
    return True


def _label_names(table: Any, answer: str, proposed: Mapping, key: str) -> dict[str, str]:
    """Names for labels, where the answers are labels: what differs from the file."""
    values = labels_of(table, answer)
    names = proposed.labels if answer == proposed.answer else {}
    if not values:
        return names
    with st.expander(f"Label names ({len(values)})", expanded=bool(names), icon=":material/label:"):
        st.caption("What is trained and scored for each answer of the file. Labels that mean the same may get the same name.")
        frame = pd.DataFrame({"In the file": values, "Name": [names.get(value, value) for value in values]})
        with st.container(key=_EDITOR):
            edited = st.data_editor(frame, disabled=["In the file"], hide_index=True, key=f"{key}_labels_{abs(hash(answer))}",
                                    height=min(320, 38 + 35 * len(values)))
        _without_tools(key=f"{key}_labels_sheet")
    return names_from(list(edited["In the file"]), list(edited["Name"]))


def names_from(values: Sequence[Any], names: Sequence[Any]) -> dict[str, str]:
    """Value -> name where they differ; an empty name leaves the value as it is."""
    pairs = ((str(value), str(name or "").strip()) for value, name in zip(values, names))
    return {value: name[:200] for value, name in pairs if name and name != value}


def _first_rows(table: Any, mapping: Mapping, kind: Kind, key: str) -> None:
    """What the mapping makes of the first rows, at once."""
    rows = []
    for row in table.rows[:PREVIEW]:
        try:
            texts = [render(getattr(mapping, name), row) for name in PARTS[kind]]
        except ValueError as error:
            texts = [str(error)] + [""] * (len(PARTS[kind]) - 1)
        if kind == "examples":
            texts[1] = mapping.labels.get(texts[1], texts[1])
        rows.append([marked.plain(text.short(each, 400) if len(each) > 400 else each) for each in texts])
    st.caption("The first rows become")
    marked.grid([name.capitalize() for name in PARTS[kind]], rows, key=f"{key}_first")
