"""Export a finished run's System: choose a form, watch it being written, see whether it answers elsewhere as it does here, take it away."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab.compare import export_health, export_line
from lab.core import Failure, LabError, Run, failure_of
from lab.jobs import export_forms, exports
from lab.jobs.export_forms import Form
from lab.jobs.exports import Export
from lab.ui import hub, panels, reads, state, text

FORMS = {"adapter": ("Adapter", "In PEFT's format, small: to be put on the same base."),
         "merged": ("Merged weights", "One model with the adapter added, as large as its base: loads like any other."),
         "messages": ("Messages and settings", "Nothing was trained: what another program needs to send the same messages to the base.")}
WHOLE = ("Weights", "All weights as they were trained, as large as the base: loads like any other model.")
PARTS = {"reading": "reading the System", "weights": "writing its files", "checking": "asking it outside the lab"}


def panel(run_id: str) -> None:
    """What a run's System can leave the lab as. Closed until asked for."""
    view = _view(run_id)
    if view is None or view.run.system is None:
        return
    with st.expander("Export", icon=":material/output:"):
        state.live(lambda: _forms(_view(run_id) or view), lambda: _moving(run_id), every=1.0)


def _view(run_id: str) -> Any:
    return next((view for view in reads.views() if view.run.id == run_id), None)


def _moving(run_id: str) -> bool:
    """Whether there will be something else to show: the run goes on, or one of its exports is being written."""
    view = _view(run_id)
    return bool(view) and (view.status in text.ACTIVE or any(exports.look(run_id, form).active for form in export_forms.forms(view.run)))


def _forms(view: Any) -> None:
    if view.status != "finished" and not (view.status == "stopped" and view.state.kept):
        st.caption("A System can be exported once its run has finished.")
        return
    st.caption("A folder that other programs load: with the tokenizer, the chat template, one question as it was sent, the scores and how to ask it. "
               "It is loaded here without the lab's code and asked questions that were scored; what differs is said.")
    for form in export_forms.forms(view.run):
        with st.container(border=True, gap="xsmall"):
            _one(view.run, exports.look(view.run.id, form))


def _one(run: Run, found: Export) -> None:
    name, about = WHOLE if export_forms.forms(run) == ("merged",) else FORMS[found.form]
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left.container(gap="xxsmall"):
        st.markdown(f"**{name}**")
        st.caption(about)
    if found.active:
        _writing(left, right, run, found)
    elif found.state == "ready":
        _button(right, "Remove", "delete", found, lambda: exports.remove(run.id, found.form))
        _ready(found)
    elif (refusal := _refusal(run, found.form)) is not None:
        st.caption(text.label(f"{refusal.what}. {refusal.do}."))
    else:
        if found.failure:
            panels.problem("It was not exported", found.failure)
        _button(right, "Export", "output", found, lambda: exports.start(run, found.form))


def _refusal(run: Run, form: Form) -> Failure | None:
    known = reads.known(run.task)
    try:
        export_forms.demand(run, form, known and known[0])
    except LabError as error:
        return error.failure
    return None


def _writing(left: Any, right: Any, run: Run, found: Export) -> None:
    words = PARTS.get(found.part, "starting, or waiting for another export")
    left.progress(found.done / found.total if found.total else 0.0, text=words + (f", {found.done} of {found.total}" if found.part == "checking" else ""))
    _button(right, "Cancel", "close", found, lambda: exports.remove(run.id, found.form))


def _ready(found: Export) -> None:
    wrong, size = export_health(found.check), exports.size(found.folder)
    st.markdown(f"{':orange[:material/warning:]' if wrong else ':green[:material/check_circle:]'} {text.label(export_line(found.check))}")
    for one in wrong:
        st.text(f"{one.what}. {one.do}.")
    st.caption(f"On the lab's machine, {hub.size(size)}:")
    st.code(str(found.folder), language=None)
    if size < exports.SMALL:
        st.download_button("Download as zip", lambda: exports.zipped(found.folder), file_name=f"{found.run}-{found.form}.zip", mime="application/zip",
                           icon=":material/download:", key=f"runs_export_zip_{found.run}_{found.form}", on_click="ignore")
    else:
        st.caption(f"Above {hub.size(exports.SMALL)} it is not offered as a download: copy the folder.")


def _button(where: Any, label: str, icon: str, found: Export, act: Any) -> None:
    if where.button(label, icon=f":material/{icon}:", key=f"runs_export_{icon}_{found.run}_{found.form}", width="stretch"):
        try:
            act()
        except (LabError, OSError) as error:
            panels.problem(f"{label} did not work", failure_of(error, found.run))
        else:
            st.rerun()  # the whole page, so that it looks again and again from now on, or no more
