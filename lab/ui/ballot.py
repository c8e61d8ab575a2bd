"""A voter's screen, made for a phone: one prompt, two answers without names, three buttons. No navigation, nothing else to do.

The words of people and models reach the page as text nodes only; the scripts below are constants. A person is a random code kept in a
cookie, so that a reload or the same link goes on where it stopped; where the browser keeps no cookies the code stands in the address.
"""

from __future__ import annotations

import re
import secrets

import streamlit as st

from lab.core import Failure, LabError
from lab.core.votes import Ballot, Choice, Vote, VoteSession
from lab.jobs import voting
from lab.store import votes
from lab.ui import panels, text, vote_reads
from lab.ui.panels.votes import result_panel

WIDTH = 1_000  # pixels; lines longer than that are hard to read
COOKIE, KEPT_SECONDS = "lever_lab_voter", 7 * 86_400
SECONDS_EACH = 10  # of a person's time per pair, for the word on how long it takes
CHOICES: dict[Choice, str] = {"left": "A is better", "tie": "Equally good", "right": "B is better"}
_CODE = re.compile(r"[A-Za-z0-9_-]{12}")
_SELF, _PLACE, _PROBLEM = "_ballot_voter", "_ballot_place", "_ballot_problem"

_CSS = """
#root { font-family: var(--st-font); color: var(--st-text-color); }
.words { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.45; font-size: clamp(1.15rem, 0.9rem + 1vw, 1.5rem); }
.prompt { padding: 0.3em 0 0.9em; font-weight: 600; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.card { border: 2px solid var(--st-border-color); border-radius: var(--st-base-radius); padding: 0.9em 1.1em 1.1em;
        background: var(--st-secondary-background-color); }
.side { font-weight: 700; font-size: 1rem; color: var(--st-gray-text-color); padding-bottom: 0.35em; }
.nothing { color: var(--st-gray-text-color); font-style: italic; }
@media (max-width: 640px) { .two { grid-template-columns: 1fr; } }
"""
_JS = """
const node = (tag, kind, words) => {
  const made = document.createElement(tag)
  made.className = kind
  if (words !== undefined) made.textContent = words
  return made
}
const card = (side, words) => {
  const made = node("section", "card")
  made.setAttribute("aria-label", `Answer ${side}`)
  made.append(node("div", "side", side), words.trim() ? node("div", "words", words) : node("div", "words nothing", "(no words)"))
  return made
}
export default function ({ data, parentElement }) {
  const two = node("div", "two")
  two.append(card("A", data.left), card("B", data.right))
  parentElement.querySelector("#root").replaceChildren(node("div", "words prompt", data.prompt), two)
}
"""
_REMEMBER = """
export default function ({ data, setStateValue }) {
  document.cookie = `${data.name}=${data.code}; path=/; max-age=${data.seconds}; SameSite=Lax`
  if (!document.cookie.includes(data.code)) setStateValue("lost", true)
}
"""
_pair = st.components.v2.component("lever_lab_ballot", html="<div id='root'></div>", css=_CSS, js=_JS)
_remember = st.components.v2.component("lever_lab_voter", html="<span></span>", js=_REMEMBER)


def voter_view(code: str) -> None:
    """Everything a voter sees, from the link to the result."""
    with st.container(horizontal_alignment="center"), st.container(width=WIDTH):
        try:
            session = vote_reads.by_code(code)
            if session is None:
                panels.problem("There is no such vote here", Failure(kind="data", what="The link or its code is not known in this workspace",
                                                                     do="Ask the host for the link once more"), icon="link_off")
                return
            _view(session)
        except LabError as error:
            panels.problem("This did not work", error.failure)


def _view(session: VoteSession) -> None:
    code = _own_code()
    voter = votes.voter_of(session.id, code)
    if session.revealed:
        _revealed(session, voter)
    elif voter is None:
        _welcome(session, code)
    else:
        _vote(session, voter)


def _own_code() -> str:
    """Who this browser is. The cookie wins over the address, so that a forwarded link does not hand on the sender's votes."""
    known = (st.session_state.get(_SELF), st.context.cookies.get(COOKIE), st.query_params.get("voter"))
    code = next((each for each in known if isinstance(each, str) and _CODE.fullmatch(each)), None) or secrets.token_urlsafe(9)
    st.session_state[_SELF] = code
    kept = _remember(key="ballot_remember", data={"name": COOKIE, "code": code, "seconds": KEPT_SECONDS}, on_lost_change=lambda: None)
    if kept.lost:
        st.query_params["voter"] = code
    return code


def _welcome(session: VoteSession, code: str) -> None:
    st.header(text.label(session.question or "Which answer is better?"), anchor=False)
    if not session.open:
        st.markdown("This vote is closed. The names will be shown here when the host reveals them.")
        _wait(session)
        return
    minutes = max(1, round(session.per_voter * SECONDS_EACH / 60))
    st.markdown(f"{text.count(session.per_voter, 'question')}, each with two answers: choose the better one. About {text.count(minutes, 'minute')}.  \n"
                "Nobody's name is asked, and whose answers they are is shown at the end. You can go back and change your mind until the vote is closed.")
    if st.button("Begin", type="primary", key="ballot_begin", width="stretch"):
        votes.join(session.id, code)
        st.rerun()


def _vote(session: VoteSession, voter: int) -> None:
    deck = voting.ballots(session, voter)
    own = {vote.pair: vote for vote in votes.votes(session.id, voter)}
    place = st.session_state.get(f"{_PLACE}_{session.id}")
    if place is None:
        place = next((number for number, ballot in enumerate(deck) if ballot.pair.number not in own), len(deck))
    st.progress(len(own) / len(deck), text=f"{len(own)} of {len(deck)} judged")
    if problem := st.session_state.pop(_PROBLEM, None):
        panels.problem("This vote was not counted", problem)
    if not session.open:
        st.markdown(f"The vote is closed; your {text.count(len(own), 'vote')} are counted. The names will be shown here when the host reveals them.")
        _wait(session)
    elif place >= len(deck):
        _thanks(session, len(own), len(deck))
    else:
        _question(session, voter, deck[place], own.get(deck[place].pair.number), place)


def _question(session: VoteSession, voter: int, ballot: Ballot, own: Vote | None, place: int) -> None:
    if session.question:
        st.caption(text.label(session.question))
    left, right = ballot.answers
    _pair(key=f"ballot_pair_{ballot.pair.number}", data={"prompt": ballot.pair.prompt, "left": left, "right": right})
    given = own.choice if own and own.left == ballot.left else None
    columns = st.columns(3)
    for column, (choice, label) in zip(columns, CHOICES.items()):
        # The pair stands in the key: the second tap of a double tap meets no button of the next pair.
        column.button(label, key=f"ballot_{choice}_{ballot.pair.number}", width="stretch", type="primary" if given == choice else "secondary",
                      on_click=_cast, args=(session.id, voter, ballot, choice, place))
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button("Back", key=f"ballot_back_{place}", type="tertiary", icon=":material/arrow_back:", disabled=place == 0, on_click=_go,
                  args=(session.id, place - 1))
        st.button("Next" if own else "Skip for the moment", key=f"ballot_next_{place}", type="tertiary", on_click=_go, args=(session.id, place + 1))


def _cast(session_id: str, voter: int, ballot: Ballot, choice: Choice, place: int) -> None:
    try:
        votes.cast(session_id, voter, ballot.pair.number, ballot.left, choice)
    except LabError as error:
        st.session_state[_PROBLEM] = error.failure
        return
    _go(session_id, place + 1)


def _go(session_id: str, place: int | None) -> None:
    st.session_state[f"{_PLACE}_{session_id}"] = place


def _thanks(session: VoteSession, done: int, wanted: int) -> None:
    if done < wanted:
        st.header(f"{text.count(wanted - done, 'question')} not judged yet", anchor=False)
        st.button("Go on", type="primary", key="ballot_go_on", width="stretch", on_click=_go, args=(session.id, None))
    else:
        st.header("Thank you, all of them are counted", anchor=False)
        st.markdown("The names are shown here as soon as the host reveals them. Until the vote is closed you can still change your mind.")
    st.button("Look at my votes again", key="ballot_again", type="tertiary", icon=":material/arrow_back:", on_click=_go, args=(session.id, 0))
    _wait(session)


def _wait(session: VoteSession) -> None:
    """Look every few seconds whether something changed, and draw the whole screen when it did."""
    @st.fragment(run_every=4)
    def look() -> None:
        now = vote_reads.by_code(session.code)
        if now and (now.closed, now.revealed) != (session.closed, session.revealed):
            st.rerun()

    look()


def _revealed(session: VoteSession, voter: int | None) -> None:
    st.header(text.label(session.question or "Which answer is better?"), anchor=False)
    if own := votes.votes(session.id, voter) if voter is not None else ():
        st.text(_own_words(session, own))
    result_panel(session, key="ballot_result")


def _own_words(session: VoteSession, own: tuple[Vote, ...]) -> str:
    won: dict[str, int] = dict.fromkeys(session.systems, 0)
    for vote in own:
        if winner := vote.winner(session.pairs[vote.pair]):
            won[winner] += 1
    parts = ", ".join(f"{name} {count}" for name, count in sorted(won.items(), key=lambda pair: -pair[1]))
    return f"Your own votes: {parts}; {sum(vote.choice == 'tie' for vote in own)} equally good."
