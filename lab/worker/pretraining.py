"""A run that makes a base from nothing; its checkpoints become artifacts."""

from __future__ import annotations

import os

from lab import store
from lab.worker.job import Job


def make(job: Job) -> bool:
    """Make a base from nothing; its checkpoints become artifacts. True where the user stopped it and kept the model so far."""
    from lab.engine.devices import settle
    from lab.world.pretrain import Hooks, pretrain
    device, wanted = settle(job.slot), job.run.pretraining
    root = store.runs.checkpoints(job.run.id, "pretrain")
    hooks = Hooks(metric=lambda step, total, values: job.emit("metric", "pretrain", step=step, total=total, values=values),
                  progress=lambda done, total: job.emit("progress", "evaluate", step=done, total=total, values={"suite": "probes"}),
                  should_stop=job.should_stop, keep_stopped=lambda: bool((store.runs.asked_to_stop(job.run.id) or {}).get("keep")),
                  keep=lambda facts, write: _keep(job, facts, write), states=root, finish_state=store.files.write_manifest,
                  resume_from=store.runs.complete_checkpoint(root),
                  state_seconds=float(os.environ.get("LAB_CHECKPOINT_SECONDS", "60")))
    job.note("pretrain", f"Pretraining {wanted.title}" + (f", resuming at {hooks.resume_from.name}" if hooks.resume_from else ""))
    facts = pretrain(wanted.preset, hooks, objective=wanted.objective, seed=wanted.seed, steps=wanted.steps,
                     checkpoints=wanted.checkpoints, device=device)
    return facts["stopped"]


def _keep(job: Job, facts: dict, write) -> None:
    """A checkpoint becomes a Base. A resumed run may come by one that is there already: it is the same."""
    step, wanted = facts["steps"], job.run.pretraining
    key = store.bases.made_key(job.run.id, step)
    if store.artifacts.find(key):
        return
    about = {"kind": "base", "run": job.run.id, "pretraining": wanted.model_dump(mode="json"), "step": step, "total": facts["total"],
             "objective": wanted.objective, "parameters": facts["parameters"], "title": f"{wanted.title}, step {step}",
             "probes": facts["probes"], "not_measured": facts["not_measured"], "final": step == facts["total"]}
    with store.artifacts.making(key, about) as folder:
        write(folder)
    job.note("pretrain", f"Step {step} was kept as a base")
