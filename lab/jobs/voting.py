"""Blind votes: which pairs of answers are asked, who sees which of them on which side, and a Task made from what was preferred.

Pure but for ids: Evaluations in, values out. Nothing here knows how votes are counted (compare) or kept (store).
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from itertools import combinations

from lab import store
from lab.core import DataError, Evaluation, Experiment, Preference, Suite, TaskData, Value
from lab.core.votes import Alike, Ballot, Vote, VotePair, VoteSession
from lab.corpus.splits import assign, prompt_key

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no I, O, 0, 1: the code is read aloud and typed
CODE = 6
VALIDATION = 0.15  # of the voted items, where there are enough of them
ENOUGH = 14  # items; below, every pair is trained on


def draw(experiment: Experiment, task: str, seed: int, evaluations: Mapping[str, Evaluation], suite: Suite, count: int,
         per_voter: int = 0, question: str = "", dice: int | None = None) -> VoteSession:
    """A session over `count` random items on which at least two of the Systems (names of `evaluations`) answered differently.

    Equal answers are never asked: `alike` counts them. `per_voter` 0: everybody judges every item. Raises DataError where fewer than
    two Systems are given, or no item can be asked about.
    """
    if len(evaluations) < 2:
        raise DataError("A vote needs answers of at least two Systems", experiment.name, "Tick another System that has answered this task")
    dice = secrets.randbits(31) if dice is None else dice
    answers = _answers(evaluations)
    asked = {item.id: found for item in suite.items if (found := _pairs(item.id, answers))}
    if not asked:
        raise DataError("These Systems gave the same answer to every item, so there is nothing to choose", experiment.name, "Tick other Systems")
    chosen = set(random.Random(dice).sample(sorted(asked), min(count, len(asked))))
    rows = [(item, pair) for item in suite.items if item.id in chosen for pair in asked[item.id]]
    pairs = tuple(VotePair(number=number, item=item.id, prompt=item.prompt, one=one, other=other, entity=item.entity,
                           answers=(answers[one][item.id], answers[other][item.id])) for number, (item, (one, other)) in enumerate(rows))
    return VoteSession(id=store.new_id("vote"), code="".join(secrets.choice(LETTERS) for _ in range(CODE)), experiment=experiment.id, task=task,
                       seed=seed, dice=dice, systems=tuple(evaluations), pairs=pairs, alike=_alike(answers), question=question.strip(),
                       per_voter=min(per_voter or len(chosen), len(chosen)), created=time.time())


def differing(evaluations: Mapping[str, Evaluation], suite: Suite) -> int:
    """On how many items at least two of these Systems answered differently: the items that can be asked about."""
    answers = _answers(evaluations)
    return sum(bool(_pairs(item.id, answers)) for item in suite.items)


def _answers(evaluations: Mapping[str, Evaluation]) -> dict[str, dict[str, str]]:
    return {name: {score.item: score.answer for score in found.scores} for name, found in evaluations.items()}


def _pairs(item: str, answers: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """Pairs of Systems that both answered the item, and differently; white space around an answer does not count."""
    return [(one, other) for one, other in combinations(answers, 2)
            if item in answers[one] and item in answers[other] and answers[one][item].strip() != answers[other][item].strip()]


def _alike(answers: Mapping[str, Mapping[str, str]]) -> tuple[Alike, ...]:
    found = []
    for one, other in combinations(answers, 2):
        both = answers[one].keys() & answers[other].keys()
        found.append(Alike(one=one, other=other, of=len(both), alike=sum(answers[one][item].strip() == answers[other][item].strip() for item in both)))
    return tuple(found)


def ballots(session: VoteSession, voter: int) -> list[Ballot]:
    """What voter 0, 1, 2, ... judges, in that person's own order: one pair of Systems per item.

    Items are dealt like a deck of cards, `per_voter` at a time, so that over the voters each item comes up equally often. Each time an
    item comes up it is the turn of its next pair, and once all its pairs were shown, of the other sides: over 2 x pairs showings of an
    item every System stood against every other, once on each side. Within a voter, neighbours in the deck begin with different pairs
    and sides. The same session and number always give the same ballots.
    """
    by_item: dict[str, list[VotePair]] = {}
    for pair in session.pairs:
        by_item.setdefault(pair.item, []).append(pair)
    deck = sorted(by_item)
    random.Random(f"{session.dice}:deck").shuffle(deck)
    usual = len(session.systems) * (len(session.systems) - 1) // 2
    found = []
    for place in range(voter * session.per_voter, (voter + 1) * session.per_voter):
        shown, rank = divmod(place, len(deck))  # how often this item came up before
        pairs = by_item[deck[rank]]
        start = rank % usual
        turned, turn = divmod(shown + start, len(pairs))
        pair = pairs[turn]
        found.append(Ballot(pair=pair, left=pair.other if (turned + rank // usual) % 2 else pair.one))
    random.Random(f"{session.dice}:{voter}").shuffle(found)
    return found


class Preferred(Value):
    """What became of the voted pairs: `pairs` made preferences; `ties`, `split` and those with an `empty` answer were left out; `moved`
    items left the test split, `test` items stayed in it."""

    pairs: int
    ties: int
    split: int
    empty: int
    moved: int
    test: int


def preference_task(session: VoteSession, votes: Sequence[Vote], data: TaskData, name: str, keep: bool = False) -> tuple[TaskData, Preferred]:
    """The Task with a preference for every pair that more than half of its voters decided the same way; not yet saved.

    `keep`: the Task's own preference pairs stay beside them. Voted items, and items about the same entity or with the same prompt, leave
    the test split: what was trained on must not be tested on. Raises DataError where nothing was decided, no test item would be left, or
    `data` holds only a part of the Task's rows.
    """
    rows = sum(data.task.counts.get(split, 0) for split in ("train", "validation", "test"))
    if rows > len(data.examples):
        raise DataError(f"The task has {rows:,} rows, of which {len(data.examples):,} are at hand here: a copy of it would lack the others",
                        data.task.name, "Import fewer rows of it as another task, and vote on an experiment with that one")
    won, ties, split = _decided(session, votes)
    decided = [(pair, winner) for pair, winner in won if all(answer.strip() for answer in pair.answers)]
    if not decided:
        raise DataError("No pair was decided by more than half of its voters, so there is nothing to learn from", "Votes",
                        "Let more people vote, or ask about Systems that differ more")
    prompts, entities = {prompt_key(pair.prompt) for pair, _ in decided}, {pair.entity for pair, _ in decided} - {""}
    kept = tuple(row for row in data.examples if row.split != "test" or (prompt_key(row.prompt) not in prompts and row.entity not in entities))
    own = data.preferences if keep else ()
    task = data.task.model_copy(update={"id": store.new_id(_slug(name)), "name": name, "source": f"votes of {session.id} on task {data.task.id}"})
    made = data.model_copy(update={"task": task, "examples": kept, "preferences": (*own, *_preferences(session, decided))}).sealed()
    if not made.split("test"):
        raise DataError("Every test item was voted on, so none would be left to score with", data.task.name, "Vote on fewer items of this task")
    return made, Preferred(pairs=len(decided), ties=ties, split=split, empty=len(won) - len(decided),
                           moved=len(data.split("test")) - len(made.split("test")), test=len(made.split("test")))


def _decided(session: VoteSession, votes: Sequence[Vote]) -> tuple[list[tuple[VotePair, str]], int, int]:
    """(pair, preferred System) of every decided pair; how many were ties, how many split."""
    found, ties, split = [], 0, 0
    for pair in session.pairs:
        winners = [vote.winner(pair) for vote in votes if vote.pair == pair.number]
        most = max(set(winners), key=winners.count, default=None)
        if winners and winners.count(most) * 2 > len(winners):
            if most is None:
                ties += 1
            else:
                found.append((pair, most))
        elif winners:
            split += 1
    return found, ties, split


def _preferences(session: VoteSession, decided: Sequence[tuple[VotePair, str]]) -> list[Preference]:
    pairs = [pair for pair, _ in decided]
    shares = (1 - VALIDATION, VALIDATION, 0.0) if len({pair.item for pair in pairs}) >= ENOUGH else (1.0, 0.0, 0.0)
    splits = assign([pair.prompt for pair in pairs], [str(pair.number) for pair in pairs], [pair.entity for pair in pairs], session.dice, shares)
    return [Preference(id=f"{session.id}-{pair.number}", prompt=pair.prompt, chosen=pair.answer_of(winner),
                       rejected=pair.answer_of(pair.other if winner == pair.one else pair.one), split=split)
            for (pair, winner), split in zip(decided, splits)]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "task"
