"""A System answers a Suite: greedy answers, or log-probabilities where the scorer reads those, and a Score per item.

For a trained System each Score also says how far its weights have moved from the base's on that item (forward KL).
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Callable

from lab.core import Evaluation, Item, Score, Scorer, Stopped, Suite
from lab.engine.bank import AdapterBank
from lab.engine.choices import Reading, read_choices
from lab.evals.divergence import drawn_answers, forward_kl
from lab.evals.judge import judge_answers
from lab.evals.reading import answer_row, choice_value
from lab.evals.scorers import score_answer
from lab.methods.asked import Asked, Asks, Written
from lab.methods.asking import Asker
from lab.methods.retrieval import hit

TIMED_ITEMS = 8  # asked one by one for the latency; the others are answered in batches, which says nothing about one answer
Progress = Callable[[int, int], None]


def evaluate(asker: Asks, suite: Suite, key: str, run: str = "", progress: Progress = lambda done, total: None,
             should_stop: Callable[[], bool] = lambda: False, bank: AdapterBank | None = None) -> Evaluation:
    """Every item of the suite once, under the key it is stored by. Raises Stopped between batches.

    bank: holds the weights that the asker names; with it the divergence from the base is measured. The answers come from what is chosen
    in it.
    """
    begun = time.perf_counter()
    scores: dict[str, Score] = {item.id: Score(item=item.id, entity=item.entity, values={}) for item in suite.items}
    if any(scorer.generates for scorer in suite.scorers):
        _answer(asker, suite, scores, progress, should_stop)
    for scorer in suite.scorers:
        if not scorer.generates and asker.unread:
            _leave_out(scorer, scores, asker.unread)
        elif not scorer.generates:
            _read(asker, suite, scorer, scores, progress, should_stop)
        if scorer.judge:
            _judge(suite, scorer, scores, progress, should_stop)
    if bank and asker.adapter:
        _measure_divergence(asker, bank, suite, scores, should_stop)
    return Evaluation(system_key=key, suite=suite.name, suite_fingerprint=suite.fingerprint, role=suite.role, scorers=suite.scorers,
                      decoding=f"greedy, at most {suite.max_new_tokens} tokens", chance=suite.chance,
                      scores=tuple(scores[item.id] for item in suite.items), seconds=time.perf_counter() - begun, run=run)


def _check(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Stopped


def _answer(asker: Asks, suite: Suite, scores: dict[str, Score], progress: Progress, should_stop: Callable[[], bool]) -> None:
    asked = [asker.ask(item.prompt, suite.max_new_tokens) for item in suite.items]
    timed = min(TIMED_ITEMS, len(asked)) if suite.role == "task" else 0
    groups = [[place] for place in range(timed)]
    groups += [[timed + place for place in group] for group in asker.groups(asked[timed:])]
    done = 0
    for group in groups:
        _check(should_stop)
        for place, written in zip(group, asker.write([asked[place] for place in group], suite.max_new_tokens)):
            item = suite.items[place]
            scores[item.id] = _scored(asker, suite, item, asked[place], written, written.seconds if place < timed else None)
        done += len(group)
        progress(done, len(asked))


def _scored(asker: Asks, suite: Suite, item: Item, asked: Asked, written: Written, seconds: float | None) -> Score:
    values, reason = score_answer(suite.scorers, item, written.text)
    if written.refused:  # there is no answer that could be right or wrong
        values, reason = {name: None for name in values}, written.refused
    return Score(item=item.id, entity=item.entity, answer=written.text, values=values, prompt=asked.text, passages=asked.passages,
                 reason="; ".join(part for part in (reason, asked.note) if part),
                 hit=hit(asked.passages, item.documents) if asker.searcher else None, seconds=seconds,
                 prompt_tokens=written.prompt_tokens, answer_tokens=written.answer_tokens, ended=written.ended)


def _judge(suite: Suite, scorer: Scorer, scores: dict[str, Score], progress: Progress, should_stop: Callable[[], bool]) -> None:
    """The judge's number on every answer that was written; None where there is none."""
    items = [item for item in suite.items if scores[item.id].ended is not None or scores[item.id].answer]
    answers = [scores[item.id].answer for item in items]
    verdicts = dict(zip((item.id for item in items),
                        judge_answers(scorer.judge, items, answers, should_stop, lambda done: progress(done, len(items)))))
    for name, score in scores.items():
        value, reason = verdicts.get(name, (None, ""))
        scores[name] = score.model_copy(update={"values": {**score.values, scorer.kind: value},
                                                "reason": "; ".join(part for part in (score.reason, reason) if part)})


def _leave_out(scorer: Scorer, scores: dict[str, Score], reason: str) -> None:
    """None for every item, with the reason, where the scorer's numbers cannot be read."""
    for name, score in scores.items():
        scores[name] = score.model_copy(update={"values": {**score.values, scorer.kind: None},
                                                "reason": "; ".join(dict.fromkeys(part for part in (score.reason, reason) if part))})


def _read(asker: Asker, suite: Suite, scorer: Scorer, scores: dict[str, Score], progress: Progress,
          should_stop: Callable[[], bool]) -> None:
    """Scorers that read log-probabilities: one row per item, or per choice."""
    texts = [item.choices or () if scorer.kind == "multiple_choice" else (item.answer,) for item in suite.items]
    rows = [answer_row(asker, item.prompt, text) for item, wanted in zip(suite.items, texts) for text in wanted]

    def told(done: int) -> None:
        _check(should_stop)
        progress(done, len(rows))

    found = iter(read_choices(asker.loaded, rows, told))
    for item, wanted in zip(suite.items, texts):
        score = scores[item.id]
        value, reason = _read_value(scorer, item, list(islice(found, len(wanted))))
        scores[item.id] = score.model_copy(update={"values": {**score.values, scorer.kind: value},
                                                   "reason": "; ".join(part for part in (score.reason, reason) if part)})


def _measure_divergence(asker: Asker, bank: AdapterBank, suite: Suite, scores: dict[str, Score], should_stop: Callable[[], bool]) -> None:
    """Forward KL on the task's own questions and on raw text; retention questions in words are left out, they are about the score."""
    if all(not item.prompt for item in suite.items):
        rows = {item.id: answer_row(asker, item.prompt, item.answer) for item in suite.items}
    elif suite.role == "task":
        rows = drawn_answers(asker, bank, suite, lambda: _check(should_stop))
    else:
        return
    for name, value in zip(rows, forward_kl(asker.loaded, bank, asker.adapter, list(rows.values()), lambda: _check(should_stop))):
        scores[name] = scores[name].model_copy(update={"kl": value})


def _read_value(scorer: Scorer, item: Item, readings: list[Reading]) -> tuple[float | None, str]:
    if not readings:
        return None, "the item has nothing to read"
    if scorer.kind == "multiple_choice":
        return choice_value(item, readings)
    return (-readings[0].total / readings[0].tokens if readings[0].tokens else None), ""
