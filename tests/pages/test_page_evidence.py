"""The page Evidence: without anything, with the record that ships, with hostile words in it."""

import pytest
from pages_help import opened

from lab import compare, store
from lab.compare import CLAIMS, Evidence, Verdict
from lab.compare.evidence import Part
from tests.ui.test_ui_evidence import RUNS, point
from tests.ui.workspaces import NASTY


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """What ships, without its evidence; returns a way to add some."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    for name in ("bases", "suites", "tasks"):
        (folder / name).symlink_to(store.SHIPPED / name)
    monkeypatch.setattr(store, "SHIPPED", folder)

    def record(**changes):
        decisions = compare.DECISIONS
        parts = (Part(system="SFT", suite="form", metric="json_match", value=.9, low=.8, high=.95),)
        verdicts = tuple(Verdict(claim=claim, decision=decisions[place % 5], value=.2, low=.1, high=.3, n=100, seeds=3, reason=NASTY, parts=parts)
                         for place, claim in enumerate(CLAIMS))
        labels = [point(f"SFT, {n} labels", task="labels", examples=n) for n in (16, 64)]
        found = Evidence(verdicts=verdicts, points=(*RUNS, *labels), recorded={"date": "2026-01-02", "base": "toy", "machine": "2 cores"})
        store.files.write_json(folder / "recorded" / "evidence.json", found.model_copy(update=changes).model_dump(mode="json"))

    return record


def said(app):
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "info") for element in getattr(app, kind))


def test_without_evidence_it_says_what_will_be_decided(shipped):
    app = opened("evidence")
    assert not app.exception and [title.value for title in app.title] == ["Evidence"]
    assert "python -m lab evidence" in said(app) and compare.RULE in said(app)
    assert all(claim.sentence in said(app) for claim in CLAIMS)


def test_the_record_is_shown_with_its_rule_its_charts_and_where_it_comes_from(shipped):
    shipped()
    app = opened("evidence")
    assert not app.exception
    words = said(app)
    assert "Recorded on 2026" in words and compare.RULE in words and compare.SMALL in words
    assert len(app.get("plotly_chart")) == 3
    assert all(decision in words for decision in compare.DECISIONS)
    tables = [frame.value for frame in app.dataframe]
    assert len(tables[0]) == len(CLAIMS) and "json_match" in set(tables[1]["metric"])


def test_the_url_chooses_the_groups(shipped):
    shipped()
    app = opened("evidence", {"evidence_group": "Tone"})
    assert not app.exception and set(app.dataframe[0].value["group"]) == {"Tone"}


def test_a_record_without_points_says_what_will_stand_there(shipped):
    shipped(points=())
    app = opened("evidence")
    assert not app.exception and not app.get("plotly_chart")
    assert "appear here once they have ended" in said(app)
