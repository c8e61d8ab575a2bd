"""The evidence as text: a verdict's numbers in words, and the whole as Markdown. Knows verdicts; writes no file."""

from __future__ import annotations

from lab.compare.claims import GROUPS, SOURCES, Claim
from lab.compare.evidence import RULE, Evidence, Verdict

SIGNS = {"confirmed": "✓", "refuted": "✕", "too few items": "≈", "not at equal score": "≠", "not measured": "–"}
COMPARED = {">=": "at least", "<=": "at most", ">": "above"}
SMALL = "Models this small exaggerate forgetting, and what is found here about LoRA need not carry over to larger ones."


def decision_text(verdict: Verdict) -> str:
    """The verdict as a sign and a word."""
    return f"{SIGNS[verdict.decision]} {verdict.decision}"


def number(claim: Claim, value: float) -> str:
    """A quantity in its unit: +12 points, 83 %, 0.81."""
    if claim.unit == "rank":
        return f"{value + 0.0:.2f}"
    whole = f"{value * 100:+.1f}" if claim.unit == "points" else f"{value * 100:.1f}"
    whole = whole.removesuffix(".0")
    return f"{'0' if float(whole) == 0 else whole}{' points' if claim.unit == 'points' else ' %'}"


def result_text(verdict: Verdict) -> str:
    """The value with its interval; empty where nothing was measured."""
    if verdict.value is None or verdict.low is None or verdict.high is None:
        return ""
    low, high = (number(verdict.claim, end).removesuffix(" points").removesuffix(" %") for end in (verdict.low, verdict.high))
    return f"{number(verdict.claim, verdict.value)} ({low} to {high})"


def bar_text(claim: Claim) -> str:
    """What the sentence demands of the quantity: 'at least 10 points'."""
    return f"{COMPARED[claim.direction]} {number(claim, claim.threshold).lstrip('+')}"


def items_text(verdict: Verdict) -> str:
    """'n = 200, 3 seeds'."""
    if not verdict.n:
        return ""
    noun = "runs" if verdict.claim.unit == "rank" else "items"
    return f"{verdict.n} {noun}, {verdict.seeds} seed{'s' if verdict.seeds != 1 else ''}"


def source_text(claim: Claim) -> str:
    """Where the sentence stands, in words."""
    return "; ".join(about for mark, about in SOURCES.items() if mark in claim.source.split("(")[0].split())


def markdown(found: Evidence) -> str:
    """Verdicts by group, the scores behind them, the rule."""
    about = ", ".join(str(found.recorded[name]) for name in ("date", "base", "machine") if found.recorded.get(name))
    lines = ["# The base's evidence", "", *([about, ""] if about else []), RULE, "", SMALL, ""]
    for group, title in GROUPS.items():
        chosen = [verdict for verdict in found.verdicts if verdict.claim.group == group]
        if chosen:
            lines += [f"## {title}", "", "| verdict | the field says | measured | demanded | result (95 % interval) | from |",
                      "|---|---|---|---|---|---|", *map(_row, chosen), ""]
            notes = [f"- {verdict.claim.sentence} {verdict.reason}" for verdict in chosen if verdict.reason]
            lines += [*notes, ""] if notes else []
    return "\n".join([*lines, *_scores(found)]).rstrip() + "\n"


def _row(verdict: Verdict) -> str:
    claim = verdict.claim
    cells = (decision_text(verdict), claim.sentence, claim.quantity, bar_text(claim), result_text(verdict), items_text(verdict))
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _scores(found: Evidence) -> list[str]:
    if not found.points:
        return []
    rows = [f"| {_cell(p.task)} | {_cell(p.system)} | {p.seed} | {_share(p.score)} | {_share(p.kept)} | {_share(p.drop)} | {_plain(p.kl_task)} | "
            f"{_plain(p.kl_text)} | {_plain(p.text_rise)} |" for p in found.points]
    return ["## The runs", "", "| task | System | seed | task score | abilities kept (mean) | drop on capitals, words, people | KL on the task | "
            "KL on text | rise of the loss on text |", "|---|---|---|---|---|---|---|---|---|", *rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.0f} %"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
