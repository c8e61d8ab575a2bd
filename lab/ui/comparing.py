"""The tabs of the page Compare: each draws one view of what was chosen at the top."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from lab.compare import drops, with_and_without
from lab.core import Experiment, Measured, Outcome, System, TaskData
from lab.ui import panels, reads, results, scored, state, text


class Chosen(NamedTuple):
    """What the tabs show. `seed` None: all of them together; `shown_seed`: of what can only be shown run by run."""

    experiment: Experiment
    task: str
    title: str
    reference: str
    seed: int | None
    shown_seed: int
    outcomes: list[Outcome]
    names: list[str]
    evaluations: dict[str, Measured]
    views: dict[str, Any]
    data: TaskData | None
    metric: str


def chosen(experiment: Experiment, task: str, title: str, reference: str, seed: int | None) -> Chosen:
    """Read everything that the tabs share."""
    outcomes, data = scored.outcomes(experiment.id), reads.task(task)
    names = results.order(experiment, outcomes)
    shown_seed = experiment.seeds[0] if seed is None else seed
    views = {view.run.system.name: view for view in reads.views(experiment.id) if view.run.task == task and view.run.seed == shown_seed}
    return Chosen(experiment, task, title, reference, seed, shown_seed, outcomes, names, results.of_task(outcomes, task, shown_seed, names), views,
                  data, experiment.primary.get(task) or (known[0].scorers[0].kind if (known := reads.known(task)) else ""))


def scoreboard(of: Chosen) -> None:
    """Scores, everything else in one table, differences, what was given away."""
    panels.matrix_panel(scored.board(of.experiment.id, of.seed), key="compare_matrix")
    prompted = {name: one for name, one in of.evaluations.items() if name in of.views and _prompted(of.views[name].run.system)}
    panels.cut_panel(scored.cut(prompted))
    panels.missing_panel(of.outcomes, of.seed)
    st.header("Against the reference")
    found = scored.differences(of.experiment.id, of.reference, of.task, of.seed)
    panels.deciding_panel(of.metric, of.task in of.experiment.primary, len(found))
    panels.difference_panel({name: found[name] for name in of.names if name in found}, of.reference, key="compare_differences")
    st.header("Everything in one table")
    watts = panels.watts_input("compare_watts")
    panels.overview_panel(scored.overview(of.experiment.id, of.task, of.seed, watts), of.title,
                          scored.metric_names(of.outcomes, of.task, of.metric), reads.suite_titles(), key="compare_overview")
    panels.numbers(scored.metrics(of.experiment.id), "metrics", "compare_metrics", "Every metric of every System, task and seed")
    st.header("Test questions that were given away")
    if of.data is None:
        panels.no_task(of.task)
        return
    mine = [outcome for outcome in of.outcomes if of.seed in (None, outcome.seed)]
    panels.contamination_panel(with_and_without(mine, of.task, of.names, panels.flagged(of.task), of.metric), of.metric,
                               of.data.task.counts.get("test", 0), key="compare_contamination")


def _prompted(system: System) -> bool:
    """Whether it puts more into the prompt than the question: only then can something not fit."""
    return bool(system.prompting or system.retrieval)


def forgetting(of: Chosen) -> None:
    """The plane, the heat map, the items."""
    st.header("Learned against kept")
    panels.paths_panel(scored.paths(of.experiment.id, of.task, of.seed), of.names, key="compare_paths",
                       drops=scored.forgetting(of.experiment.id, of.task))
    if left_out := scored.without_checkpoints(of.experiment.id, of.task):
        st.caption(f"No checkpoints of {', '.join(map(text.label, left_out))}: an equal stage had been trained before and kept none, or it has too few steps. "
                   "Nothing is trained twice; another seed trains it anew.")
    st.header("Suite by suite")
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        margin = panels.margin_input("compare_margin")
    pooled = len(of.experiment.tasks) < 2 or right.toggle("Pool all tasks", value=True, key="compare_pooled", bind="query-params",
                                                          help="Off: only the Systems that learned from the chosen task.")
    panels.forgetting_panel(scored.forgetting(of.experiment.id, None if pooled else of.task), key="compare_forgetting", margin=margin)
    st.header("Item by item")
    seed = f", seed {of.shown_seed}" if len(of.experiment.seeds) > 1 else ""
    st.caption(f"Of the Systems of the task {text.label(of.title)}{seed}.")
    if suite := state.choose("Suite", {name: title for name, title in reads.suite_titles().items() if name in of.experiment.suites}, "suite"):
        found = results.of_task(of.outcomes, of.task, of.shown_seed, of.names, suite)
        bare = next((outcome.system for outcome in of.outcomes if outcome.run.system.is_bare), "")
        panels.items_panel(found.pop(bare, None), found, reads.suite(suite), key="compare_lost")


def curves(of: Chosen) -> None:
    """Curves of the ticked runs."""
    runs = {view.run.id: view.run for view in reads.views(of.experiment.id) if view.run.task == of.task and of.seed in (None, view.run.seed)}
    of_system = {name: [run for run in runs.values() if run.system.name == name and run.system.training] for name in of.names}
    ticked = state.choose_systems("Runs", [name for name, found in of_system.items() if found], "compare_runs")
    labels = {name if len(of_system[name]) == 1 else f"{name}, seed {run.seed}": run for name in ticked for run in of_system[name]}
    panels.overlay_panel(labels, {label: run.system.name for label, run in labels.items()})


def costs(of: Chosen) -> None:
    """What answers cost, and what looks unhealthy."""
    panels.cost_panel(of.evaluations, of.views)
    panels.pairs_panel(of.views)
    st.header("Health")
    read = scored.with_answers(of.evaluations)
    asked = {name: both for name, view in of.views.items() if (both := scored.prompts(view.run, read.get(name)))}
    panels.health_panel({name: view.run for name, view in of.views.items()}, read, read.get(of.names[0]),
                        drops(of.outcomes, of.task), asked)


def answers(of: Chosen) -> None:
    """Answers side by side."""
    if of.data is None:
        panels.no_task(of.task)
        return
    picked = state.choose_systems("Systems", list(of.evaluations), "compare_systems", default=list(of.evaluations)[:6])
    on_the_way = {o.system: o.evaluations[of.task] for o in scored.checkpoints(of.experiment.id, of.task) if o.seed == of.shown_seed}
    if on_the_way:
        picked += state.choose_systems("Checkpoints", list(on_the_way), "compare_checkpoints", default=(), pick="multiselect")
    if of.seed is None and len(of.experiment.seeds) > 1:
        st.caption(f"Answers of seed {of.shown_seed}; choose another seed above.")
    shown = {name: one for name, one in {**of.evaluations, **on_the_way}.items() if name in (of.reference, *picked)}
    panels.outputs_panel(scored.with_answers(shown), of.data.test_suite(), of.reference, picked, {d.id: d.name for d in of.data.documents})


def votes(of: Chosen) -> None:
    """What people preferred. Only those who look at votes load the database's library."""
    from lab.ui.panels.votes import votes_tab
    votes_tab(of.experiment, of.task)


TABS = {"Scoreboard": scoreboard, "Forgetting": forgetting, "Curves": curves, "Cost and health": costs, "Outputs": answers, "Votes": votes}
