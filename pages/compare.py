"""Compare: scores with intervals, forgetting, curves, cost, answers side by side, and what people preferred."""

from lab.ui import router

router.ensure_router(router.COMPARE)

import streamlit as st

from lab.ui import comparing, panels, reads, results, scored, state

st.title("Compare")
top = st.columns([5, 3, 3])
experiment = state.choose_experiment(top[0])
if experiment is None:
    panels.empty("There is nothing to compare yet. Scores, forgetting, curves, costs and answers side by side will stand here.")
    st.stop()
tasks = {name: title for name, title in reads.task_titles().items() if name in experiment.tasks}
task = state.choose("Task", tasks or {name: name for name in experiment.tasks}, "task", where=top[1])
names = results.order(experiment, scored.outcomes(experiment.id))
reference = state.choose("Reference", {name: name for name in names}, "reference", where=top[2],
                         help="Differences are counted from this System.")
seed = state.choose_seed(experiment.seeds, "compare_seed")
panels.changed_panel(experiment, [known.task for name in experiment.tasks if (known := reads.task(name))])
chosen = comparing.chosen(experiment, task, tasks.get(task, task), reference, seed)
tabs = st.tabs(list(comparing.TABS), key="compare_view", bind="query-params", on_change="rerun")
for tab, draw in zip(tabs, comparing.TABS.values()):
    if tab.open:
        with tab:
            draw(chosen)
