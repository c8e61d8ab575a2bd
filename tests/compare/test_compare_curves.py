"""Curves: what an event says once stands once, and no spike is lost on the way to the screen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.compare import curve, curve_frame, differing_settings, smooth, spread, thin
from lab.core import Base, Dpo, Prompting, Run, Sft, System


def event(step, attempt=1, at=0.0, stage="sft", **values):
    return {"at": at, "attempt": attempt, "kind": "metric", "stage": stage, "step": step, "values": values}


def test_a_curve_frame_has_one_row_per_stage_step_and_metric():
    frame = curve_frame([event(0, eval_loss=3.0), event(1, loss=2.5, tokens=100, epoch=0.1), event(1, stage="dpo", loss=0.69),
                         {"at": 1.0, "attempt": 1, "kind": "note", "message": "hello"}, {"kind": "metric"}])
    assert list(frame.columns) == ["stage", "step", "metric", "value", "at", "seconds", "tokens", "epoch", "attempt"]
    assert frame[["stage", "step", "metric", "value"]].values.tolist() == [
        ["sft", 0, "eval_loss", 3.0], ["sft", 1, "loss", 2.5], ["dpo", 1, "loss", 0.69]]


def test_the_newest_attempt_wins_whatever_the_order():
    events = [event(1, 2, 50, loss=1.5), event(1, 1, 10, loss=9.0), event(2, 1, 11, loss=8.0), event(2, 2, 51, loss=1.2)]
    for order in (events, events[::-1]):
        assert curve(curve_frame(order), "sft", "loss")[1].tolist() == [1.5, 1.2]


def test_seconds_leave_out_the_pause_between_attempts():
    frame = curve_frame([event(1, 1, 100, loss=3.0), event(2, 1, 110, loss=2.0), event(3, 2, 9_000, loss=1.5), event(4, 2, 9_005, loss=1.0)])
    assert curve(frame, "sft", "loss", "seconds")[0].tolist() == [0, 10, 10, 15]


def test_validation_points_get_the_tokens_of_their_step():
    frame = curve_frame([event(0, eval_loss=3.0), event(5, loss=2.0, tokens=500, epoch=0.5), event(5, eval_loss=2.1),
                         event(7, eval_loss=2.0)])
    assert curve(frame, "sft", "eval_loss", "tokens")[0].tolist() == [0, 500, 500]
    assert frame["epoch"].max() == 0.5


def test_not_measured_is_no_point_and_not_finite_is_one():
    frame = curve_frame([event(1, loss=None, grad_norm=1.0), event(2, loss=float("nan"), skipped=True, name="x")])
    assert frame["metric"].tolist() == ["grad_norm", "loss"] and np.isnan(curve(frame, "sft", "loss")[1]).all()
    assert curve_frame([]).empty


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=3_000), st.integers(10, 400))
def test_thin_keeps_the_extremes_and_both_ends(values, points):
    x, y = thin(np.arange(len(values)), values, points)
    assert len(x) <= max(points, 2) and (np.diff(x) > 0).all()
    assert (y.min(), y.max(), y[0], y[-1]) == (min(values), max(values), values[0], values[-1])


def test_thin_survives_holes_and_infinities():
    values = np.sin(np.arange(5_000.0))
    values[100:200], values[3_000], values[10] = np.nan, np.inf, 7
    _, y = thin(np.arange(5_000), values)
    assert len(y) <= 400 and np.inf in y and 7 in y


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50), st.floats(0, 0.99))
def test_smoothing_stays_within_the_curve_and_starts_on_it(values, weight):
    smoothed = smooth(np.arange(len(values)), values, weight)
    assert smoothed[0] == values[0]
    assert min(values) - 1e-6 <= smoothed.min() and smoothed.max() <= max(values) + 1e-6


def test_smoothing_is_raw_at_zero_flat_on_flat_and_weighted_by_distance():
    x, y = np.array([0.0, 1.0, 1_000.0]), np.array([0.0, 0.0, 1.0])
    assert smooth(x, y, 0).tolist() == y.tolist()
    assert smooth(x, np.ones(3), 0.9) == pytest.approx(1)
    assert smooth(x, y, 0.9)[2] > 0.99 > smooth(np.arange(3), y, 0.9999)[2]


def test_smoothing_steps_over_what_is_not_finite():
    smoothed = smooth(np.arange(3), [1.0, np.nan, 1.0], 0.5)
    assert smoothed[0] == smoothed[2] == 1.0 and np.isnan(smoothed[1])


def run(name, seed=0, **parts):
    base = Base(kind="shipped", ref="tiny", fingerprint="abc")
    return Run(id=name, experiment="e", system=System(name=name, base=base, **parts), system_key=name, task="facts", seed=seed, created=0.0)


def test_only_differing_settings_are_listed():
    table = differing_settings([run("a", training=(Sft(learning_rate=1e-3),)), run("b", seed=1, training=(Sft(), Dpo())),
                                run("c", prompting=Prompting(shots=3))])
    assert list(table.columns) == ["a", "b", "c"]
    assert table.loc["training.1:sft.learning_rate"].tolist() == ["0.001", "0.0002", "not used"]
    assert table.loc["training.2:dpo.beta"].tolist() == ["not used", "0.1", "not used"]
    assert table.loc["prompting.shots"].tolist() == ["not used", "not used", "3"] and table.loc["seed"].tolist() == ["0", "1", "0"]
    assert not any(name.startswith("base") or name == "task" for name in table.index)


def test_equal_runs_differ_in_nothing_but_their_name():
    assert differing_settings([run("a"), run("a").model_copy(update={"id": "b"})]).empty
    assert differing_settings([]).empty


def test_a_group_of_seeds_has_a_mean_between_its_lowest_and_its_highest():
    steps = np.arange(0, 50.0)
    lines = [(steps, 3 - steps / 50), (steps, 3.2 - steps / 50), (steps[:40], 3.1 - steps[:40] / 50)]
    x, mean, low, high = spread(lines)
    assert x[0] == 0 and x[-1] == 39, "only where all of them run"
    assert mean == pytest.approx(3.1 - x / 50) and (high - low) == pytest.approx(np.full(40, .2))
    assert [len(part) for part in spread([(steps, steps * np.nan)])] == [0] * 4
