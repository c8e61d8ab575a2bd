"""Data: look at the tasks at hand, or make one from your own files."""

from lab.ui import router

router.ensure_router(router.DATA)

import streamlit as st

from lab.ui import bases, findings, intake, large, mapping, own_task, panels, reads, saving, shares, state, uploads

st.title("Data")
mode = st.segmented_control("What to do", ["Tasks at hand", "Bring your own files", "Keep a text to rehearse"],
                            default="Tasks at hand", key="data_mode", bind="query-params",
                            required=True, label_visibility="collapsed")


def tasks_at_hand() -> None:
    """One task: its card, its rows, and the rows as a model sees them."""
    names = reads.task_names()
    if not names:
        st.info("No task is here yet. Bring your own files.", icon=":material/info:")
        return
    name = state.choose("Task", names, "task")
    data = reads.task(name)
    if data is None:
        panels.no_task(name)
        own_task.delete_button(name)
        return
    panels.task_card(data)
    own_task.change_panel(data.task)
    st.header("As the model will see it")
    base = bases.choose_base("data", "Through the template of")
    if base:
        panels.model_view(data.split("train") or data.examples, base, f"data_view_{name}")
    st.header("Rows")
    panels.rows_table(data)
    panels.pairs_table(data)


def own_files() -> None:
    """Files, mapping, preview, findings, save."""
    st.caption("Files are read on this machine and never leave it. A table of examples is needed; documents and preferences are optional.")
    uploaders = st.container()
    if large.large_panel():
        return
    with uploaders:
        found = intake.choose_files()
    saving.saved_panel(any(found))
    if found.examples is None:
        intake.missing_told(found)
        return
    st.header("Which column is what")
    decided = mapping.mapping_form(found.examples, "examples")
    shares.shares_form(found.examples)
    pairs = None
    if found.preferences is not None:
        st.subheader("Preference pairs")
        pairs = mapping.mapping_form(found.preferences, "preferences")
    if decided is None or (found.preferences is not None and pairs is None):
        st.info("Choose the columns that are still open.", icon=":material/info:")
        return
    assembled = intake.assemble(found, decided, pairs)
    if assembled is None:
        return
    data, left_out, unreadable = assembled
    intake.problems(left_out)
    st.header("As the model will see it")
    base = bases.choose_base("data", "Through the template of")
    if base:
        panels.model_view(data.split("train") or data.examples, base, "data_own_view")
    st.header("Split and check")
    mark = uploads.mark(found.examples, found.preferences)
    data, allowed = findings.findings_panel(data, base, unreadable, saving.needs(data, mark), mark)
    shares.limit_told(found.examples)
    panels.split_counts(data)
    st.header("Save")
    saving.save_form(data, allowed, mark, base)


def text_to_rehearse() -> None:
    """General text for replay and EWC."""
    st.caption("Fine-tuning forgets less where text of the kind the base knows is mixed in. Keep such a text here; in Build, the Expert settings of "
               "SFT offer it under replay. The shipped base has its own.")
    intake.text_form()


{"Tasks at hand": tasks_at_hand, "Bring your own files": own_files}.get(mode, text_to_rehearse)()
