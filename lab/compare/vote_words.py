"""What a vote says, in sentences: who is preferred, whether the side decided, whether people agree. Names stand in them as they are."""

from __future__ import annotations

from lab.compare.agreement import LOW
from lab.compare.stats import Interval
from lab.compare.votes import Meeting, VoteResult


def verdict_words(result: VoteResult) -> str:
    """Who leads, and from whom the leader can be told apart by direct meetings."""
    if not result.votes:
        return "Nobody has voted yet."
    if result.strengths[0].strength is None:
        return "Some of the Systems never met the others, so their strengths cannot be compared. Their direct meetings stand below."
    leader, *others = [one.system for one in result.strengths]
    clear = [name for name in others if _separate(result, leader, name)]
    level = [name for name in others if name not in clear]
    found = []
    if clear:
        found.append(f"{leader} is preferred to {_listed([_against(result, leader, name) for name in clear])}.")
    if level:
        seen = result.smallest if result.smallest and result.smallest < 0.995 else None
        found.append(f"{leader} and {_listed(level)} cannot be told apart"
                     + (f": with so many votes only shares of wins above {seen * 100:.0f} % can be seen." if seen else "."))
    if result.voters < 5:
        found.append(f"Only {result.voters} {'person' if result.voters == 1 else 'people'} voted: this is about them, not about people.")
    return " ".join(found)


def _separate(result: VoteResult, leader: str, other: str) -> bool:
    meeting = next(one for one in result.meetings if {one.one, one.other} == {leader, other})
    return meeting.separate and _ahead(meeting) == leader


def _against(result: VoteResult, leader: str, other: str) -> str:
    """'base (wins 83 %, 75 to 89)': the leader's share against that System, ties as half."""
    meeting = next(one for one in result.meetings if {one.one, one.other} == {leader, other})
    value, low, high = meeting.share.value, meeting.share.low, meeting.share.high
    if meeting.one != leader:
        value, low, high = 1 - value, 1 - high, 1 - low
    return f"{other} (wins {value * 100:.0f} %, {low * 100:.0f} to {high * 100:.0f})"


def _ahead(meeting: Meeting) -> str:
    return meeting.one if (meeting.share.value or 0) > 0.5 else meeting.other


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def position_words(result: VoteResult) -> str:
    """Whether the first answer had an advantage of its own."""
    share = result.position
    if share.value is None:
        return "No vote decided between two answers."
    words = f"The answer shown first won {_percent(share)} of the decided votes"
    if share.low is None:
        return f"{words}."
    if share.excludes(0.5):
        return f"{words}: the side mattered. Every System stood on each side equally often, and the strengths take the effect out."
    return f"{words}: no sign that the side mattered."


def agreement_words(result: VoteResult) -> str:
    """Whether people who judged the same two answers said the same."""
    found = result.agreement
    if not found.pairs:
        return "No two people judged the same pair of answers, so agreement is not known."
    words = f"Two people who judged the same pair said the same in {_percent(found.raw)} of cases"
    if found.alpha.value is None:
        return f"{words}."
    if found.disagree is None:
        return f"{words}; too few questions to conclude anything from."
    between = f" ({found.alpha.low:.2f} to {found.alpha.high:.2f})" if found.alpha.high > found.alpha.low else ""  # no spread, no interval
    return (f"{words}; Krippendorff's alpha is {found.alpha.value:.2f}{between}: "
            + (f"people disagree (below {LOW})." if found.disagree else "people agree."))


def _percent(share: Interval) -> str:
    between = f" ({share.low * 100:.0f} to {share.high * 100:.0f}, n = {share.n})" if share.low is not None and share.high is not None else f" (n = {share.n})"
    return f"{share.value * 100:.0f} %{between}"
