"""A System answers a Suite: greedy answers, or log-probabilities where the scorer reads those, and a Score per item.

For a trained System each Score also says how far its weights have moved from the base's on that item (forward KL).
"""

from __future__ import annotations

import time
from typing import Callable

from lab.core import Evaluation, Item, Score, Scorer, Stopped, Suite
from lab.engine.bank import AdapterBank
from lab.engine.generate import Answer, batches, generate
from lab.engine.likelihood import continuation_logps
from lab.evals.divergence import drawn_answers, forward_kl
from lab.evals.scorers import score_answer
from lab.methods.asking import Asked, Asker
from lab.methods.retrieval import hit

TIMED_ITEMS = 8  # asked one by one for the latency; the others are answered in batches, which says nothing about one answer
Progress = Callable[[int, int], None]


def evaluate(asker: Asker, suite: Suite, key: str, run: str = "", progress: Progress = lambda done, total: None,
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
        if not scorer.generates:
            _read(asker, suite, scorer, scores, progress, should_stop)
    if bank and asker.adapter:
        _measure_divergence(asker, bank, suite, scores, should_stop)
    return Evaluation(system_key=key, suite=suite.name, suite_fingerprint=suite.fingerprint, role=suite.role, scorers=suite.scorers,
                      decoding=f"greedy, at most {suite.max_new_tokens} tokens", chance=suite.chance,
                      scores=tuple(scores[item.id] for item in suite.items), seconds=time.perf_counter() - begun, run=run)


def _check(should_stop: Callable[[], bool]) -> None:
    if should_stop():
        raise Stopped


def _answer(asker: Asker, suite: Suite, scores: dict[str, Score], progress: Progress, should_stop: Callable[[], bool]) -> None:
    asked = [asker.ask(item.prompt, suite.max_new_tokens) for item in suite.items]
    timed = min(TIMED_ITEMS, len(asked)) if suite.role == "task" else 0
    groups = [[place] for place in range(timed)]
    groups += [[timed + place for place in group] for group in batches([len(a.ids) for a in asked[timed:]])]
    done = 0
    for group in groups:
        _check(should_stop)
        start = time.perf_counter()
        answers = generate(asker.loaded, [asked[place].ids for place in group], suite.max_new_tokens)
        seconds = time.perf_counter() - start if len(group) == 1 and group[0] < timed else None
        for place, answer in zip(group, answers):
            item = suite.items[place]
            scores[item.id] = _scored(asker, suite, item, asked[place], answer, seconds)
        done += len(group)
        progress(done, len(asked))


def _scored(asker: Asker, suite: Suite, item: Item, asked: Asked, answer: Answer, seconds: float | None) -> Score:
    text = asker.loaded.decode(answer.ids).strip()
    values, reason = score_answer(suite.scorers, item, text)
    return Score(item=item.id, entity=item.entity, answer=text, values=values, prompt=asked.text, passages=asked.passages,
                 reason="; ".join(part for part in (reason, asked.note) if part),
                 hit=hit(asked.passages, item.documents) if asker.searcher else None, seconds=seconds,
                 prompt_tokens=len(asked.ids), answer_tokens=len(answer.ids), ended=answer.ended)


def _read(asker: Asker, suite: Suite, scorer: Scorer, scores: dict[str, Score], progress: Progress,
          should_stop: Callable[[], bool]) -> None:
    """Scorers that read log-probabilities: one row per item, or per choice."""
    rows, owners = [], []
    for item in suite.items:
        for text in (item.choices or ()) if scorer.kind == "multiple_choice" else (item.answer,):
            rows.append(_row(asker, item, text))
            owners.append((item, text))
    found: list[tuple[float, int]] = []
    for start in range(0, len(rows), 128):
        _check(should_stop)
        found += continuation_logps(asker.loaded, rows[start:start + 128])
        progress(min(start + 128, len(rows)), len(rows))
    by_item: dict[str, dict[str, tuple[float, int]]] = {}
    for (item, text), result in zip(owners, found):
        by_item.setdefault(item.id, {})[text] = result
    for item in suite.items:
        score = scores[item.id]
        value, reason = _read_value(scorer, item, by_item.get(item.id, {}))
        scores[item.id] = score.model_copy(update={"values": {**score.values, scorer.kind: value},
                                                   "reason": "; ".join(part for part in (score.reason, reason) if part)})


def _measure_divergence(asker: Asker, bank: AdapterBank, suite: Suite, scores: dict[str, Score], should_stop: Callable[[], bool]) -> None:
    """Forward KL on the task's own questions and on raw text; retention questions in words are left out, they are about the score."""
    if all(not item.prompt for item in suite.items):
        rows = {item.id: _row(asker, item, item.answer) for item in suite.items}
    elif suite.role == "task":
        rows = drawn_answers(asker, bank, suite, lambda: _check(should_stop))
    else:
        return
    for name, value in zip(rows, forward_kl(asker.loaded, bank, asker.adapter, list(rows.values()), lambda: _check(should_stop))):
        scores[name] = scores[name].model_copy(update={"kl": value})


def _row(asker: Asker, item: Item, text: str) -> tuple[list[int], list[int]]:
    """Token ids of (what stands before, what is scored). Raw text stands behind the base's start or end token alone."""
    loaded = asker.loaded
    if not item.prompt:
        start = loaded.tokenizer.bos_token_id
        before = [start if start is not None else min(loaded.ends, default=loaded.pad)]
        limit = loaded.context - 1 if loaded.context else None
        return before, loaded.encode(text)[:limit]
    asked = asker.ask(item.prompt, len(loaded.encode(text)) + 1)
    prompt, answer = loaded.template.training_text(asked.messages, text)
    return loaded.encode(prompt), loaded.encode(answer)


def _read_value(scorer: Scorer, item: Item, found: dict[str, tuple[float, int]]) -> tuple[float | None, str]:
    if not found:
        return None, "the item has nothing to read"
    if scorer.kind == "multiple_choice":
        best = max(found, key=lambda text: found[text][0])
        tied = sum(total == found[best][0] for total, _ in found.values()) > 1
        return float(best == item.answer and not tied), f"most likely: {best}"
    total, count = found[item.answer]
    return (-total / count if count else None), ""
