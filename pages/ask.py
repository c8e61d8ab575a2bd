"""Ask: one question to several Systems at once, answers streamed side by side."""

from lab.ui import router

router.ensure_router(router.ASK)

import streamlit as st

from lab.ui import asking, panels, reads, state

st.title("Ask")
experiment = state.choose_experiment()
if experiment is None:
    panels.empty("There is no System to ask yet. As soon as one is finished, it answers here next to the others.")
    st.stop()

left, right = st.columns([2, 3])
with left:
    tasks = {name: title for name, title in reads.task_titles().items() if name in experiment.tasks}
    task = state.choose("Task they learned from", tasks or {name: name for name in experiment.tasks}, "task")
if reads.task(task) is None:
    panels.no_task(task)
    st.stop()
ready = asking.ready_systems(experiment, task)
with right:
    names = state.choose_systems("Systems", list(ready), "ask_systems", default=list(ready)[:4])
if not ready:
    st.info("No System of this task has finished yet.", icon=":material/info:")
    st.page_link(router.RUNS, label="See how far they are", icon=":material/play_circle:", query_params={"experiment": experiment.id})
    st.stop()

asking.propose_question(task)
question = st.text_area("Question", height=90, max_chars=8_000, key="ask_question", persist_state="session")
pressed = st.button("Ask", type="primary", icon=":material/send:", disabled=not names, key="ask_go")
if pressed and question.strip():
    asking.begin(experiment, task, question.strip(), {name: ready[name] for name in names})
current = asking.current(experiment, task)
if current:
    state.live(lambda: asking.replies_panel(current), lambda: current.active, every=0.3)
