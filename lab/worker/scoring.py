"""Scores of a run: its task's test split, then its retention suites; after that, where wanted, the same of its checkpoints."""

from __future__ import annotations

from typing import Callable, Sequence

from lab import store
from lab.core import Place, Run, Suite, TaskData, adapter_key
from lab.jobs.outcomes import checkpoint_key, checkpoint_name, evaluation_key, places, suites_of
from lab.worker.job import Job, Throttle
from lab.worker.training import Weights


def score(job: Job, asker, bank) -> None:
    """What the run made, on every suite."""
    kept = job.attempt if job.kept else 0
    _score(job, suites_of(job.run), asker, bank, lambda suite: evaluation_key(job.run, suite, kept), "", job.stop.is_set if not kept else lambda: False)


def score_checkpoints(job: Job, data: TaskData, asker, weights: Weights) -> None:
    """The states on the way through the run's training, on the same suites. A state that another run shares is scored once."""
    suites = suites_of(job.run)
    for place in places(job.run, data.task):
        keys = {suite.name: checkpoint_key(job.run, suite, place, data.task) for suite in suites}
        with store.artifacts.only_maker(f"scores-{keys[job.run.task]}"):
            if all(store.evaluations.stamp(keys[suite.name], suite.fingerprint) for suite in suites):
                continue
            stages = job.run.system.training[:place.stage]
            asker.adapter = weights.stand(stages, [_artifact(job.run, data, place, number) for number in range(1, place.stage + 1)])
            _score(job, suites, asker, weights.bank, lambda suite: keys[suite.name], place.title, job.should_stop)


def _artifact(run: Run, data: TaskData, place: Place, stage: int) -> str:
    """The artifact of a stage at a place: earlier stages are whole."""
    key = adapter_key(run.system, data.task, stage)
    return key if stage < place.stage or place.step == place.steps else checkpoint_name(key, place.step)


def _score(job: Job, suites: Sequence[Suite], asker, bank, key_of: Callable[[Suite], str], where: str, stop: Callable[[], bool]) -> None:
    from lab.evals.evaluate import evaluate
    for suite in suites:
        key = key_of(suite)
        if store.evaluations.stamp(key, suite.fingerprint):
            job.note("evaluate", f"{suite.title}: scored before")
            continue
        report = Throttle(lambda done, total, suite=suite: job.emit("progress", "evaluate", step=done, total=total,
                                                                    values={"suite": suite.name, **({"place": where} if where else {})}))
        store.evaluations.save(evaluate(asker, suite, key, job.run.id, report, stop, bank))
