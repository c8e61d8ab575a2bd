"""A System as a model of lm-evaluation-harness (https://github.com/EleutherAI/lm-evaluation-harness), on the lab's own engine.

How the harness's prompts relate to the System's own:

- by default a request's context is the user's question. The System puts it as it puts any question: its instruction, shots and passages,
  its chat template. A continuation is the assistant's whole answer, with the end of its turn; the one space that the harness sets
  before it is dropped. This measures the System;
- `plain` puts contexts and continuations as they are, behind the start token where the tokenizer sets one. This measures the weights,
  as the harness's own model classes do;
- a request without context is raw text in both.

Only this file and the verb know the harness, which is not among the app's requirements.
"""

from __future__ import annotations

from typing import Any, Iterable

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from lab.core import DataError
from lab.engine.choices import Row, read_choices
from lab.engine.generate import batches, generate
from lab.evals.reading import answer_row, start_token
from lab.methods.asking import Asker

MOST_TOKENS = 256  # of an answer where the task does not say
USUAL_CONTEXT = 2_048  # where the base does not say how much it reads


class SystemLM(LM):
    """Answers the harness's three kinds of requests. The weights are those that are on in the asker's base."""

    def __init__(self, asker: Asker, plain: bool = False):
        super().__init__()
        self.asker, self.loaded, self.plain = asker, asker.loaded, plain

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Per request (context, continuation): the summed log-probability, and whether greedy decoding would write it."""
        rows = [self._row(*request.args) for request in requests]
        return [(reading.total, reading.greedy) for reading in read_choices(self.loaded, rows)]

    def _row(self, context: str, text: str) -> Row:
        if not context:
            return answer_row(self.asker, "", text)
        if not self.plain:
            return answer_row(self.asker, context, text.removeprefix(" "))
        before = self._encoded(context.rstrip())  # spaces belong to the word that follows them, as in the harness's own classes
        after = self._encoded(context + text)[len(before):]
        return self._cut(before or [start_token(self.asker)], len(after)), after

    def _encoded(self, text: str) -> list[int]:
        """As the tokenizer encodes raw text, its start token included where it sets one."""
        start = self.loaded.tokenizer.bos_token_id
        sets = start is not None and self.loaded.tokenizer("x")["input_ids"][:1] == [start]
        return [*([start] if sets else []), *self.loaded.encode(text)]

    def _cut(self, ids: list[int], room: int) -> list[int]:
        """The end of a context that leaves room for what follows it."""
        return ids[-max(1, self.loaded.context - room):] if self.loaded.context else ids

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Per request (text,): the log-probability of the whole text, read in windows as long as the base's context. Raw in any case."""
        rows: list[Row] = []
        owners: list[int] = []
        for number, request in enumerate(requests):
            ids = self.loaded.encode(request.args[0])
            windows = get_rolling_token_windows(ids, start_token(self.asker), (self.loaded.context or USUAL_CONTEXT) - 1, 1)
            for window in windows:
                rows.append(make_disjoint_window(window))
                owners.append(number)
        totals = [0.0] * len(requests)
        for owner, reading in zip(owners, read_choices(self.loaded, rows)):
            totals[owner] += reading.total
        return totals

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Per request (context, settings): the greedy answer up to the first of the task's stop texts. Raises DataError where a task wants
        answers that are drawn."""
        answers: list[str] = [""] * len(requests)
        wanted = [_settings(request.args[1]) for request in requests]
        prompts = [self._prompt(request.args[0], most) for request, (most, _) in zip(requests, wanted)]
        for group in batches([len(ids) for ids in prompts]):
            most = max(wanted[place][0] for place in group)
            for place, answer in zip(group, generate(self.loaded, [prompts[place] for place in group], most)):
                limit, stops = wanted[place]
                answers[place] = _until(self.loaded.decode(answer.ids[:limit]).strip(), stops)
        return answers

    def _prompt(self, context: str, room: int) -> list[int]:
        room = min(room, self.loaded.context // 2) if self.loaded.context else room
        if self.plain or not context:
            return self._cut(self._encoded(context) or [start_token(self.asker)], room)
        return self.asker.ask(context, room).ids


def _settings(about: dict[str, Any]) -> tuple[int, list[str]]:
    """Longest answer in tokens and stop texts, from the harness's generation settings."""
    if about.get("do_sample") and about.get("temperature", 1.0):
        raise DataError("This task wants answers that are drawn at random; the lab decodes greedily", "generation_kwargs",
                        "Choose another task, or set do_sample to false in a copy of it")
    stops = about.get("until") or []
    most = about.get("max_gen_toks") or about.get("max_new_tokens") or about.get("max_tokens") or MOST_TOKENS
    return int(most), [stops] if isinstance(stops, str) else list(stops)


def _until(text: str, stops: Iterable[str]) -> str:
    for stop in stops:
        text = text.split(stop)[0] if stop else text
    return text
