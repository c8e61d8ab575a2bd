"""The shipped tour: an ordinary Experiment that tries every lever on three needs."""

from __future__ import annotations

import time

from lab import store
from lab.core import Experiment, Prompting, System, proposed_retrieval, proposed_stage

TASKS = ("facts", "form", "tone")
QUESTION = "Which lever moves what, and what does it break?"


def systems(base_name: str | None = None) -> tuple[System, ...]:
    """The six Systems on the smallest shipped base, with the settings that the Build page proposes for it."""
    base = store.bases.resolve("shipped", base_name or store.bases.shipped()[0])
    sft, dpo = proposed_stage("sft", base.parameters), proposed_stage("dpo", base.parameters)
    found = proposed_retrieval(base.parameters)
    return (
        System(name="base", base=base),
        System(name="3 shots", base=base, prompting=Prompting(shots=3)),
        System(name="RAG", base=base, retrieval=found),
        System(name="SFT", base=base, training=(sft,)),
        System(name="SFT → DPO", base=base, training=(sft, dpo)),
        System(name="RAG + SFT", base=base, retrieval=found, training=(sft,)),
    )


def tour() -> Experiment:
    """A new Experiment, not yet saved."""
    return Experiment(id=store.new_id("tour"), name="The tour", question=QUESTION, tasks=TASKS, systems=systems(),
                      suites=tuple(store.tasks.suite_names()), seeds=(0,), created=time.time())
