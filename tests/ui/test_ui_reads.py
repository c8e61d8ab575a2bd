"""Cached reads: new results show, unchanged ones are not read again, and what cannot be read hides nothing else."""

import shutil

from lab import store
from lab.jobs.outcomes import outcomes as read_outcomes
from lab.ui import curve_reads, reads, results, scored
from tests.ui import workspaces


def test_scored_agrees_with_the_plain_reading():
    found = workspaces.finished()
    plain = {(o.system, o.task): o.evaluations for o in read_outcomes(found.id)}
    cached = {(o.system, o.task): o.evaluations for o in scored.outcomes(found.id)}
    assert cached == plain and all(len(each) == 3 for each in cached.values())


def test_a_new_evaluation_appears_and_the_others_are_not_read_again(monkeypatch):
    found = workspaces.experiment()
    first, second = workspaces.runs_of(found)[:2]
    workspaces.score(first)
    assert scored.board(found.id)["value"].notna().sum() == 1
    read, find = [], store.evaluations.numbers
    monkeypatch.setattr(store.evaluations, "numbers", lambda key, fingerprint: read.append(key) or find(key, fingerprint))
    workspaces.score(second)
    assert scored.board(found.id)["value"].notna().sum() == 2
    assert len(read) == 1, "base on the second task: its suites are those of the first, its own test split is new"


def test_the_board_stands_in_the_experiments_order_and_forgetting_leaves_the_base_out():
    found = workspaces.finished()
    frame = scored.board(found.id)
    assert list(dict.fromkeys(frame["system"])) == [system.name for system in found.systems]
    assert list(dict.fromkeys(frame["need"])) == ["New facts made up", "Strict form made up"]
    assert "base" not in set(scored.forgetting(found.id)["system"])


def test_a_shared_stage_shows_the_curve_of_the_run_that_trained_it():
    found = workspaces.experiment()
    runs = {run.system.name: run for run in workspaces.runs_of(found) if run.task == "t-facts"}
    workspaces.train(runs["SFT"])
    frame, lenders = curve_reads.curves_of(runs["SFT → DPO"])
    assert lenders == {"sft": runs["SFT"].id} and set(frame["stage"]) == {"sft"}
    assert curve_reads.curves_of(runs["SFT"])[1] == {} and curve_reads.curves_of(runs["base"])[0].empty


def test_a_finished_run_whose_scores_belong_to_other_rows_says_so():
    found = workspaces.finished()
    one, other = scored.outcomes(found.id)[:2]
    assert one.reason == other.reason == ""
    found = workspaces.experiment(2)
    run = workspaces.runs_of(found)[-1]
    workspaces.start(run)
    store.runs.move(run.id, "finished", ended=1.0)
    shutil.rmtree(store.home() / "evaluations")
    (lonely,) = (outcome for outcome in scored.outcomes(found.id) if outcome.run.id == run.id)
    assert "not mixed" in lonely.reason and not lonely.evaluations


def test_what_cannot_be_read_hides_nothing_else():
    found = workspaces.broken()
    assert [experiment.id for experiment in reads.experiments()] == [found.id]
    assert len(reads.unreadable_experiments()) == 1
    assert reads.task("task-broken") is None and "cannot be read" in reads.task_problem("task-broken")
    assert len(scored.outcomes(found.id)) == 11


def test_equal_titles_are_told_apart():
    workspaces.task("t-one", "The same")
    workspaces.task("t-two", "The same")
    names = reads.task_names()
    assert names["t-one"] == "The same (t-one)" and names["t-two"] == "The same (t-two)"


def test_recorded_rows_become_the_boards_shape():
    rows = [{"system": "base", "suite": "facts", "metric": kind, "value": .2, "low": .1, "high": .3, "n": 9} for kind in ("exact_match", "other")]
    frame = results.from_recorded(rows + [{**rows[0], "suite": "gone"}], {"facts": "New facts"}, {"facts": "exact_match"})
    assert frame[["need", "metric"]].to_dict("records") == [{"need": "New facts", "metric": "exact_match"}]
