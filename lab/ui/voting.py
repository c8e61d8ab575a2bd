"""The host's side of a blind vote: start one, the link and its QR code, how far it is, close, reveal, and make preference pairs of it."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Callable
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from lab import compare, store
from lab.core import Evaluation, Experiment, LabError, Measured, Suite, TaskData, failure_of
from lab.core.votes import VoteSession
from lab.jobs import network, voting
from lab.store import votes
from lab.ui import panels, reads, results, router, scored, state, text, vote_reads

NEW = "new"
ITEMS, MOST_ITEMS = 12, 200


def choose_session(experiment: Experiment, where: Any) -> VoteSession | None:
    """One of the experiment's votes, newest first; None: a new one is wanted."""
    found = {session.id: session for session in vote_reads.sessions(experiment.id)}
    labels = {name: f"{text.day(session.created)}, {_status(session)}: {text.short(', '.join(session.systems), 40)}" for name, session in found.items()}
    return found.get(state.choose("Vote", labels | {NEW: "Start a new vote"}, "vote", where=where))


def _status(session: VoteSession) -> str:
    return "revealed" if session.revealed else "open" if session.open else "closed"


def start_form(experiment: Experiment) -> None:
    """Task, Systems and how many questions; then the vote begins."""
    tasks = {name: title for name, title in reads.task_titles().items() if name in experiment.tasks}
    left, right = st.columns(2)
    task = state.choose("Task", tasks, "task", where=left)
    with right:
        seed = state.choose_seed(experiment.seeds, "vote_seed")
    data = reads.task(task) if task else None
    if task and data is None:
        panels.no_task(task)
        return
    outcomes = scored.outcomes(experiment.id)
    answered = results.of_task(outcomes, task, seed, results.order(experiment, outcomes)) if data else {}
    if len(answered) < 2:
        st.info("A vote needs answers of at least two Systems to this task.", icon=":material/info:")
        st.page_link(router.RUNS, label="See how far they are", icon=":material/play_circle:", query_params={"experiment": experiment.id})
        return
    names = state.choose_systems("Systems whose answers are judged", list(answered), "vote_systems", default=first_two(answered))
    if len(names) < 2:
        st.caption("Tick at least two Systems.")
        return
    chosen, suite = scored.with_answers({name: answered[name] for name in names}), data.test_suite()
    able = voting.differing(chosen, suite)
    st.caption(f"On {able} of {text.count(len(suite.items), 'test item')} these Systems answered differently; only those are asked about. Each person judges "
               "each question once, with the answers of two Systems: which two, and on which side, is dealt so that it evens out.")
    most = max(1, min(able, MOST_ITEMS))
    with st.form("vote_form", enter_to_submit=False):
        asked = st.text_input("What people judge by", max_chars=200, placeholder="Which answer would you rather get from a help desk?")
        one, two = st.columns(2)
        count = one.number_input("Questions", 1, most, min(ITEMS, most), help="Drawn by chance from the items on which the answers differ.")
        each = two.number_input("Questions per person (0: all)", 0, most, 0, help="With many questions give each person a part: they are dealt so that "
                                "every question is judged equally often.")
        pressed = st.form_submit_button("Start the vote", type="primary", icon=":material/how_to_vote:", disabled=not able)
    if pressed:
        _start(experiment, task, seed, chosen, suite, int(count), int(each), asked)


def first_two(answered: dict[str, Measured]) -> list[str]:
    """The two that a vote proposes: the first (the base) and the best of the others by the task's first metric; the earlier one of equals."""
    first, *others = answered
    sign = 1 if compare.higher_is_better(answered[first].primary) else -1
    known = {name: value * sign for name in others if (value := compare.score(answered[name]).value) is not None}
    return [first, max(known, key=known.get) if known else others[0]] if others else [first]


def _start(experiment: Experiment, task: str, seed: int, answered: dict[str, Evaluation], suite: Suite, count: int, each: int, asked: str) -> None:
    try:
        session = voting.draw(experiment, task, seed, answered, suite, count, each, asked)
        votes.create(session)
    except (LabError, OSError) as error:
        panels.problem("The vote could not be started", failure_of(error, "Vote"))
        return
    vote_reads.look_again(session)
    st.query_params["vote"] = session.id
    st.rerun()


def door(session: VoteSession) -> None:
    """The link and its QR code, for the address under which this app is reached; what to do where phones cannot reach it."""
    link, reachable = link_to(session)
    left, right = st.columns([2, 3], vertical_alignment="center")
    left.image(qr(link), width=280, alt="QR code of the link beside it")
    with right:
        st.caption("The link people open")
        st.code(link, language=None, wrap_lines=True)
        st.page_link(router.VOTE, label="Vote in this browser", icon=":material/how_to_vote:", query_params={"session": session.code})
        if not reachable:
            st.warning("This app can be reached from this machine only, so phones cannot open the link. For a room, start it with "
                       "`streamlit run app.py --server.address 0.0.0.0`: then everybody in the same network can reach all of its pages.",
                       icon=":material/phonelink_off:")


def link_to(session: VoteSession) -> tuple[str, bool]:
    """The voters' link, and whether other devices can open it. Where the server listens to the network and the host came by the
    loopback address, the machine's own address takes its place."""
    scheme, netloc, path, _, _ = urlsplit(st.context.url or "http://localhost:8501/vote")
    host, _, port = netloc.rpartition(":") if netloc.rpartition(":")[2].isdigit() else (netloc, "", "")
    if network.is_loopback(host) and not network.is_loopback(st.get_option("server.address") or "0.0.0.0") and (found := network.room_address()):
        host = found
    path = f"{path.rstrip('/').removesuffix('/vote')}/vote"
    return urlunsplit((scheme, f"{host}:{port}" if port else host, path, urlencode({"session": session.code}), "")), not network.is_loopback(host)


def qr(link: str) -> bytes:
    """A QR code as a PNG, dark on white in every theme."""
    import segno
    out = BytesIO()
    segno.make(link, error="m", micro=False).save(out, kind="png", scale=8, border=3)
    return out.getvalue()


def progress(session: VoteSession) -> None:
    """Live: people, votes, who is done."""
    def draw() -> None:
        found = vote_reads.turnout(session)
        one, two, three = st.columns(3)
        one.metric("People", found.joined)
        two.metric("Done", found.finished)
        three.metric("Votes", found.votes)

    state.live(draw, lambda: session.open, every=2)


def controls(session: VoteSession) -> None:
    """Close, open again, reveal. Revealing ends the vote for good."""
    with st.container(horizontal=True):
        if session.open:
            st.button("Close the vote", key="vote_close", icon=":material/lock:", on_click=_do, args=(votes.close, session))
        else:
            st.button("Open it again", key="vote_reopen", icon=":material/lock_open:", on_click=_do, args=(votes.reopen, session))
        st.button("Reveal the names", key="vote_reveal", type="primary", icon=":material/visibility:", on_click=_do, args=(votes.reveal, session),
                  help="Closes the vote for good and shows names and results to everybody.")


def _do(verb: Callable[[str], None], session: VoteSession) -> None:
    verb(session.id)
    vote_reads.look_again(session)


def export_form(session: VoteSession) -> None:
    """A new Task with what people preferred, for DPO."""
    st.header("Train on these votes")
    data = reads.task(session.task)
    if data is None:
        st.caption("Votes become preference pairs beside the rows of their task.")
        panels.no_task(session.task)
        return
    st.caption("Every pair that more than half of its voters decided the same way becomes a preference pair (chosen and rejected answer) of a new "
               "task. The questions voted on leave its test split, as do questions about the same entity: what is trained on must not be tested on. "
               "So scores on the new task are not those of the old one; build an experiment on it that has its own base.")
    with st.form("vote_export"):
        name = st.text_input("Name of the new task", value=f"{data.task.name}, voted"[:80], max_chars=80)
        keep = bool(data.preferences) and st.checkbox(f"Keep the task's own {text.count(len(data.preferences), 'preference pair')} beside them")
        pressed = st.form_submit_button("Save the votes as preference pairs", icon=":material/save:")
    if pressed and name.strip():
        _export(session, data, name.strip(), keep)
    if done := st.session_state.get(f"_vote_exported_{session.id}"):
        st.success(done[1], icon=":material/check_circle:")
        st.page_link(router.BUILD, label="Build an experiment with DPO on it", icon=":material/construction:")


def _export(session: VoteSession, data: TaskData, name: str, keep: bool) -> None:
    try:
        made, told = voting.preference_task(session, vote_reads.cast(session), data, name, keep)
        store.tasks.save(made)
    except (LabError, OSError) as error:
        panels.problem("The task could not be saved", failure_of(error, "Vote"))
        return
    left_out = ", ".join(f"{count} {what}" for count, what in ((told.ties, "tied"), (told.split, "split"), (told.empty, "with an empty answer")) if count)
    words = (f"Saved with {text.count(told.pairs, 'preference pair')}" + (f" (left out: {left_out})" if left_out else "")
             + f". {text.count(told.moved, 'question')} left the test split; {told.test} stay in it.")
    st.session_state[f"_vote_exported_{session.id}"] = (made.task.id, words)
    st.session_state["build_tasks"] = [made.task.id]
