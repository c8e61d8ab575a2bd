"""What the Pretrain page says: what a pretraining will take, its ladder as frames, its final probes as a table. Draws nothing."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pandas as pd

from lab import compare
from lab.core import Pretraining
from lab.ui import curve_reads, reads, text

STAGE, PROBE = "pretrain", "probe: "
SHIPPED = "shipped-"  # begins the id of a base that ships, in place of a run's id
HELD_OUT = "held-out text"
LADDER = ("ability", "step", "value", "low", "high", "n")
# Drawn at first, of those that were measured: one or two of each kind, and few enough to be told apart from the back of a room.
FIRST = ("known people, questions shown", "known people, never asked", "capitals", "words", "reading, 1 passage", "reading, 3 passages",
         "unknown person: I do not know", "grammar pairs")


class Size(NamedTuple):
    """What a preset takes: its own number of steps, and one core's seconds per step (measured for the next token; masking costs about the
    same). The workspace's own runs go before."""

    steps: int
    seconds: float


SIZES = {"XS": Size(5_800, 0.43), "S": Size(7_600, 0.88), "M": Size(15_100, 2.1)}


class Estimate(NamedTuple):
    """A pretraining's length before it runs. `here`: whether the seconds per step were measured in this workspace."""

    steps: int
    seconds: float
    here: bool

    @property
    def words(self) -> str:
        """'About 42 minutes on one core: 5,800 steps at 0.43 s each, ...'"""
        where = "as one of this kind took on this machine" if self.here else "as measured on another machine"
        each = f"{self.seconds / self.steps:.2g}"
        return f"{about(self.seconds)} on one core: {text.count(self.steps, 'step')} at {each} s each, {where}. This is an estimate."


def about(seconds: float) -> str:
    """A time that nobody knows to the second."""
    if seconds < 90:
        return "About a minute"
    return f"About {seconds / 60:.0f} minutes" if seconds < 5_400 else f"About {seconds / 3600:.1f} hours"


def steps_of(settings: Pretraining) -> int:
    return settings.steps or SIZES[settings.preset].steps


def estimate(settings: Pretraining) -> Estimate:
    """Seconds by the best pace of this workspace's runs of the same size and objective (others had to share the machine), else from the
    table above."""
    steps = steps_of(settings)
    alike = [view.run.id for view in reads.pretrainings()
             if (view.run.pretraining.preset, view.run.pretraining.objective) == (settings.preset, settings.objective)]
    paces = [pace for run_id in alike if (pace := seconds_per_step(run_id))]
    return Estimate(steps, steps * min(paces, default=SIZES[settings.preset].seconds), bool(paces))


def seconds_per_step(run_id: str) -> float | None:
    """Pace of a run, probes on the way included; None before its second point."""
    frame = curve_reads.curve_frame(run_id)
    rows = frame[(frame["stage"] == STAGE) & (frame["metric"] == "loss")]
    if len(rows) < 2 or rows["step"].iloc[-1] <= rows["step"].iloc[0]:
        return None
    first, last = rows.iloc[0], rows.iloc[-1]
    return (last["seconds"] - first["seconds"]) / (last["step"] - first["step"]) or None


def sources() -> dict[str, str]:
    """Id -> name of every pretraining whose curves can be shown: the runs, newest first, then how the shipped bases were made.

    Equal names get the end of the run's id, as among the bases.
    """
    views = reads.pretrainings()
    titles = [view.run.pretraining.title for view in views]
    found = {view.run.id: title if titles.count(title) == 1 else f"{title} ({view.run.id[-6:]})" for view, title in zip(views, titles)}
    return found | {SHIPPED + name: f"{name}, as it was made" for name in reads.cards()}


def run_of(source: str) -> Any | None:
    """The run's view; None for a shipped base."""
    return next((view for view in reads.pretrainings() if view.run.id == source), None)


def steps_in_all(source: str) -> int:
    """Where the axis of steps ends."""
    view = run_of(source)
    return steps_of(view.run.pretraining) if view else reads.cards()[source.removeprefix(SHIPPED)]["steps"]


def losses(source: str) -> pd.DataFrame:
    """series, x, value: training and held-out loss over steps."""
    if source.startswith(SHIPPED):
        curve = reads.cards()[source.removeprefix(SHIPPED)]["curve"]
        rows = [(name, point["step"], point[key]) for key, name in (("loss", "training"), ("validation_loss", HELD_OUT)) for point in curve]
        return pd.DataFrame(rows, columns=["series", "x", "value"])
    return pd.concat([_line(source, metric, name) for metric, name in (("loss", "training"), ("eval_loss", HELD_OUT))],
                     ignore_index=True)


def held_out(names: dict[str, str]) -> pd.DataFrame:
    """series, x, value of several sources (id -> label)."""
    found = [losses(source).assign(label=label) for source, label in names.items()]
    held = pd.concat([frame[frame["series"] == HELD_OUT] for frame in found], ignore_index=True)
    return held.assign(series=held["label"])[["series", "x", "value"]]


def _line(run_id: str, metric: str, name: str) -> pd.DataFrame:
    x, y = compare.thin(*compare.curve(curve_reads.curve_frame(run_id), STAGE, metric))
    return pd.DataFrame({"series": name, "x": x, "value": y})


def ladder(source: str) -> pd.DataFrame:
    """Every probe at every checkpoint, with its interval and n where the checkpoint was kept as a base."""
    if source.startswith(SHIPPED):
        curve = reads.cards()[source.removeprefix(SHIPPED)]["curve"]
        rows = [(name, point["step"], value) for point in curve for name, value in point["probes"].items()]
        return pd.DataFrame(rows, columns=list(LADDER[:3])).reindex(columns=list(LADDER))
    frame = curve_reads.curve_frame(source)
    rows = frame[(frame["stage"] == STAGE) & frame["metric"].str.startswith(PROBE)]
    found = pd.DataFrame({"ability": rows["metric"].str.removeprefix(PROBE), "step": rows["step"], "value": rows["value"]})
    known = [(name, kept["step"], score["low"], score["high"], score["n"]) for kept in reads.made(all_objectives=True)
             if kept["run"] == source and not kept.get("final") for name, score in kept["probes"].items() if score.get("value") is not None]
    return found.merge(pd.DataFrame(known, columns=["ability", "step", "low", "high", "n"]).drop_duplicates(["ability", "step"]),
                       on=["ability", "step"], how="left")[list(LADDER)]


def abilities(frame: pd.DataFrame) -> list[str]:
    """Names as they were measured, those that are drawn at first in front."""
    there = set(frame["ability"])
    return [*(name for name in FIRST if name in there), *sorted(there - set(FIRST), key=_natural)]


def _natural(name: str) -> list[tuple[int, str]]:
    """Numbers inside a name count as numbers: 16 labels before 256."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def first(names: list[str]) -> list[str]:
    """Which lines to draw before anybody chose."""
    return [name for name in names if name in FIRST] or names[:6]


def last_of(source: str) -> dict[str, Any] | None:
    """What is known of the newest base of a run, or of a shipped one: step, total, probes, final."""
    if source.startswith(SHIPPED):
        card = reads.cards()[source.removeprefix(SHIPPED)]
        return {"step": card["steps"], "total": card["steps"], "probes": card["probes"], "final": True}
    return next((about for about in reversed(reads.made(all_objectives=True)) if about["run"] == source), None)


def probe_table(kept: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """label -> manifest, to one row per ability. Several manifests stand beside each other, each score with its interval."""
    names = dict.fromkeys(name for about in kept.values() for name in about["probes"])
    if len(kept) == 1:
        (about,) = kept.values()
        rows = [{"Ability": name, "Share": _share(score), "95 % interval": text.interval(score.get("low"), score.get("high")) or "–",
                 "n": score.get("n")} for name, score in about["probes"].items()]
    else:
        rows = [{"Ability": name} | {label: _with_interval(about["probes"].get(name)) for label, about in kept.items()} for name in names]
    return pd.DataFrame(rows)


def _share(score: dict[str, Any]) -> str:
    return text.number(score["value"]) if score.get("value") is not None else f"not measured: {score.get('reason', 'no reason given')}"


def _with_interval(score: dict[str, Any] | None) -> str:
    if score is None or score.get("value") is None:
        return "–" if score is None else _share(score)
    return f"{text.number(score['value'])} ({text.interval(score['low'], score['high'])}, n = {score['n']})"
