"""Made-up outcomes of an evidence grid: a System of a family, its seeds, and shares right on each suite."""

import random

from lab.core import Base, Dpo, Evaluation, Outcome, Run, Score, Scorer, Sft, System

BASE = Base(kind="shipped", ref="toy", fingerprint="f00d")
FAMILIES = {"base": (), "prompt": None, "LoRA": (Sft(),), "full": (Sft(tuning="full"),), "DPO": (Dpo(),)}


def evaluation(suite, values, metric="exact_match", role="retention", kl=None, entities=None, extra=None):
    scores = tuple(Score(item=f"{suite}{n}", entity=entities[n] if entities else f"{suite}{n}", kl=kl,
                         values={metric: value} | ({extra[0]: extra[1][n]} if extra else {})) for n, value in enumerate(values))
    scorers = (Scorer(kind=metric), *([Scorer(kind=extra[0])] if extra else []))
    return Evaluation(system_key="k", suite=suite, suite_fingerprint=suite, role=role, scorers=scorers, decoding="greedy", scores=scores)


def outcome(system, task="form", seed=0, own=(), rate=1e-3, family="LoRA", status="finished", metric="exact_match", kl=None, extra=None,
            entities=None, **suites):
    """`own` and each suite: the values item by item; `suites` may hold (values, kl)."""
    training = tuple(stage.model_copy(update={"learning_rate": rate, "seed": seed}) for stage in FAMILIES[family] or ())
    from lab.core import Prompting
    made = System(name=system, base=BASE, training=training, prompting=Prompting(shots=3) if family == "prompt" else None)
    run = Run(id=f"{system}-{seed}", experiment="e", system=made, task=task, suites=tuple(suites), seed=seed, created=0)
    found = {task: evaluation(task, own, metric, "task", kl, entities, extra)} if len(own) else {}
    for name, values in suites.items():
        numbers, its_kl = values if isinstance(values, tuple) else (values, None)
        found[name] = evaluation(name, numbers, "text_loss" if name == "text_loss" else "exact_match", kl=its_kl)
    return Outcome(system=system, task=task, seed=seed, run=run, status=status, reason="Memory ran out." if status == "failed" else "", evaluations=found)


def right(share, n=100, shift=0):
    """0/1 values with exactly that share of ones, spread over the items in an order of its own."""
    values = [1.0] * round(share * n) + [0.0] * (n - round(share * n))
    random.Random(f"{share}{shift}").shuffle(values)
    return values
