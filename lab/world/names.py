"""Names of people and towns, spelled from syllables, so that an unseen name is made of known pieces and names nobody real."""

from __future__ import annotations

import random
from typing import Iterable, Iterator

SYLLABLES = ("ba", "be", "bi", "bo", "da", "de", "di", "do", "du", "fa", "fe", "fi", "ga", "go", "ka", "ke", "ki", "ko", "la",
             "le", "li", "lo", "lu", "ma", "me", "mi", "mo", "mu", "na", "ne", "ni", "no", "nu", "pa", "pe", "pi", "po", "ra",
             "re", "ri", "ro", "ru", "sa", "se", "si", "so", "su", "ta", "te", "ti", "to", "va", "ve", "vi", "vo", "za", "zo")
REAL = {"Ulsan", "Izmir", "Arles", "Urmia", "Essen", "Elban", "Armen", "Orkan", "Alten", "Ermel", "Arden", "Irvin", "Elvis", "Orson",
        "Arlen", "Elden", "Alvin", "Elmer", "Alden", "Anton", "Alman", "Orlan", "Imran", "Esmer", "Islam", "Asmar", "Usman", "Osman", "Arson"}


def word(rng: random.Random, syllables: int = 2) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(syllables))


def name(rng: random.Random) -> str:
    """First and last name of two syllables each: about ten million names."""
    return f"{word(rng).capitalize()} {word(rng).capitalize()}"


def fresh_names(rng: random.Random, taken: Iterable[str]) -> Iterator[str]:
    """Names without end that are not in `taken`; a name may return, as chance has it."""
    taken = frozenset(taken)
    while True:
        if (found := name(rng)) not in taken:
            yield found


def unique_names(rng: random.Random, count: int, taken: Iterable[str] = ()) -> list[str]:
    """Distinct names; no first and no last name is used twice, so that each names its person alone."""
    used = {part for full in taken for part in full.split()}
    found: list[str] = []
    while len(found) < count:
        parts = name(rng).split()
        if not used & set(parts) and parts[0] != parts[1]:
            used |= set(parts)
            found.append(" ".join(parts))
    return found


def towns(rng: random.Random, count: int) -> list[str]:
    """Invented towns. They begin with a vowel, names never do, so that no town is a piece of a name."""
    found: list[str] = []
    while len(found) < count:
        town = rng.choice("AEIOU") + rng.choice("blmnrstv") + rng.choice(SYLLABLES) + rng.choice("nrlsmk")
        if town not in REAL and town not in found and town[1] != town[2]:
            found.append(town)
    return found
