"""Which rows of a file are used where fewer are wanted: the same each time, and none of its labels lost. Knows kinds, no rows."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

KEEP = 5  # rows of each kind at least, where there are as many and there is room: a label has to be trained, validated and tested


def spread(kinds: Sequence[Hashable], most: int, seed: int = 0) -> list[int]:
    """The places of `most` rows in their order. `kinds`: what each row is one of; every kind has a few rows first, chance decides on the rest."""
    dice = random.Random(seed)
    places = dice.sample(range(len(kinds)), len(kinds))
    by_kind: dict[Hashable, list[int]] = defaultdict(list)
    for place in places:
        by_kind[kinds[place]].append(place)
    each = min(KEEP, most // len(by_kind)) if len(by_kind) > 1 else 0
    first = {place for found in by_kind.values() for place in found[:each]}
    rest = [place for place in places if place not in first]
    return sorted([*first, *rest[:max(0, most - len(first))]])
