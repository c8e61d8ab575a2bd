"""How far a task's judge model agrees with a revealed vote, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.compare.judging import HumanVote, judge_agreement
from lab.core import Evaluation
from lab.core.votes import Vote, VoteSession
from lab.ui import reads, results, scored, vote_reads


def judge_words(session: VoteSession) -> str:
    """Empty where no judge scores the task."""
    data = reads.task(session.task)
    if data is None or not any(scorer.judge for scorer in data.task.scorers):
        return ""
    answered = scored.with_answers(results.of_task(scored.outcomes(session.experiment), session.task, session.seed, list(session.systems)))
    return judge_agreement(scores_of(session, answered), votes_of(session, vote_reads.cast(session))).sentence()


def scores_of(session: VoteSession, answered: Mapping[str, Evaluation]) -> dict[tuple[str, str], float | None]:
    """The judge's number by (item, System), where it is on the very answer that people saw."""
    seen = {(pair.item, name): pair.answer_of(name) for pair in session.pairs for name in (pair.one, pair.other)}
    return {(score.item, name): score.values.get("judge") for name, found in answered.items() for score in found.scores
            if seen.get((score.item, name)) == score.answer}


def votes_of(session: VoteSession, cast: Sequence[Vote]) -> list[HumanVote]:
    pairs = {pair.number: pair for pair in session.pairs}
    return [(vote.voter, pairs[vote.pair].item, pairs[vote.pair].one, pairs[vote.pair].other, vote.winner(pairs[vote.pair])) for vote in cast]
