"""Compare: scores with intervals, forgetting, curves, cost, and answers side by side."""

from lab.ui import router

router.ensure_router(router.COMPARE)

import streamlit as st

from lab.compare import differences, drops
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
evaluations = results.of_task(outcomes, task, seed, names)
views = {view.run.system.name: view for view in reads.views(experiment.id) if view.run.task == task and view.run.seed == seed}

scores, forgotten, curves, cost, outputs = st.tabs(["Scoreboard", "Forgetting", "Curves", "Cost and health", "Outputs"],
                                                   key="compare_view", bind="query-params", on_change="rerun")
if scores.open:
    with scores:
        panels.matrix_panel(scored.board(experiment.id, seed), key="compare_matrix")
        panels.numbers(scored.metrics(experiment.id), "metrics", "compare_metrics", "Every metric of every System and task")
        st.header("Against the reference")
        found = differences(outcomes, reference, task, seed)
        panels.difference_panel({name: found[name] for name in names if name in found}, reference, key="compare_differences")
if forgotten.open:
    with forgotten:
        pooled = st.toggle("Pool all tasks", value=True, key="compare_pooled", bind="query-params",
                           help="Off: only the Systems that learned from the chosen task.")
        panels.forgetting_panel(scored.forgetting(experiment.id, None if pooled else task), key="compare_forgetting")
if curves.open:
    with curves:
        trained = [name for name, view in views.items() if view.run.system.training]
        ticked = state.choose_systems("Runs", trained, "compare_runs")
        panels.overlay_panel({name: views[name].run for name in ticked}, {name: name for name in names})
if cost.open:
    with cost:
        panels.cost_panel(evaluations, views)
        st.header("Health")
        panels.health_panel({name: view.run for name, view in views.items()}, evaluations, evaluations.get(names[0]),
                           drops(outcomes, task))
if outputs.open:
    with outputs:
        data = reads.task(task)
        shown = state.choose_systems("Systems", list(evaluations), "compare_systems", default=list(evaluations)[:6])
        if data:
            panels.outputs_panel(evaluations, data.test_suite(), reference, shown, {d.id: d.name for d in data.documents})
