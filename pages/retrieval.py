"""Retrieval: try how documents are cut and found, before a System is built on it."""

from lab.ui import router

router.ensure_router(router.RETRIEVAL)

import streamlit as st

from lab.ui import measuring, rankings, text, workbench

st.title("Retrieval")
st.caption("Try how documents are cut and found, before a System is built on it. An index that is built here is the one that runs use.")
data = workbench.task_with_documents()
if data is None:
    st.info("No task has documents yet. Bring some on the Data page.", icon=":material/info:")
    st.page_link(router.DATA, label="Bring your own files", icon=":material/table_view:", query_params={"data_mode": "Bring your own files"})
    st.stop()
known = sum(bool(row.documents) for row in data.examples)
st.caption(f"{text.count(len(data.documents), 'document')}; {known:,} of {text.count(len(data.examples), 'question')} say which document holds the answer")

chosen = workbench.settings_row(data)
ready = workbench.indexes_panel(chosen, data.task)
if not ready:
    st.stop()
view = st.segmented_control("View", ["Ask", "Measure"], default="Ask", key="retrieval_view", bind="query-params", required=True,
                            label_visibility="collapsed")
(measuring.measure_panel if view == "Measure" else rankings.ask_panel)(ready, data)
