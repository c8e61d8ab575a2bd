"""The rows of one huge JSON value, each parsed by itself from a window of text. Knows text and rows, no file.

A list gives its values. An object gives those of the one list of objects that it holds, or of several that are named after splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from lab.corpus.limits import Refused
from lab.corpus.nested import SPLITS, holds_row, of_item
from lab.corpus.strict_json import BadValue, Parser

LETTERS = 10_000_000  # of one value: ten of the longest cells
DO = "Save it as JSONL, one object per line"
PIECE = 1 << 20


class Window:
    """Some letters of a text, the next values among them."""

    def __init__(self, text: TextIO, parser: Parser):
        self._text, self._parser, self._place, self._ended = text, parser, 0, False
        self._letters = text.read(PIECE).removeprefix("\ufeff")

    def sign(self) -> str:
        """The next letter that is no white space; empty at the end."""
        while True:
            while self._place < len(self._letters):
                if (letter := self._letters[self._place]) not in " \t\r\n":
                    return letter
                self._place += 1
            if self._ended:
                return ""
            self._read_on()

    def demand(self, sign: str, else_: str) -> None:
        """Go over a sign that must come next."""
        if (found := self.sign()) != sign:
            raise Refused(f"This is not valid JSON: {else_ if found else 'the file ends in the middle of a value'}", DO)
        self._place += 1

    def value(self) -> Any:
        """The next value. Raises Refused where it is no valid JSON, or too long."""
        while True:
            try:
                value, end = self._parser.next_value(self._letters, self._place)
            except BadValue as error:
                raise Refused(f"This is not valid JSON: {error}", DO) from error
            if end >= 0 and (end < len(self._letters) or self._ended):
                self._place = end
                return value
            if self._ended:
                raise Refused("This is not valid JSON: the file ends in the middle of a value", "Export it again, or save it as JSONL")
            if len(self._letters) - self._place > LETTERS:
                raise Refused(f"The file is not valid JSON, or one of its values has more than {LETTERS:,} letters", DO)
            self._read_on()

    def _read_on(self) -> None:
        more = self._text.read(max(PIECE, len(self._letters) - self._place))
        self._letters, self._place, self._ended = self._letters[self._place:] + more, 0, not more


def rows(text: TextIO, parser: Parser) -> Iterator[Any]:
    """What could be a row, in order. Raises Refused."""
    window = Window(text, parser)
    if window.sign() == "{":
        yield from _in_object(window)
    else:
        for value in _values(window):
            yield from of_item(value, "")
    if window.sign():
        raise Refused("Something stands behind the end of the JSON value", DO)


def _values(window: Window) -> Iterator[Any]:
    window.demand("[", "it begins with neither a list nor an object")
    first = True
    while window.sign() != "]":
        if not first:
            window.demand(",", "a comma is missing between two values")
        yield window.value()
        first = False
    window.demand("]", "")


def _in_object(window: Window) -> Iterator[Any]:
    window.demand("{", "")
    names: list[str] = []
    first = True
    while window.sign() != "}":
        if not first:
            window.demand(",", "a comma is missing between two keys")
        key, first = window.value(), False
        window.demand(":", "a colon is missing behind a key")
        if window.sign() == "[":
            yield from _in_list(str(key), window, names)
        else:
            window.value()
    window.demand("}", "")
    if not names:
        raise Refused("This JSON file holds one large object, and no list of objects in it", DO)


def _in_list(key: str, window: Window, names: list[str]) -> Iterator[Any]:
    """The rows of a list whose first value is one; nothing of the others."""
    split, chosen = SPLITS.get(key.lower()), None
    for value in _values(window):
        if chosen is None and (chosen := holds_row(value)):
            names.append(key)
            if len(names) > 1 and any(name.lower() not in SPLITS for name in names):
                raise Refused(f"The file holds several lists ({', '.join(names)[:200]}); it is not clear which one has the rows", "Keep one list in the file")
        for row in of_item(value, key) if chosen else ():
            yield {**row, "split": split} if split and isinstance(row, dict) else row
