"""Train, validation, test: every row in exactly one, decided by the seed alone; what belongs together is never torn apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

NAMES = ("train", "validation", "test")
ROWS_PER_LABEL = 5  # on average; answers that differ more are texts
Fractions = tuple[float, float, float]


def prompt_key(prompt: str) -> str:
    """Two prompts with the same key are the same question: letter case and white space do not count."""
    return " ".join(prompt.casefold().split())


def assign(prompts: Sequence[str], answers: Sequence[str], entities: Sequence[str], seed: int, fractions: Fractions) -> list[str]:
    """A split for each row. Rows with the same prompt or the same entity stay together; answers that repeat like labels are spread
    evenly. Every split with a share gets at least one group where there are groups enough."""
    groups = _groups(prompts, entities)
    labels = answers if looks_like_labels(answers) else [""] * len(answers)
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for group in groups:
        strata[labels[group[0]]].append(group)
    ordered = [group for label in sorted(strata) for group in _shuffled(strata[label], f"{seed}:{label}")]
    placed = _fill_empty(_by_deficit(ordered, fractions), fractions)
    split = [""] * len(prompts)
    for name, members in placed.items():
        for group in members:
            for row in group:
                split[row] = name
    return split


def looks_like_labels(answers: Sequence[str]) -> bool:
    """Few different answers, each many times: five rows per answer on average."""
    return 0 < len(set(answers)) * ROWS_PER_LABEL <= len(answers)


def _groups(prompts: Sequence[str], entities: Sequence[str]) -> list[list[int]]:
    """Rows joined by an equal prompt or an equal entity, in the order of their first row."""
    parent = list(range(len(prompts)))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    by_prompt: dict[str, int] = {}
    by_entity: dict[str, int] = {}
    for row, (prompt, entity) in enumerate(zip(prompts, entities)):
        for first, key in ((by_prompt, prompt_key(prompt)), (by_entity, entity)):
            if key or first is by_prompt:
                a, b = sorted((root(row), root(first.setdefault(key, row))))
                parent[b] = a
    found: dict[int, list[int]] = defaultdict(list)
    for row in range(len(prompts)):
        found[root(row)].append(row)
    return list(found.values())


def _shuffled(groups: list[list[int]], seed: str) -> list[list[int]]:
    groups = list(groups)
    Random(seed).shuffle(groups)
    return groups


def _by_deficit(groups: list[list[int]], fractions: Fractions) -> dict[str, list[list[int]]]:
    """One group after the other to the split that is furthest behind its share: the shares hold in every stretch of the order."""
    placed: dict[str, list[list[int]]] = {name: [] for name in NAMES}
    have: Counter[str] = Counter()
    seen = 0
    total = sum(fractions)
    for group in groups:
        seen += len(group)
        name = max((n for n, f in zip(NAMES, fractions) if f > 0), key=lambda n: fractions[NAMES.index(n)] / total * seen - have[n])
        placed[name].append(group)
        have[name] += len(group)
    return placed


def _fill_empty(placed: dict[str, list[list[int]]], fractions: Fractions) -> dict[str, list[list[int]]]:
    for name, fraction in reversed(list(zip(NAMES, fractions))):
        giver = max(placed, key=lambda n: len(placed[n]))
        if fraction > 0 and not placed[name] and len(placed[giver]) > 1:
            smallest = min(range(len(placed[giver])), key=lambda number: len(placed[giver][number]))
            placed[name].append(placed[giver].pop(smallest))
    return placed
