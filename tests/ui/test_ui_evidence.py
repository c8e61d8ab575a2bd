"""The evidence on the screens: charts hold a mark per run, own results take the record's place task by task."""

import json

import pandas as pd
import pytest

from lab import compare, store
from lab.compare import CLAIMS, Evidence, Point, Verdict
from lab.ui import evidence
from lab.ui.charts import Look, distance_chart, labels_chart, plane_chart
from lab.ui.charts.plane import FAMILY, family_styles


def point(system="SFT", family="LoRA", seed=0, task="form", **more):
    fields = {"task": task, "system": system, "family": family, "seed": seed, "trained": family not in ("base", "prompt"), "rate": 1e-3, "score": .8,
              "score_low": .7, "score_high": .9, "kept": .6, "lost": .3, "lost_low": .2, "lost_high": .4, "drop": .3, "kl_task": .5, "n": 100}
    return Point(**(fields | more))


def found(points=(), decision="confirmed", **about):
    return Evidence(verdicts=tuple(Verdict(claim=claim, decision=decision) for claim in CLAIMS), points=tuple(points), **about)


RUNS = [*(point("base", "base", seed, score=0, kept=.95, drop=0, kl_task=None) for seed in (0, 1)),
        *(point(f"LoRA {rate}", "LoRA", seed, rate=rate, score=rate * 100) for rate in (1e-3, 4e-3) for seed in (0, 1)),
        point("full, high rate, EWC", "EWC", lost_low=None)]


def test_the_plane_has_a_mark_per_run_and_a_line_per_family():
    figure = plane_chart(evidence.point_frame(found(RUNS)), Look(dark=True))
    marks = {trace.name: len(trace.x) for trace in figure.data if trace.mode == "markers"}
    assert marks == {"bare base": 2, "LoRA": 4, "full tuning + EWC": 1}
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == 1 and list(lines[0].x) == pytest.approx([.1, .4]), "joined by rising rate"
    assert "95 % interval" in json.dumps(figure.to_dict(), default=list)


def test_families_differ_by_more_than_colour():
    for look in (Look(), Look(dark=True)):
        styles = family_styles(look)
        assert set(styles) == set(compare.FAMILIES) == set(FAMILY)
        assert len({style.symbol for style in styles.values()}) == len(styles)


def test_distance_is_logarithmic_and_names_are_never_html():
    frame = evidence.point_frame(found([point("<b>x</b>", kl_task=.1 * n) for n in range(1, 5)]))
    figure = distance_chart(frame, Look(), "kl_task", "KL")
    assert figure.layout.xaxis.type == "log" and len(figure.data[0].x) == 4
    assert "<b>x" not in json.dumps(figure.to_dict(), default=list)


def test_labels_leave_the_base_out_of_the_line():
    rows = [point("base", "base", task="labels", score=.2), *(point(f"SFT, {n} labels", task="labels", examples=n, score=n / 2_048) for n in (16, 2_048))]
    figure = labels_chart(evidence.point_frame(found(rows), "labels"), Look())
    assert list(figure.data[0].x) == [16, 2_048] and list(figure.layout.xaxis.ticktext) == ["16", "2,048"]
    assert any(note.text == "bare base" for note in figure.layout.annotations)


def test_own_results_take_the_records_place_task_by_task(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "shipped")
    assert evidence.recorded() is None and evidence.shown() is None
    record = found([point("old"), point("old", task="tone")], "refuted", recorded={"date": "2026-01-02"}, experiments={"form": "a", "tone": "b"})
    store.files.write_json(tmp_path / "shipped" / "recorded" / "evidence.json", record.model_dump(mode="json"))
    assert evidence.shown() == evidence.Shown(evidence=record, sources={"form": "", "tone": ""})
    own = found([point("new", task="tone")], "confirmed", experiments={"tone": "evidence-tone-1"})
    monkeypatch.setattr(evidence, "measured", lambda: own)
    both = evidence.shown()
    assert both.sources == {"form": "", "tone": "evidence-tone-1"}
    assert {v.claim.task: v.decision for v in both.evidence.verdicts} == {c.task: "confirmed" if c.task == "tone" else "refuted" for c in CLAIMS}
    assert sorted((p.task, p.system) for p in both.evidence.points) == [("form", "old"), ("tone", "new")]


def test_frames_say_what_was_not_measured_by_nothing():
    frame = evidence.point_frame(found([point(kl_task=None, rate=None)]))
    assert pd.isna(frame["kl_task"][0]) and pd.isna(frame["rate"][0]) and frame["score"].dtype == float
    verdicts = evidence.verdict_frame(list(found().verdicts))
    assert len(verdicts) == len(CLAIMS) and verdicts["value"].isna().all()
    assert evidence.part_frame(list(found().verdicts)).empty
