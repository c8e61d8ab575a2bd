"""JSON as the standard has it: no NaN, no endless depth, no half letters. Knows nothing of rows and columns."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from lab.corpus.limits import Limits

_LONGEST_NUMBER = 40
_NAN = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')


class BadValue(ValueError):
    """A value that JSON does not have or that the lab does not take."""


class Parser:
    """Parses texts and counts what it met on the way. `doubled` names keys that stood twice in one object."""

    def __init__(self, limits: Limits):
        self.limits, self.cells, self.halves = limits, 0, 0
        self.doubled: list[str] = []
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=_no_constant, parse_int=_integer,
                                         parse_float=_number)

    def parse(self, text: str) -> Any:
        """Raises json.JSONDecodeError or BadValue, both ValueErrors with a sentence."""
        try:
            return self._decoder.decode(text)
        except RecursionError as error:
            raise BadValue(f"values are nested deeper than {self.limits.depth}") from error
        except BadValue as error:
            raise BadValue(f"{error}{_nan_line(text)}") from error

    def next_value(self, text: str, place: int) -> tuple[Any, int]:
        """The value that begins at or after a place, and where it ends; (None, -1) where it is not whole. Raises BadValue."""
        try:
            while place < len(text) and text[place] in " \t\r\n":
                place += 1
            return self._decoder.raw_decode(text, place)
        except RecursionError as error:
            raise BadValue(f"values are nested deeper than {self.limits.depth}") from error
        except json.JSONDecodeError:
            return None, -1

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            names = [name for name, _ in pairs]
            self.doubled += [name[:60] for name in dict.fromkeys(names) if names.count(name) > 1][:3] if len(names) < 1_000 else ["?"]
        return value

    def clean(self, value: Any, depth: int = 1) -> Any:
        """The value with half surrogate pairs replaced, as no tokenizer takes them. Raises BadValue beyond the limits."""
        self.cells += 1
        if isinstance(value, str):
            return self._text(value)
        if depth > self.limits.depth:
            raise BadValue(f"values are nested deeper than {self.limits.depth}")
        if isinstance(value, dict):
            return {self._key(name): self.clean(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.clean(inner, depth + 1) for inner in value]
        return value

    def _key(self, name: str) -> str:
        if len(name) > 200:
            raise BadValue("a key has more than 200 letters")
        return self._text(name) or "(no name)"

    def _text(self, text: str) -> str:
        if len(text) > self.limits.cell_chars:
            raise BadValue(f"a text has {len(text):,} letters; {self.limits.cell_chars:,} are the most")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.halves += 1
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text


def _no_constant(name: str) -> Any:
    raise BadValue(f"{name} is not a JSON value")


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise BadValue(f"a number has {len(text):,} digits; {_LONGEST_NUMBER} are the most")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadValue(f"the number {text[:20]} is too large")
    return number


def _nan_line(text: str) -> str:
    if "\n" not in text:
        return ""
    for found in _NAN.finditer(text):
        if not found.group().startswith('"'):
            return f" (line {text.count(chr(10), 0, found.start()) + 1:,})"
    return ""
