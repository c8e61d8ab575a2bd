"""Rows that stand elsewhere and are read when somebody asks for them. Knows neither files nor what a row is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any


class Rows(Sequence[Any]):
    """Used like a tuple of rows and holds none of them: each is read anew. Go through it in order where all are needed."""

    @abstractmethod
    def of(self, split: str) -> "Rows":
        """The rows of one split, in their order."""

    @abstractmethod
    def at(self, places: Iterable[int]) -> "Rows":
        """The rows at these places, in this order."""
