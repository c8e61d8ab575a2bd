"""The answerer: one base in memory, many adapters on it, asked over the OpenAI chat-completions protocol on loopback.

Each finished run is a model name, and "base" is the bare base. Questions that arrive together are answered in one batch, every
row with its own adapter. Decoding is greedy, as in every Evaluation, so that what is seen here is what was scored.
"""

from __future__ import annotations

import dataclasses
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable

from lab import store
from lab.core import AccessError, Base, DataError, LabError, Run, System, TaskData, adapter_key, index_key
from lab.corpus.template import ChatTemplate
from lab.engine.bank import BASE, AdapterBank
from lab.engine.devices import settle
from lab.engine.generate import generate
from lab.engine.load import Loaded, load_base
from lab.jobs.outcomes import kept_name
from lab.methods.asking import Asked, Asker
from lab.methods.retrieval import Searcher

GATHER_SECONDS = 0.015  # how long the first question waits for company: below what a person notices
MOST_TOKENS = 2_048
MOST_ROWS = 16
BARE_TOKENS = 256  # longest answer of the bare base, which belongs to no task, where the request names none


@dataclass
class Question:
    """One request on its way. `tell` is called with every new piece of text and at last with None."""

    model: str
    prompt: str
    history: list[dict[str, str]]
    max_tokens: int | None
    tell: Callable[[str | None], None]
    asked: Asked | None = None
    ids: list[int] = field(default_factory=list)
    shown: str = ""
    ended: bool = False
    cancelled: bool = False
    failure: str = ""
    started: float = field(default_factory=time.perf_counter)
    first: float | None = None
    seconds: float = 0.0


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
        """The bare base and every finished (or stopped-and-kept) run on this base."""
        found = [{"id": "base", "system": "base", "task": "", "experiment": ""}]
        for run_id in reversed(store.runs.ids()):
            try:
                run = store.runs.load(run_id)
            except LabError:
                continue  # a damaged run is shown by the runs page; it cannot be asked
            if run.system.base.fingerprint == self.base.fingerprint and _answers(run_id):
                found.append({"id": run.id, "system": run.system.name, "task": run.task, "experiment": run.experiment})
        return found

    def asker(self, model: str) -> tuple[Asker, int]:
        """The System's asker and its default answer length; loaded at the first question. Raises AccessError."""
        if model not in self.askers:
            self.askers[model] = self._bare() if model == "base" else self._from_run(model)
        return self.askers[model]

    def _bare(self) -> tuple[Asker, int]:
        return Asker(System(name="base", base=self.base), self.loaded, (), None), BARE_TOKENS

    def _from_run(self, run_id: str) -> tuple[Asker, int]:
        run = _known_run(run_id)
        if run.system.base.fingerprint != self.base.fingerprint or not _answers(run_id):
            raise AccessError("This System cannot be asked here", run_id, "Ask a finished run of the base that is being served")
        data = store.tasks.load(run.task)
        searcher = None
        if run.system.retrieval:
            searcher = Searcher(run.system.retrieval, store.artifacts.find(index_key(run.system.retrieval, data.task)))
        asker = Asker(run.system, _with_template(self.loaded, run.system), data.split("train"), searcher, self._adapter(run, data))
        return asker, data.task.max_new_tokens

    def _adapter(self, run: Run, data: TaskData) -> str | None:
        """Load the run's adapter onto the shared base; Systems that share an adapter share it in memory too."""
        if not run.system.training:
            return None
        stages = len(run.system.training)
        attempt = store.runs.state(run.id).kept
        kept = [kept_name(adapter_key(run.system, data.task, n), run.id, attempt) for n in range(stages, 0, -1)] if attempt else []
        key = next((name for name in kept if store.artifacts.find(name)), None) or adapter_key(run.system, data.task, stages)
        folder = store.artifacts.find(key)
        if folder is None:
            raise AccessError("The System's adapter is missing or damaged", key, "Run it again")
        if key not in self.bank:
            self.bank.add(key, folder)
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
        except Exception as error:  # the boundary of one request: it fails alone
            question.failure = str(error) or type(error).__name__
            question.tell(None)
            return False

    def _answer(self, batch: list[Question]) -> None:
        if not batch:
            return
        adapters = [self.askers[q.model][0].adapter or BASE for q in batch]
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


def _answers(run_id: str) -> bool:
    state = store.runs.state(run_id)
    return state.name == "finished" or (state.name == "stopped" and state.kept)


def _known_run(run_id: str) -> Run:
    if run_id not in store.runs.ids():
        raise DataError("No model of this name is served here", run_id[:80], "GET /v1/models lists the names")
    return store.runs.load(run_id)
