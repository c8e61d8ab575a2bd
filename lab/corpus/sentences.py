"""Where the sentences of a text end. A rule of thumb for scripts with . ! ? and their full-width kin; no model, no dictionary."""

from __future__ import annotations

import re

# A sentence ends at a closing mark with what closes with it, at a blank line, and before a heading, a list entry or a table row.
_END = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’)\]]*(?=\s)|[。！？]+[」』”’）]*|\n\s*\n|\n(?=\s*(?:#{1,6}\s|[-*+•|]\s|\d{1,3}[.)]\s)))\s*")
_SHORT = re.compile(r"(?:^|[\s(\[\"'“‘])(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|cf|al|Fig|Figs|No|Nos|Eq|Eqs|Sec|Vol|pp|p|e\.g|i\.e|approx|[A-Z])\.$")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence; together they are the whole text, in order, the white space after a sentence with it."""
    spans, start = [], 0
    for found in _END.finditer(text):
        mark = found.group().rstrip()
        if mark == "." and (_SHORT.search(text, max(0, start - 1, found.start() - 12), found.start() + 1) or _goes_on(text, found.end())):
            continue
        spans.append((start, found.end()))
        start = found.end()
    return spans + ([(start, len(text))] if start < len(text) else [])


def _goes_on(text: str, place: int) -> bool:
    """A small letter after a single full stop: the stop belonged to an abbreviation."""
    return text[place:place + 1].islower()
