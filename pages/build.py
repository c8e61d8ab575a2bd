"""Build: base, tasks, Systems, seeds; what will be run; launch."""

from lab.ui import router

router.ensure_router(router.BUILD)

import streamlit as st

from lab import jobs
from lab.core import LabError, failure_of
from lab.ui import bases, model_card, panels, planning, reads, state, systems

st.title("Build an experiment")
st.caption("One base, one or more tasks, and the Systems to compare on them. Nothing is queued before you press Launch.")

st.header("1. Base")
base = bases.choose_base("build", endpoints=True)
if base is None:
    st.stop()
model_card.model_card(base)

st.header("2. Tasks")
names = reads.task_names()
tasks = st.multiselect("Tasks", list(names), default=list(names)[:1], format_func=names.get, key="build_tasks", persist_state="session",
                       help="Each System is made and scored once per task. Your own tasks come from the Data page.")
suites = planning.choose_suites(base)

primary = planning.primary_of(tasks)

st.header("3. Systems")
expert = st.segmented_control("Settings", ["Simple", "Expert"], default="Simple", key="build_mode", bind="query-params", required=True,
                              help="Simple shows the settings that matter most; Expert shows all of them.") == "Expert"
chosen = systems.system_rows(base, expert, tasks)
seeds = st.segmented_control("Seeds", [1, 2, 3, 5], default=1, required=True, key="build_seeds", persist_state="session",
                             help="How often everything is repeated with other random choices. "
                             "More seeds show how much of a difference is luck.")
on_the_way = planning.choose_checkpoints(base, chosen or [])

st.header("4. What will be run")
about = frozenset(tasks)  # a name and a question are about these tasks: others begin without them
name = st.text_input("Name of the experiment", max_chars=80, **state.belong("build_name", about, "My experiment"))
question = st.text_input("Question it answers", max_chars=300, **state.belong("build_question", about, ""),
                         placeholder="Which lever makes our support answers right?")
experiment = planning.draft(name, question or "", tasks, chosen, suites, list(range(seeds)), primary, on_the_way) if chosen is not None else None
allowed = planning.plan_panel(experiment) if experiment else False

if st.button("Launch", type="primary", icon=":material/rocket_launch:", key="build_launch", disabled=not allowed):
    try:
        jobs.launch(experiment)
    except (LabError, OSError) as error:
        panels.problem("It could not be launched", failure_of(error, "Build"))
    else:
        st.switch_page(router.RUNS, query_params={"experiment": experiment.id})
