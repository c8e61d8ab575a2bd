"""What answering and training cost, and what looks unhealthy."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from lab import compare, store
from lab.core import Evaluation, Measured, Run, adapter_key
from lab.jobs import exports
from lab.ui import curve_reads, marked, reads, text
from lab.ui.panels.numbers import numbers, table

SENT = ("Right document sent: a passage of a document that holds the answer was found and also fitted into the prompt; what was found and did not "
        "fit does not count. ")


def cost_panel(evaluations: dict[str, Measured], views: dict[str, Any]) -> None:
    """Per System: time and tokens per answer, time of the whole run. `views`: System name -> its RunView."""
    if not evaluations:
        st.caption("Costs appear with the first answers.")
        return
    frame = compare.usage_frame(evaluations)
    frame["run_seconds"] = [views[name].seconds if name in views else None for name in frame["system"]]
    for part in ("estimated", "measured"):
        frame[f"memory_{part}"] = [_memory(views[name].run, part) if name in views else None for name in frame["system"]]
    seconds = st.column_config.NumberColumn(format="%.3f s")
    tokens = st.column_config.NumberColumn(format="%.0f")
    share = st.column_config.NumberColumn(format="%.0f %%")
    memory = st.column_config.NumberColumn(format="%.0f MB")
    names = {"system": "System", "n": "Answers", "seconds_p50": "Time, median", "seconds_p95": "95th percentile",
             "prompt_tokens": "Prompt tokens", "answer_tokens": "Answer tokens", "ended": "Ended", "hit": "Right document sent",
             "run_seconds": "Whole run", "memory_estimated": "Memory, estimated", "memory_measured": "Memory, measured"}
    shares = {name: frame[name] * 100 for name in ("ended", "hit") if frame[name].notna().any()}
    shown = frame.dropna(axis="columns", how="all").assign(**shares)
    table(shown.rename(columns=names), {names["seconds_p50"]: seconds, names["seconds_p95"]: seconds, names["prompt_tokens"]: tokens,
                                        names["answer_tokens"]: tokens, names["ended"]: share, names["hit"]: share,
                                        names["run_seconds"]: st.column_config.NumberColumn(format="%.0f s"),
                                        names["memory_estimated"]: memory, names["memory_measured"]: memory}, placeholder="–")
    st.caption("Time: per answer, over the first eight questions, asked one by one on the machine that ran it. Ended: answers that came to "
               "an end of their own. " + (SENT if "hit" in shares else "") + "Retrieval and shots make prompts longer; "
               "training costs once, prompts cost with every answer. Memory: the highest moment of the stage that needed most, as estimated before it "
               "and as measured during it.")
    numbers(frame, "cost", "compare_cost")


def _memory(run: Run, part: str) -> float | None:
    """In MB, of the run's hungriest stage; None where it trained nothing or it was not measured. A shared stage was measured where it was
    made."""
    known = reads.known(run.task)
    found = [store.artifacts.about(adapter_key(run.system, known[0], place)).get("memory", {}).get(part)
             for place in range(1, len(run.system.training) + 1)] if known else []
    return max((value / (1 << 20) for value in found if value), default=None)


def pairs_panel(views: dict[str, Any]) -> None:
    """Per System that DPO trained: the validation pairs at its end."""
    rows = [{"System": name, "Pairs ordered rightly": None if right is None else right * 100, "Margin": _last(view.run, "eval_reward_margin")}
            for name, view in views.items() if any(stage.kind == "dpo" for stage in view.run.system.training)
            for right in [_last(view.run, "eval_reward_accuracy")]]
    if not any(row["Margin"] is not None for row in rows):
        return
    st.header("Preference pairs")
    table(pd.DataFrame(rows), {"Pairs ordered rightly": st.column_config.NumberColumn(format="%.0f %%"),
                               "Margin": st.column_config.NumberColumn(format="%.3f")}, placeholder="–")
    st.caption("Of the validation pairs at the end of DPO. Ordered rightly: against the model that DPO began with, the chosen answer gained more "
               "likelihood than the rejected one (50 % is a coin). Margin: by how much on average, in units of reward.")


def _last(run: Run, metric: str) -> float | None:
    """Where a curve of the run's DPO stage ended, whoever trained it; None where there is none."""
    trained = curve_reads.trainer(run, "dpo")
    values = curve_reads.curves(trained).line("dpo", metric)[1] if trained else ()
    return float(values[-1]) if len(values) else None


def health_panel(runs: dict[str, Any], evaluations: dict[str, Evaluation], base: Evaluation | None,
                 drops: list[tuple[str, compare.Drop]], prompts: dict[str, tuple[str, str, str]]) -> None:
    """Warnings about curves, answers, prompts, exports and what was forgotten. `runs`: System name -> run; `prompts`: System name -> the same
    question as training wrote it, as it was sent, and as the exported chat template writes it (empty: not known)."""
    found, titles = [], text.STAGES | reads.task_titles() | reads.suite_titles()
    for name, run in runs.items():
        mine = [*compare.curves_health(curve_reads.curve_frame(run.id))]
        if name in evaluations:
            mine += compare.answers_health(evaluations[name], base if run.system.training else None, bool(run.system.training))
        lost = compare.damaged([drop for system, drop in drops if system == name])
        check, (trained, asked, exported) = exports.checked(run.id), prompts.get(name, ("", "", ""))
        unlike = compare.unlike_prompts(trained, asked, "" if check else exported)  # a written export has more to say of itself
        mine += [*(finding for finding in (lost, unlike) if finding), *compare.export_health(check)]
        found += [(name, finding) for finding in compare.without_contradiction(mine)]
    if found:
        marked.grid(["System", "Seen in", "What", "What to do"],
                    [[marked.plain(cell) for cell in (name, titles.get(finding.stage, finding.stage), finding.what, finding.do)]
                     for name, finding in found], key="compare_health", widths=(2, 2, 5, 5))
    else:
        st.caption(":material/check_circle: No rule about curves, answers, prompts, exports or forgetting fired.")
    if prompts:
        _prompts(prompts)


def _prompts(prompts: dict[str, tuple[str, str, str]]) -> None:
    with st.expander("The same question in training, when asked, and in an export", icon=":material/compare_arrows:"):
        name = st.selectbox("System", list(prompts), key="compare_prompts_of")
        trained, asked, exported = prompts[name]
        _apart(trained, asked, "when asked", "compare_prompts")
        if exported == trained:
            st.caption("In training and in an export: equal to the letter.")
        elif exported:
            _apart(trained, exported, "in an export", "compare_prompts_export")


def _apart(trained: str, other: str, where: str, key: str) -> None:
    """A text beside training's, with what stands in one of them only."""
    st.caption(f"In training and {where}: equal to the letter." if trained == other else f"Underlined: only {where}. Struck out: only in training.")
    marked.spans([(piece, {"same": "", "added": "on", "removed": "off"}[tag]) for piece, tag in compare.word_differences(trained, other)], key=key)
