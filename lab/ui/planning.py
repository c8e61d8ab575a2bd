"""What a launch would do, before it does it: the runs, the parts they share, what is there already, and what is refused."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from lab import jobs, store
from lab.core import TINY_PARAMETERS, Base, Experiment, LabError, Run, Stage, System, adapter_key, failure_of, index_key
from lab.ui import panels, reads, text

_TICKED = "_build_suites_ticked"  # the reader chose suites: another base no longer changes them


def primary_of(tasks: list[str]) -> dict[str, str]:
    """Task -> the metric that decides on it, declared before anything runs; asked only where a task has several."""
    found = {}
    for name in tasks:
        data = reads.task(name)
        kinds = [scorer.kind for scorer in data.task.scorers] if data else []
        if len(kinds) > 1:
            found[name] = st.selectbox(f"What decides on {text.label(data.task.name)}", kinds, format_func=text.metric, key=f"build_primary_{name}",
                                       persist_state="session", help="Declared now, before anything runs: the board's verdicts rest on this metric alone; "
                                       "the others are shown beside it.")
        elif kinds:
            found[name] = kinds[0]
    return found


def choose_suites(base: Base) -> list[str]:
    """The retention suites to ask of every System. Until the reader ticks some, those in which this base can have something to forget."""
    titles = reads.suite_titles()
    if not st.session_state.get(_TICKED):
        st.session_state["build_suites"] = fitting_suites(base, list(titles))
    return st.pills("Abilities to watch (retention suites)", list(titles), selection_mode="multi", key="build_suites", persist_state="session",
                    format_func=lambda name: text.label(titles[name]), on_change=lambda: st.session_state.update({_TICKED: True}),
                    help="Asked of every System, so that you see what it forgot. The shipped suites ask about the world that the shipped base was "
                    "trained on. Another base knows nothing of it and can forget nothing of it: for such a base only held-out text is ticked, and "
                    "nothing for an endpoint, which gives no probabilities of a text.")


def fitting_suites(base: Base, names: list[str]) -> list[str]:
    """All suites for bases of the shipped world; for others what ships is left out but for held-out text, which needs the weights."""
    if base.kind in ("shipped", "made"):
        return names
    return [name for name in names if not (store.SHIPPED / "suites" / name).is_dir() or name == "text_loss" and base.kind != "endpoint"]


def choose_checkpoints(base: Base, chosen: list[System]) -> bool:
    """Whether the states on the way through training are scored too. Proposed where that takes seconds; not asked where nothing is trained."""
    if not any(system.training for system in chosen):
        return False
    about = Experiment.model_fields["checkpoints"].description
    return st.toggle("Score checkpoints on the way", value=base.parameters < TINY_PARAMETERS, key=f"build_checkpoints_{base.fingerprint}",
                     persist_state="session", help=f"{about} Each is asked every test question and suite: about four times the answering of a "
                     "trained System.")


def draft(name: str, question: str, tasks: list[str], systems: list[System], suites: list[str], seeds: list[int],
          primary: dict[str, str] | None = None, checkpoints: bool = False) -> Experiment | None:
    """An Experiment, not yet saved; None where something is still missing (the page says what)."""
    missing = [words for words, value in (("a task", tasks), ("a System", systems), ("a seed", seeds)) if not value]
    if missing:
        st.info(f"Choose {', '.join(missing)} to go on.", icon=":material/info:")
        return None
    try:
        return Experiment(id=store.new_id("exp"), name=name.strip() or "Unnamed experiment", question=question.strip(), tasks=tuple(tasks),
                          systems=tuple(systems), suites=tuple(suites), seeds=tuple(seeds), primary=primary or {},
                          checkpoints=checkpoints, created=time.time())
    except ValidationError as error:
        panels.problem("This cannot be launched", failure_of(error, "Build"))
        return None


def plan_panel(experiment: Experiment) -> bool:
    """Draw what will be run; whether it may be launched."""
    try:
        runs = jobs.plan(experiment)
    except LabError as error:
        panels.problem("This cannot be launched", error.failure)
        return False
    refusals = jobs.check(experiment)
    for failure in refusals:
        panels.problem("Refused", failure)
    for failure in [] if refusals else jobs.tight(experiment):
        panels.problem("Memory may run out", failure, "memory_alt", "orange")
    frame = plan_frame(runs)
    ready = int((frame["There already"] == "all of it").sum())
    st.caption(f"{text.count(len(runs), 'run')}" + (f", {ready} of them answered already and reused" if ready else "")
               + ". A part that several runs share is made once.")
    panels.table(frame)
    return not refusals


def plan_frame(runs: list[Run]) -> pd.DataFrame:
    names, seen, rows = reads.task_names(), {}, []
    for run in runs:
        parts = parts_of(run)
        makes = [words for words, key in parts if not store.artifacts.about(key) and seen.setdefault(key, run.id) == run.id]
        shared = [words for words, key in parts if not store.artifacts.about(key) and seen[key] != run.id]
        there = [words for words, key in parts if store.artifacts.about(key)]
        scored = store.evaluations.stamp(run.system_key, reads.task(run.task).test_suite().fingerprint) is not None
        rows.append({"System": run.system.name, "Task": names.get(run.task, run.task), "Seed": run.seed, "Makes": "; ".join(makes) or "–",
                     "Shares": "; ".join(shared) or "–", "There already": "all of it" if scored else "; ".join(there) or "–"})
    return pd.DataFrame(rows)


def parts_of(run: Run) -> list[tuple[str, str]]:
    """(words, artifact key) of everything the run's System needs made."""
    task = reads.task(run.task).task
    parts = [("search index", index_key(run.system.retrieval, task))] if run.system.retrieval else []
    return parts + [(stage_words(stage), adapter_key(run.system, task, place))
                    for place, stage in enumerate(run.system.training, start=1)]


def stage_words(stage: Stage) -> str:
    """'SFT adapter, 8 epochs at 2e-3': what makes two trained Systems comparable or not."""
    mantissa, power = f"{stage.learning_rate:.2e}".split("e")
    rate = f"{float(mantissa):g}e{int(power)}"
    epochs = f"{stage.epochs:g} epoch{'' if stage.epochs == 1 else 's'}"
    return f"{stage.kind.upper()} {'weights' if stage.full else 'adapter'}, {epochs} at {rate}"
