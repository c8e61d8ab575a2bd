"""Pieces of the page Evidence: the table of verdicts, the charts and what stands behind them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lab import compare
from lab.compare import Evidence, Verdict
from lab.ui import charts, display, evidence, marked, reads, router, state, text
from lab.ui.panels.numbers import numbers

PREDICTORS = {"KL on the task": ("kl_task", "KL(base ‖ tuned) on the task's answers, nats per token (log scale)"),
              "KL on general text": ("kl_text", "KL(base ‖ tuned) on general text, nats per token (log scale)")}


def verdict_panel(verdicts: list[Verdict], key: str) -> None:
    """What the field says, what was measured, and what became of it; group by group."""
    counts = [(decision, sum(v.decision == decision for v in verdicts)) for decision in compare.DECISIONS]
    st.markdown("  ·  ".join(f"**{number}** {decision}" for decision, number in counts if number))
    for group, title in compare.GROUPS.items():
        if chosen := [verdict for verdict in verdicts if verdict.claim.group == group]:
            st.subheader(title)
            marked.grid(["Verdict", "The field says", "What was measured", "Result (95 % interval)"], [_row(verdict) for verdict in chosen],
                        key=f"{key}_{group}", widths=(2, 4, 5, 4))
    numbers(evidence.verdict_frame(verdicts), "evidence", key, "Verdicts as a table")
    numbers(evidence.part_frame(verdicts), "evidence_scores", f"{key}_parts", "The scores behind the verdicts")
    with st.expander("Where the sentences stand, and what the literature found", icon=":material/menu_book:"):
        rows = [[marked.plain(words) for words in (v.claim.sentence, compare.source_text(v.claim), v.claim.literature)] for v in verdicts]
        marked.grid(["Sentence", "Said in", "Literature"], rows, key=f"{key}_sources", widths=(4, 4, 5))


def _row(verdict: Verdict) -> list[Any]:
    claim = verdict.claim
    result = [words for words in (compare.result_text(verdict), compare.items_text(verdict), verdict.reason) if words]
    cells = (compare.decision_text(verdict), claim.sentence, f"{claim.quantity}\nDemanded: {compare.bar_text(claim)}", "\n".join(result))
    return [marked.plain(cell) for cell in cells]


def plane_panel(found: Evidence, key: str) -> None:
    """Learned against kept, one mark per run."""
    frame = evidence.point_frame(found, "form").dropna(subset=["score", "kept"])
    if frame.empty:
        st.caption("The runs of the task Form appear here once they have ended.")
        return
    st.plotly_chart(charts.plane_chart(frame, state.look()), key=key, config=display.figure("evidence"),
                    alt=f"Task score against general abilities kept, {text.count(len(frame), 'run')}; numbers below")
    st.caption("Each mark is one run on the task Form; equal marks of one System are its seeds. Lines join a method's settings by rising learning rate "
               "(replay and EWC: by score). Up and to the right is better: much learned, little lost. Two methods are only comparable where they have "
               "learned equally much, at the same place from left to right. Hold the mouse over a mark for its intervals.")
    numbers(frame, "learning_forgetting", key)


def distance_panel(found: Evidence, key: str) -> None:
    """Distance from the base against forgetting."""
    chosen = st.segmented_control("Distance", list(PREDICTORS), default=next(iter(PREDICTORS)), key=f"{key}_of", required=True,
                                  label_visibility="collapsed") or next(iter(PREDICTORS))
    column, title = PREDICTORS[chosen]
    frame = evidence.point_frame(found)
    frame = frame[frame["trained"].astype(bool)].dropna(subset=[column, "drop"])
    frame = frame[frame[column] > 0]
    if frame.empty:
        st.caption("No trained run has this number yet.")
        return
    st.plotly_chart(charts.distance_chart(frame, state.look(), column, title), key=key, config=display.figure("evidence"),
                    alt=f"{chosen} against the mean drop, {text.count(len(frame), 'run')}; numbers below")
    st.caption("Each mark is one trained run of any task. The drop is the mean over capitals, words and known people. "
               "KL (forward, base to tuned) says how differently the tuned model speaks.")
    numbers(frame, "kl_forgetting", key)


def labels_panel(found: Evidence, key: str) -> None:
    """Score over the number of labels."""
    frame = evidence.point_frame(found, "labels").dropna(subset=["score"])
    if frame[frame["examples"] > 0].empty:
        st.caption("The runs of the task Labels appear here once they have ended.")
        return
    st.plotly_chart(charts.labels_chart(frame, state.look()), key=key, config=display.figure("evidence"),
                    alt=f"Accuracy over the number of labels, {text.count(len(frame), 'run')}; numbers below")
    st.caption("Each mark is one run (one seed) trained on the first so many labels; the line joins the means.")
    numbers(frame, "label_efficiency", key)


def source_panel(shown: evidence.Shown) -> None:
    """Where the numbers come from, and the way to each experiment."""
    about = shown.evidence.recorded
    titles, known = reads.task_titles(), {experiment.id for experiment in reads.experiments()}
    from_record = [task for task, name in shown.sources.items() if not name]
    if from_record and about:
        words = ", ".join(str(about[name]) for name in ("date", "base", "machine") if about.get(name))
        st.markdown(f":blue-badge[:material/history: Recorded on {text.label(words)}]")
    own = {task: name for task, name in shown.sources.items() if name in known}
    if own:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Measured in this workspace; open on Compare:", width="content")
            for task, name in own.items():
                st.page_link(router.COMPARE, label=text.label(titles.get(task, task)), icon=":material/query_stats:", query_params={"experiment": name})
