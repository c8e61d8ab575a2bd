"""The shipped tour: an ordinary Experiment that tries every lever on three needs."""

from __future__ import annotations

import time

from lab import store
from lab.core import Dpo, Experiment, Prompting, Retrieval, Sft, System

TASKS = ("facts", "form", "tone")
QUESTION = "Which lever moves what, and what does it break?"


def systems(base_name: str | None = None) -> tuple[System, ...]:
    """The six Systems on the smallest shipped base. Learning rates are the tiny base's (see core/settings.py)."""
    base = store.bases.resolve("shipped", base_name or store.bases.shipped()[0])
    sft = Sft(learning_rate=2e-3, epochs=4, batch_size=16, max_length=384)
    dpo = Dpo(learning_rate=2e-4, epochs=1, batch_size=16, max_length=384)
    top_one = Retrieval(top_k=1)  # the smallest base reads one passage well and mixes up two
    return (
        System(name="base", base=base),
        System(name="3 shots", base=base, prompting=Prompting(shots=3)),
        System(name="RAG", base=base, retrieval=top_one),
        System(name="SFT", base=base, training=(sft,)),
        System(name="SFT → DPO", base=base, training=(sft, dpo)),
        System(name="RAG + SFT", base=base, retrieval=top_one, training=(sft,)),
    )


def tour() -> Experiment:
    """A new Experiment, not yet saved."""
    return Experiment(id=store.new_id("tour"), name="The tour", question=QUESTION, tasks=TASKS, systems=systems(),
                      suites=tuple(store.tasks.suite_names()), seeds=(0,), created=time.time())
