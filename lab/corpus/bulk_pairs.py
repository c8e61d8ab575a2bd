"""Preference pairs of a large table, as a Task keeps them. In memory stand, for each pair, a hash of its prompt and one of the whole pair."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.core import Example, Preference, Scorer, Task, TaskData
from lab.core.tasks import RowsKey
from lab.corpus import bulk_checks, bulk_rows
from lab.corpus.bulk_lengths import Room
from lab.corpus.bulk_plan import Plan, Progress
from lab.corpus.check_leaks import leaking, overlap_findings, shares
from lab.corpus.check_pairs import content
from lab.corpus.limits import Notes
from lab.corpus.splits import assign

ORDER = ("validation", "train")  # in the file: who only looks reads its beginning
SAMPLE = 10_000  # pairs that are looked at one by one
MOST_TEST = 2_000  # test prompts of the Task that the sample is compared with


def made(plan: Plan, folder: Path, progress: Progress, notes: Notes) -> dict[str, Any]:
    """preferences.jsonl in the folder; its count, fingerprint and findings. Raises Refused and DataError."""
    prompts = _spooled(plan, folder, progress, notes)
    if not prompts:
        raise bulk_rows.nothing_usable("a prompt and two different answers", notes)
    progress.say(at_once=True, stage="splitting")
    asked = [Example(id=row["id"], prompt=row["prompt"], answer=row["answer"], split="test") for row in bulk_rows.test_rows(plan.asked)]
    tally = _Tally(prompts, {bulk_rows.prompt_hash(row.prompt) for row in asked}, plan)
    splits = _splits(plan, prompts)
    tally.draw(splits)
    if "overlap" in plan.mends:
        tally.shared = leaking((row.prompt for row in asked), (row[1] for row, split in zip(bulk_rows.lines(folder / "spool.jsonl"), splits) if split))
    bulk_rows.written(folder, "preferences.jsonl", ORDER, _rows(folder / "spool.jsonl", splits, tally, progress))
    (folder / "spool.jsonl").unlink()
    progress.say(at_once=True, stage="checking")
    key = RowsKey()
    for row in bulk_rows.lines(folder / "preferences.jsonl"):
        key.add(row)
    data = TaskData(task=Task(id="draft", name="draft", scorers=(Scorer(kind="exact_match"),)), preferences=tuple(tally.sample))
    looks = (*bulk_checks.ON_PAIRS, lambda pairs: overlap_findings(pairs.model_copy(update={"examples": tuple(asked[:MOST_TEST])})))
    counted = (*bulk_checks.of_pairs(tally.leaked, tally.doubled, tally.shown), *bulk_checks.of_room(tally.room, plan))
    return {"counts": {"preferences": key.count}, "fingerprints": {"preferences": key.key()},
            "findings": bulk_checks.findings(counted, looks, data, key.count, plan)}


def _spooled(plan: Plan, folder: Path, progress: Progress, notes: Notes) -> list[str]:
    """Every usable pair written down as (number in the file, prompt, chosen, rejected); the hashes of their prompts."""
    prompts: list[str] = []
    with (folder / "spool.jsonl").open("w", encoding="utf-8", errors="surrogatepass") as file:
        for row in bulk_rows.usable(plan, ("prompt", "chosen", "rejected"), progress, notes):
            if row.texts[1] == row.texts[2]:
                bulk_rows.lose(row, "the chosen and the rejected answer are the same: nothing can be learned from them", notes)
                continue
            file.write(json.dumps([row.number, *row.texts], ensure_ascii=False) + "\n")
            prompts.append(bulk_rows.prompt_hash(row.texts[0]))
    return prompts


def _splits(plan: Plan, prompts: Sequence[str]) -> list[str]:
    """The split of each pair; empty for pairs that are not wanted. Pairs with the same prompt stay together."""
    wanted = bulk_rows.drawn(plan, len(prompts))
    share = min(plan.validation, len(wanted)) / len(wanted)
    none = [""] * len(wanted)
    found = [""] * len(prompts)
    for place, name in zip(wanted, assign([prompts[place] for place in wanted], none, none, plan.seed, (1 - share, share, 0.0))):
        found[place] = name
    return found


def _rows(spool: Path, splits: Sequence[str], tally: "_Tally", progress: Progress) -> Iterator[dict[str, Any]]:
    for place, (number, prompt, chosen, rejected) in enumerate(bulk_rows.lines(spool)):
        if place % 512 == 0:
            progress.say(stage="writing", written=place, of=len(splits))
        if splits[place]:
            pair = Preference(id=f"p{number:05d}", prompt=prompt, chosen=chosen, rejected=rejected, split=splits[place])
            if tally.takes(place, pair):
                yield pair.model_dump(mode="json")


class _Tally:
    """Counts while the pairs are written, and decides which of them stay. `test`: hashes of prompts that the Task's test asks."""

    def __init__(self, prompts: Sequence[str], test: set[str], plan: Plan):
        self._prompts, self._test, self._mends, self.room = prompts, test, plan.mends, Room(plan)
        self.shared: set[int] = set()  # sequences of words by which a pair would give the test away, where such pairs stay out
        self._seen: set[int] = set()
        self._sampled: set[int] = set()
        self.sample: list[Preference] = []
        self.leaked = self.doubled = 0
        self.shown: dict[str, list[str]] = {"leaked": [], "doubled": []}

    def draw(self, splits: Sequence[str]) -> None:
        """Choose the pairs that are looked at one by one: the same each time."""
        self._sampled = bulk_checks.sampled([place for place, split in enumerate(splits) if split], SAMPLE)

    def takes(self, place: int, pair: Preference) -> bool:
        """Whether the pair stays. Counts it, and what is wrong with it."""
        if not all(self.room.holds(pair.prompt, answer) for answer in (pair.chosen, pair.rejected)):
            return False
        if self._prompts[place] not in self._test and shares(pair.prompt, self.shared):
            return False
        if self._prompts[place] in self._test:
            if "leaks" in self._mends:
                return False
            self.leaked += 1
            self._note("leaked", pair.prompt)
        if (key := hash(content(pair))) in self._seen:
            if "duplicates" in self._mends:
                return False
            self.doubled += 1
            self._note("doubled", pair.prompt)
        self._seen.add(key)
        if place in self._sampled:
            self.sample.append(pair)
        return True

    def _note(self, what: str, prompt: str) -> None:
        if len(self.shown[what]) < bulk_checks.SHOWN:
            self.shown[what].append(prompt)
