"""Text with marked parts, and a grid of such texts. The one component of our own: words reach the page as text nodes only.

Streamlit's Markdown would read signs in people's and models' texts (links, emoji codes, arrows); this shows them as they are.
The scripts below are constants: nothing from outside is ever put into them.
"""

from __future__ import annotations

from typing import Any, Sequence

import streamlit as st

Part = tuple[str, str]  # a piece of text and its mark: "" none, "on" marked, "off" struck out

_CSS = """
.cell { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.55; color: var(--st-text-color); }
.mono { font-family: var(--st-code-font); font-size: 0.92em; }
.box { background: var(--st-secondary-background-color); border-radius: var(--st-base-radius); padding: 0.8em 1em; }
mark { background: color-mix(in srgb, var(--st-primary-color) 20%, transparent); color: inherit; border-radius: 3px;
       padding: 0 1px; text-decoration: underline; text-underline-offset: 3px; text-decoration-thickness: 2px;
       text-decoration-color: var(--st-primary-color); }
del { color: var(--st-gray-text-color); }
table { border-collapse: collapse; width: 100%; table-layout: fixed; font-family: var(--st-font); font-size: 0.95em; }
th, td { text-align: left; vertical-align: top; padding: 0.55em 0.7em; border-bottom: 1px solid var(--st-border-color); }
th { font-weight: 600; color: var(--st-gray-text-color); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
"""
_JS = """
const piece = ([text, mark]) => {
  const node = document.createElement(mark === "on" ? "mark" : mark === "off" ? "del" : "span")
  node.textContent = text
  return node
}
const cell = (tag, parts, style) => {
  const node = document.createElement(tag)
  node.className = style
  node.append(...parts.map(piece))
  return node
}
const row = (tag, cells) => {
  const node = document.createElement("tr")
  node.append(...cells.map((parts) => cell(tag, parts, "cell")))
  return node
}
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector("#root")
  if (data.parts) {
    root.replaceChildren(cell("div", data.parts, data.mono ? "cell mono box" : "cell"))
    return
  }
  const table = document.createElement("table")
  table.style.minWidth = `${data.columns.length * 8}em`
  const widths = document.createElement("colgroup")
  widths.append(...data.widths.map((share) => {
    const col = document.createElement("col")
    col.style.width = `${share}%`
    return col
  }))
  table.append(widths, row("th", data.columns.map((name) => [[name, ""]])), ...data.rows.map((cells) => row("td", cells)))
  root.className = "scroll"
  root.tabIndex = 0  // reached and scrolled by keyboard where it is wider than the page
  root.setAttribute("role", "region")
  root.setAttribute("aria-label", `Table: ${data.columns.join(", ")}`)
  table.querySelectorAll("th").forEach((head) => { head.scope = "col" })
  root.replaceChildren(table)
}
"""
_component = st.components.v2.component("lever_lab_marked", html="<div id='root'></div>", css=_CSS, js=_JS)


def spans(parts: Sequence[Part], key: str, mono: bool = True) -> None:
    """One text with marked parts, line breaks kept."""
    _component(key=key, data={"parts": [list(part) for part in _joined(parts)], "mono": mono})


def grid(columns: Sequence[str], rows: Sequence[Sequence[Sequence[Part]]], key: str, widths: Sequence[float] = ()) -> None:
    """A table whose cells are texts with marked parts. `widths`: shares of the columns; equal where not given."""
    _component(key=key, data={"columns": list(columns), "widths": [100 * width / sum(widths) for width in widths],
                              "rows": [[[list(part) for part in _joined(cell)] for cell in row] for row in rows]})


def plain(text: Any) -> list[Part]:
    return [(str(text), "")]


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbours with the same mark become one piece, so that an underline runs through."""
    out: list[Part] = []
    for words, mark in parts:
        if out and out[-1][1] == mark:
            out[-1] = (out[-1][0] + words, mark)
        else:
            out.append((words, mark))
    return out
