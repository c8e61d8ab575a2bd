"""Asking the checkpoints of a pretraining, and the shipped bases, one question side by side. Knows no model: the answerer does.

One answerer holds one shape of model and serves every checkpoint of that shape by name, so models of two sizes need two answerers.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

import streamlit as st

from lab import store
from lab.core import Base, LabError
from lab.ui import answers, asking, bases, panels, reads, text

MOST = 4
_CURRENT, _QUESTION = "_checkpoints_current", "pretrain_question"
# What to press for -> the suite it comes from and the slice of it. They come at different steps of a pretraining.
EXAMPLES = {"A capital": ("capitals", {}), "A known person": ("known_people", {"questions": "shown"}),
            "A person nobody asked about": ("known_people", {"questions": "never shown"}), "A sum": ("sums", {}), "A passage": ("reading", {})}


class Model(NamedTuple):
    """Something that can be asked: a shipped base, or a checkpoint of a run."""

    label: str
    kind: str
    ref: str
    run: str = ""

    @property
    def base(self) -> Base:
        """Raises ModelError where its files are gone."""
        return reads.base(self.kind, self.ref)

    @property
    def shape(self) -> str:
        return store.bases.shape(self.base)


def models() -> dict[str, Model]:
    """Id -> model: every checkpoint that can write, newest run first, then the shipped bases."""
    titles = bases.made_titles()
    found = {f"made-{about['key']}": Model(titles[about["key"]], "made", about["key"], about["run"]) for about in reads.made()}
    return found | {f"shipped-{name}": Model(name, "shipped", name) for name in store.bases.shipped()}


def choose_models(found: dict[str, Model], run: str | None) -> list[Model]:
    """Up to four, in the order of the list; at first three stages of the chosen run and the shipped base."""
    picked = st.multiselect("Checkpoints", list(found), default=usual(found, run), format_func=lambda name: found[name].label, max_selections=MOST,
                            key=f"pretrain_models_{run}", persist_state="session", help="Up to four at once. A pretraining keeps one base per "
                            "checkpoint; those of the masked objective write no answers and cannot be asked.")
    return [found[name] for name in found if name in picked]


def usual(found: dict[str, Model], run: str | None) -> list[str]:
    """The first, an early and the last checkpoint of a run, and the first shipped base."""
    own = [name for name, model in found.items() if run and model.run == run]
    stages = dict.fromkeys(own[place] for place in (0, len(own) // 3, len(own) - 1)) if own else {}
    return [*stages, *[name for name, model in found.items() if not model.run][:1]]


def examples() -> dict[str, Any]:
    """Label -> an item of a shipped suite: a question with its right answer."""
    found = {}
    for label, (name, slices) in EXAMPLES.items():
        items = reads.suite(name).items if name in store.tasks.suite_names() else ()
        if item := next((item for item in items if slices.items() <= item.slices.items()), None):
            found[label] = item
    return found


def question_form() -> str | None:
    """The question when Ask was pressed, None otherwise."""
    at_hand = examples()
    st.session_state.setdefault(_QUESTION, next((item.prompt for item in at_hand.values()), ""))
    with st.container(horizontal=True):
        for label, item in at_hand.items():
            st.button(label, key=f"pretrain_example_{label}", on_click=_write, args=(item.prompt,))
    with st.form("pretrain_ask", border=False):
        question = st.text_area("Question", height=90, max_chars=8_000, key=_QUESTION)
        pressed = st.form_submit_button("Ask", type="primary", icon=":material/send:")
    return question.strip() or None if pressed else None


def _write(question: str) -> None:
    st.session_state[_QUESTION] = question


def begin(question: str, wanted: Sequence[Model]) -> None:
    """Stop what this session asked before and ask anew: one answerer per shape of model."""
    for old in current():
        answers.stop(old)
    try:
        groups: dict[str, list[Model]] = {}
        for model in wanted:
            groups.setdefault(model.shape, []).append(model)
        st.session_state[_CURRENT] = [_ask(question, shape, group) for shape, group in groups.items()]
    except LabError as error:
        panels.problem("This checkpoint cannot be asked", error.failure)


def _ask(question: str, shape: str, group: Sequence[Model]) -> str:
    base = host_of(shape, list(models().values())).base
    names = {model.label: "base" if model.base.fingerprint == base.fingerprint else f"made-{model.ref}" for model in group}
    return answers.ask(question, base, names)


def host_of(shape: str, known: Sequence[Model]) -> Model:
    """Whose answerer is asked: the shipped base of that shape, else the first checkpoint of the oldest run, so that it stays the same
    while newer ones come."""
    shipped = [model for model in known if not model.run]
    starts = {model.run: model for model in reversed(known) if model.run}  # the last one written stands: each run's first checkpoint
    return next(model for model in (*shipped, *starts.values()) if model.shape == shape)


def current() -> list[answers.Asking]:
    return [found for name in st.session_state.get(_CURRENT, []) if (found := answers.find(name))]


def active() -> bool:
    return any(asked.active for asked in current())


def replies_panel() -> None:
    """One column per model, in the order of the steps."""
    now = current()
    if not now:
        return
    for problem in [asked.problem for asked in now if asked.problem]:
        panels.problem("A model cannot answer", problem.failure)
    if active() and st.button("Stop", icon=":material/stop_circle:", key="pretrain_ask_stop"):
        for asked in now:
            answers.stop(asked)
    st.text(now[0].question)
    if right := next((item.answer for item in examples().values() if item.prompt == now[0].question), None):
        st.caption(f"Right: {text.label(right)}")
    replies = [(asked, reply) for asked in now for reply in asked.replies if not asked.problem]
    for column, (asked, reply) in zip(st.columns(max(1, len(replies))), replies):
        with column.container(border=True, height="stretch"):
            if asked.state == "starting":
                st.markdown(f"**{text.label(reply.system)}**")
                st.caption("The model is being loaded: the first question takes some seconds.")
            else:
                asking.reply_card(reply)
