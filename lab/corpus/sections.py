"""Where the pages and headings of a document begin. Knows plain texts, not their formats; imported by the guarded child, so it stays light.

A section is (start, page or None, heading path); a part is (text, page or None, heading path).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Section = tuple[int, int | None, tuple[str, ...]]
Part = tuple[str, int | None, tuple[str, ...]]

MOST_SECTIONS = 20_000  # beyond them a document is text without places
TITLE_LETTERS = 120
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HASHES = re.compile(r" {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})$")
_NO_TITLE = re.compile(r"\s*([>|#=\-*+]|\d+[.)]\s)")


class Outline:
    """The path of headings down to where one is. Levels count from 0 (a title); a heading ends all of its level and below."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        title = " ".join(title.split())
        short = title if len(title) <= TITLE_LETTERS else title[:TITLE_LETTERS - 2] + " …"
        self._open = [*((at, name) for at, name in self._open if at < level), (level, short)]
        return self.path

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(name for _, name in self._open if name)


def joined(parts: Iterable[Part]) -> tuple[str, list[Section]]:
    """One text of parts that are tidy already, a blank line between them, and where each one begins. Empty parts are left out."""
    texts, sections, length = [], [], 0
    for text, page, heading in parts:
        if not text.strip():
            continue
        length += 2 if texts else 0
        if page or heading:
            sections.append((length, page, heading))
        texts.append(text)
        length += len(text)
    return "\n\n".join(texts), sections[:MOST_SECTIONS]


def of_markdown(text: str) -> list[Section]:
    """Headings of a Markdown text: lines with hashes, and lines underlined with = or -. Code between fences has none."""
    outline, found, fence, start = Outline(), [], "", 0
    before, earlier = "", ""  # the line above, the line above that
    place = 0
    for line in text.split("\n"):
        if fence:
            fence = "" if line.strip().startswith(fence) and not line.strip().strip(fence[0]) else fence
            before = ""
        elif opened := _FENCE.match(line):
            fence, before = opened[1], ""
        elif marked := _HASHES.match(line):
            found.append((place, None, outline.enter(len(marked[1]), _plain(marked[2]))))
            before = ""
        elif (under := _UNDERLINE.match(line)) and before.strip() and not earlier.strip() and not _NO_TITLE.match(before):
            found.append((start, None, outline.enter(1 if under[1][0] == "=" else 2, _plain(before))))
            before = ""
        else:
            earlier, before, start = before, line, place
        place += len(line) + 1
    return found[:MOST_SECTIONS]


def _plain(title: str) -> str:
    """A heading without its Markdown: [words](address) become words, marks of emphasis and code go."""
    return re.sub(r"[*`]|(?<!\w)_+|_+(?!\w)", "", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title)).strip()
