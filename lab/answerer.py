"""The answerer: one base in memory, many adapters on it, asked over the OpenAI chat-completions protocol on loopback.

Each finished run is a model name, "base" is the bare base, and "made-<key>" a checkpoint of a pretraining whose body is the base's.
Questions that arrive together are answered in one batch, every row with its own adapter; those that need another whole set of weights
come in a batch after it. Decoding is greedy, as in every Evaluation, so that what is seen here is what was scored.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from pathlib import Path
from typing import Any, Callable

from lab import store
from lab.core import AccessError, Base, DataError, LabError, Run, System, TaskData, adapter_key, index_key
from lab.corpus.template import ChatTemplate
from lab.engine.bank import AdapterBank
from lab.engine.devices import settle
from lab.engine.generate import generate
from lab.engine.load import Loaded, load_base
from lab.engine.weights import BASE
from lab.jobs.outcomes import kept_name
from lab.methods.asking import Asker
from lab.methods.retrieval import Searcher
from lab.questions import BARE_TOKENS, MOST_TOKENS, Question, known_run, listed, serves

GATHER_SECONDS = 0.015  # how long the first question waits for company: below what a person notices
MOST_ROWS = 16
MADE = "made-"  # before the artifact key of a checkpoint, in its model name


class Answerer:
    """The base, the Systems that were asked for, and the one thread that runs the model."""

    def __init__(self, base: Base, slot: str = "cpu:0"):
        self.base = base
        self.loaded = load_base(store.bases.folder_of(base), settle(slot))
        self.bank = AdapterBank(self.loaded)
        self.askers: dict[str, tuple[Asker, int]] = {}
        self.waiting: queue.Queue[Question] = queue.Queue()
        self.last_used = time.monotonic()
        threading.Thread(target=self._serve, daemon=True, name="model").start()

    # Systems -------------------------------------------------------------------------------------------------------------

    def models(self) -> list[dict[str, Any]]:
        """The bare base, every finished (or stopped-and-kept) run on this base, and the checkpoints of its shape."""
        return listed(self.base) + [{"id": f"{MADE}{about['key']}", "system": about["title"], "task": "", "experiment": ""}
                                    for about in store.bases.made() if self._fits(about["key"])]

    def _fits(self, key: str) -> bool:
        """Whether a checkpoint can take the place of the base's weights: the same body, tokenizer and template. A damaged one cannot."""
        try:
            return store.bases.shape(store.bases.resolve("made", key)) == store.bases.shape(self.base)
        except LabError:
            return False  # the others can still be asked

    def asker(self, model: str) -> tuple[Asker, int]:
        """The System's asker and its default answer length; loaded at the first question. Raises AccessError."""
        if model not in self.askers:
            self.askers[model] = (self._bare() if model == "base" else
                                  self._checkpoint(model.removeprefix(MADE)) if model.startswith(MADE) else self._from_run(model))
        return self.askers[model]

    def _bare(self) -> tuple[Asker, int]:
        return Asker(System(name="base", base=self.base), self.loaded, (), None), BARE_TOKENS

    def _checkpoint(self, key: str) -> tuple[Asker, int]:
        if key not in {about["key"] for about in store.bases.made()}:
            raise DataError("No checkpoint of this name is served here", key[:80], "GET /v1/models lists the names")
        if not self._fits(key):
            raise AccessError("This checkpoint is damaged, or has another shape than the base that is served", key,
                              "Ask it where a base of its size is served")
        made = store.bases.resolve("made", key)
        if key not in self.bank:
            self.bank.add_weights(key, store.bases.folder_of(made))
        return Asker(System(name=key, base=made), self.loaded, (), None, key), BARE_TOKENS

    def _from_run(self, run_id: str) -> tuple[Asker, int]:
        run = known_run(run_id)
        if not serves(self.base, run):
            raise AccessError("This System cannot be asked here", run_id, "Ask a finished run of the base that is being served")
        if run.system.quantisation != "none":
            raise AccessError(f"This System holds its base in {run.system.quantisation}, and here it stands as it is: its answers would not be "
                              "those that were scored", run_id, "Read its scored answers on the Compare page")
        data = store.tasks.load(run.task)
        searcher = None
        if run.system.retrieval:
            searcher = Searcher(run.system.retrieval, store.artifacts.find(index_key(run.system.retrieval, data.task)))
        asker = Asker(run.system, _with_template(self.loaded, run.system), data.split("train"), searcher, self._adapter(run, data))
        return asker, data.task.max_new_tokens

    def _adapter(self, run: Run, data: TaskData) -> str | None:
        """Load what the run trained onto the shared base; Systems that share a part share it in memory too."""
        stages = run.system.training
        if not stages:
            return None
        keys = [adapter_key(run.system, data.task, number) for number in range(1, len(stages) + 1)]
        attempt = store.runs.state(run.id).kept
        for place in reversed(range(len(keys)) if attempt else ()):
            if store.artifacts.find(name := kept_name(keys[place], run.id, attempt)):
                keys = [*keys[:place], name]
                break
        under = BASE
        for stage, key in zip(stages, keys):
            if stage.full:
                under = self._held(key, lambda folder, key=key: self.bank.add_weights(key, folder))
        return keys[-1] if keys[-1] == under else self._held(keys[-1], lambda folder: self.bank.add(keys[-1], folder, on=under))

    def _held(self, key: str, load: Callable[[Path], None]) -> str:
        """The key of an artifact that is in memory now. Raises AccessError where it is gone."""
        if key not in self.bank:
            folder = store.artifacts.find(key)
            if folder is None:
                raise AccessError("What the System trained is missing or damaged", key, "Run it again")
            load(folder)
        return key

    # the model's thread -----------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            batch = [self.waiting.get()]
            time.sleep(GATHER_SECONDS)
            while len(batch) < MOST_ROWS and not self.waiting.empty():
                batch.append(self.waiting.get_nowait())
            self.last_used = time.monotonic()
            self._answer([question for question in batch if self._prepared(question)])
            self.last_used = time.monotonic()

    def _prepared(self, question: Question) -> bool:
        try:
            asker, default = self.asker(question.model)
            question.max_tokens = min(question.max_tokens or default, MOST_TOKENS)
            question.asked = asker.ask(question.prompt, question.max_tokens, question.history)
            return True
        except Exception as error:  # the boundary of one request
            question.fail(error)
            return False

    def _answer(self, batch: list[Question]) -> None:
        """One pass after another for the questions that need different sets of weights; most often there is one."""
        names = [self.askers[question.model][0].adapter or BASE for question in batch]
        for group in self.bank.groups(names):
            self._answer_together([batch[place] for place in group], [names[place] for place in group])

    def _answer_together(self, batch: list[Question], adapters: list[str]) -> None:
        limits = [q.max_tokens for q in batch]

        def on_token(row: int, token: int) -> None:
            question = batch[row]
            if question.cancelled or len(question.ids) >= limits[row]:
                return
            question.first = question.first or time.perf_counter() - question.started
            question.ids.append(token)
            self._tell(question)

        try:
            answers = generate(self.loaded, [q.asked.ids for q in batch], max(limits), on_token,
                               lambda: all(q.cancelled or len(q.ids) >= q.max_tokens for q in batch), self.bank, adapters)
            for question, answer in zip(batch, answers):
                question.ended = answer.ended and len(answer.ids) <= question.max_tokens
        except Exception as error:  # the boundary of one batch: the answerer lives on
            for question in batch:
                question.failure = f"{type(error).__name__}: {error}"
        for question in batch:
            question.seconds = time.perf_counter() - question.started
            question.tell(None)

    def _tell(self, question: Question) -> None:
        """Send what is new; a character whose bytes are not all there yet waits."""
        text = self.loaded.decode(question.ids).lstrip()
        if len(text) > len(question.shown) and not text.endswith("\N{REPLACEMENT CHARACTER}"):
            question.tell(text[len(question.shown):])
            question.shown = text


def _with_template(loaded: Loaded, system: System) -> Loaded:
    """The loaded base with the System's own chat template where it has one."""
    if not system.template or system.template == loaded.template.text:
        return loaded
    return dataclasses.replace(loaded, template=ChatTemplate(system.template, loaded.template.tokens, "system"))
