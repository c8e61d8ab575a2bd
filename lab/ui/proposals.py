"""What the Build page proposes: which Systems a task has data for, what a System is called after its parts, and a maximum length that the base
can read. Knows no widget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lab.core import System, Task, Value
from lab.ui import reads, text

SHOTS = 3  # of the starting row with prompting
NEEDED = {"Prompting": ("train", SHOTS), "SFT": ("train", 1), "Retrieval": ("documents", 1), "DPO": ("preferences", 1)}  # lever -> rows that it needs
DATA = {"train": "training examples", "documents": "documents", "preferences": "preference pairs"}
MOST_LEVERS = {("SFT", "DPO"): 2}  # the one row of several levers that is proposed: its first part is trained on the way


class Proposed(NamedTuple):
    """Keys of the rows to tick; whose data decide, what these are used for, and what there is too little of."""

    keys: frozenset[str]
    whose: str = ""
    there: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def said(self, ticked: frozenset[str]) -> str:
        """'Ticked: the base, and what Support answers has data for: training examples (3 shots, SFT).' Where other rows are ticked, only what
        there are data for."""
        if not self.whose:
            return ""
        has = f"{self.whose} has " + (f"data for: {', '.join(self.there)}." if self.there else "no data for more than the base.")
        lacking = f" Too few or none: {', '.join(self.missing)}." if self.missing and self.there else ""
        if ticked != self.keys:
            return f"The ticks are your own. {has[:1].upper()}{has[1:]}{lacking}"
        return f"Ticked: the base{', and what' if self.there else '.'} {has}{lacking} The others can be ticked too."


def of_tasks(tasks: Sequence[str], rows: Sequence[tuple[str, tuple[str, ...]]]) -> Proposed:
    """The base, and every single lever that all of the tasks have data for. `rows`: key and levers of each starting row."""
    known = [found[0] for task in tasks if (found := reads.known(task))]
    single = [(key, levers) for key, levers in rows if len(levers) <= MOST_LEVERS.get(levers, 1)]
    fitting = [(key, levers) for key, levers in single if all(_has(known, lever) for lever in levers)]
    keys = frozenset(key for key, _ in fitting)
    if not known:
        return Proposed(keys)
    whose = text.label(known[0].name) if len(known) == 1 else f"every one of the {len(known)} tasks"
    return Proposed(keys, whose, *_data(known, [levers for _, levers in single]))


def _has(tasks: Sequence[Task], lever: str) -> bool:
    part, least = NEEDED[lever]
    return bool(tasks) and all(task.counts.get(part, 0) >= least for task in tasks)


def _data(tasks: Sequence[Task], rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What all tasks have enough of, and what not, each with what it is for: 'training examples (3 shots, SFT)'."""
    uses: dict[str, list[str]] = {}
    for levers in rows:
        if levers:
            uses.setdefault(NEEDED[levers[-1]][0], []).append(_words(levers))
    there, missing = [], []
    for part, names in uses.items():
        enough = all(_has(tasks, lever) for lever, (needed, _) in NEEDED.items() if needed == part)
        (there if enough else missing).append(f"{DATA[part]} ({', '.join(names)})")
    return tuple(there), tuple(missing)


def _words(levers: Sequence[str]) -> str:
    return " → ".join({"Prompting": f"{SHOTS} shots", "Retrieval": "RAG"}.get(lever, lever) for lever in levers)


def name_of(parts: Mapping[str, Value | None]) -> str:
    """'RAG + 3 shots + SFT → DPO', after the levers that are on and their settings; 'base' where none is."""
    found = ["RAG"] if "Retrieval" in parts else []
    if "Prompting" in parts:
        shots = getattr(parts["Prompting"], "shots", SHOTS)
        found.append(f"{shots} shot{'' if shots == 1 else 's'}" if shots else "instruction")
    trained = " → ".join(stage for stage in ("SFT", "DPO") if stage in parts)
    return " + ".join([*found, *([trained] if trained else [])]) or "base"


def within_context(system: System) -> System:
    """The same with no training stage that reads more tokens than its base does."""
    most = system.base.context
    if most < 16:  # not said
        return system
    return system.model_copy(update={"training": tuple(stage.model_copy(update={"max_length": min(stage.max_length, most)}) for stage in system.training)})


def clamped_lines(systems: Sequence[System]) -> list[str]:
    """One sentence per System whose typed maximum length is more than its base reads."""
    found = []
    for system in systems:
        if longer := [before.max_length for before, after in zip(system.training, within_context(system).training) if before != after]:
            found.append(f":orange[:material/compress:] {text.label(system.name)}: the maximum length typed is {max(longer):,} tokens and this base reads "
                         f"{system.base.context:,}. {system.base.context:,} are used; what was typed comes back with a base that reads more.")
    return found
