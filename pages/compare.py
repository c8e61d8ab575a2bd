"""Compare: scores with intervals, forgetting, curves, cost, and answers side by side."""

from lab.ui import router

router.ensure_router(router.COMPARE)

import streamlit as st

from lab.compare import drops, with_and_without
from lab.ui import panels, reads, results, scored, state

st.title("Compare")
top = st.columns(3)
experiment = state.choose_experiment(top[0])
if experiment is None:
    panels.empty("There is nothing to compare yet. Scores, forgetting, curves, costs and answers side by side will stand here.")
    st.stop()
tasks = {name: title for name, title in reads.task_names().items() if name in experiment.tasks}
task = state.choose("Task", tasks or {name: name for name in experiment.tasks}, "task", where=top[1])
outcomes = scored.outcomes(experiment.id)
names = results.order(experiment, outcomes)
reference = state.choose("Reference", {name: name for name in names}, "reference", where=top[2],
                         help="Differences are counted from this System.")
seed = state.choose_seed(experiment.seeds, "compare_seed")
shown_seed = experiment.seeds[0] if seed is None else seed  # of what can only be shown run by run
evaluations = results.of_task(outcomes, task, shown_seed, names)
views = {view.run.system.name: view for view in reads.views(experiment.id) if view.run.task == task and view.run.seed == shown_seed}
data = reads.task(task)
metric = experiment.primary.get(task) or (data.task.scorers[0].kind if data else "")
panels.changed_panel(experiment, [known.task for name in experiment.tasks if (known := reads.task(name))])


def scoreboard() -> None:
    """Scores, everything else in one table, differences, what was given away."""
    panels.matrix_panel(scored.board(experiment.id, seed), key="compare_matrix")
    panels.missing_panel(outcomes, seed)
    st.header("Against the reference")
    found = scored.differences(experiment.id, reference, task, seed)
    panels.deciding_panel(metric, task in experiment.primary, len(found))
    panels.difference_panel({name: found[name] for name in names if name in found}, reference, key="compare_differences")
    st.header("Everything in one table")
    watts = panels.watts_input("compare_watts")
    panels.overview_panel(scored.overview(experiment.id, task, seed, watts), tasks.get(task, task), scored.metric_names(outcomes, task, metric),
                          reads.suite_titles(), key="compare_overview")
    panels.numbers(scored.metrics(experiment.id), "metrics", "compare_metrics", "Every metric of every System, task and seed")
    st.header("Test questions that were given away")
    mine = [outcome for outcome in outcomes if seed in (None, outcome.seed)]
    panels.contamination_panel(with_and_without(mine, task, names, panels.flagged(task), metric), metric, data.task.counts.get("test", 0) if data else 0,
                               key="compare_contamination")


def forgetting() -> None:
    """The plane, the heat map, the items."""
    st.header("Learned against kept")
    panels.paths_panel(scored.paths(experiment.id, task, seed), names, key="compare_paths")
    st.header("Suite by suite")
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        margin = panels.margin_input("compare_margin")
    pooled = right.toggle("Pool all tasks", value=True, key="compare_pooled", bind="query-params",
                          help="Off: only the Systems that learned from the chosen task.")
    panels.forgetting_panel(scored.forgetting(experiment.id, None if pooled else task), key="compare_forgetting", margin=margin)
    st.header("Item by item")
    if suite := state.choose("Suite", {name: title for name, title in reads.suite_titles().items() if name in experiment.suites}, "suite"):
        found = results.of_task(outcomes, task, shown_seed, names, suite)
        bare = next((outcome.system for outcome in outcomes if outcome.run.system.is_bare), "")
        panels.items_panel(found.pop(bare, None), found, reads.suite(suite), key="compare_lost")


def training() -> None:
    """Curves of the ticked runs."""
    runs = {view.run.id: view.run for view in reads.views(experiment.id) if view.run.task == task and seed in (None, view.run.seed)}
    of_system = {name: [run for run in runs.values() if run.system.name == name and run.system.training] for name in names}
    ticked = state.choose_systems("Runs", [name for name, found in of_system.items() if found], "compare_runs")
    labels = {name if len(of_system[name]) == 1 else f"{name}, seed {run.seed}": run for name in ticked for run in of_system[name]}
    panels.overlay_panel(labels, {label: run.system.name for label, run in labels.items()})


def costs() -> None:
    """What answers cost, and what looks unhealthy."""
    panels.cost_panel(evaluations, views)
    st.header("Health")
    asked = {name: both for name, view in views.items() if (both := scored.prompts(view.run, evaluations.get(name)))}
    panels.health_panel({name: view.run for name, view in views.items()}, evaluations, evaluations.get(names[0]), drops(outcomes, task), asked)


def answers() -> None:
    """Answers side by side."""
    chosen = state.choose_systems("Systems", list(evaluations), "compare_systems", default=list(evaluations)[:6])
    if seed is None and len(experiment.seeds) > 1:
        st.caption(f"Answers of seed {shown_seed}; choose another seed above.")
    if data:
        panels.outputs_panel(evaluations, data.test_suite(), reference, chosen, {d.id: d.name for d in data.documents})


scores, forgotten, curves, cost, outputs, voted = st.tabs(["Scoreboard", "Forgetting", "Curves", "Cost and health", "Outputs", "Votes"],
                                                   key="compare_view", bind="query-params", on_change="rerun")
for tab, draw in ((scores, scoreboard), (forgotten, forgetting), (curves, training), (cost, costs), (outputs, answers)):
    if tab.open:
        with tab:
            draw()
if voted.open:
    from lab.ui.panels.votes import votes_tab  # here, so that only those who look at votes load SQLAlchemy
    with voted:
        votes_tab(experiment, task)
