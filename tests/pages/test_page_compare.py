"""Compare as a reader meets it: seeds together, the deciding metric, one table, the margin, items, filters, what was given away."""

import json

import pytest

from lab import store
from lab.core import Evaluation, Example, Score
from lab.jobs import plan
from lab.jobs.outcomes import evaluation_key, suites_of
from tests.pages.pages_help import opened
from tests.ui import workspaces


def said(app) -> str:
    return "\n".join(str(part.value) for kind in ("caption", "markdown", "text", "warning") for part in app.get(kind))


@pytest.fixture
def three_seeds(workspace):
    return workspaces.finished(seeds=(0, 1, 2))


def launched_again(found, **changes):
    """The same Experiment under another id, newer, with its runs; what it would answer is scored already."""
    again = found.model_copy(update={"id": "exp-20270101-000001-abcdef", "created": found.created + 9e7} | changes)
    store.experiments.save(again)
    for run in plan(again):
        store.runs.create(run)
    return again


def test_all_seeds_are_taken_together_until_one_is_chosen(three_seeds):
    app = opened("compare")
    assert app.segmented_control(key="compare_seed").value == "all" and not app.exception
    together = app.dataframe[0].value
    assert set(together["seeds"]) == {3}
    app.segmented_control(key="compare_seed").set_value("1").run()
    assert not app.exception and set(app.dataframe[0].value["seeds"]) == {1}


def test_an_experiment_without_runs_breaks_nothing(workspace):
    found = workspaces.finished()
    store.experiments.save(found.model_copy(update={"id": "exp-20270101-000001-abcdef", "created": found.created + 9e7}))
    assert not opened("start").exception and not opened("compare").exception


def test_the_board_says_what_decides_and_over_which_family(three_seeds):
    words = said(opened("compare"))
    assert "Deciding metric: **exact match**" in words and "5 Systems" in words and "Holm" in words


def test_a_declared_metric_is_said_to_be_declared(workspace):
    found = workspaces.finished()
    declared = launched_again(found, primary={"t-facts": "exact_match"})
    assert "declared before anything ran" in said(opened("compare", {"experiment": declared.id}))


def test_one_table_holds_scores_and_costs_of_every_system(three_seeds):
    frames = [frame.value for frame in opened("compare").dataframe]
    table = next(frame for frame in frames if "Time per answer, p50" in frame)
    assert table["System"].tolist() == [system.name for system in three_seeds.systems]
    assert {"Prompt tokens", "Answer tokens", "p95"} <= set(table) and ", n 14" in table.iloc[0, 1] and " to " in table.iloc[0, 1]


def test_data_that_changed_under_an_experiment_is_said(workspace):
    found = workspaces.finished()
    pinned = found.pinned(store.tasks.load(name).task for name in found.tasks)
    changed = launched_again(found, data=pinned.data | {"t-facts": pinned.data["t-facts"] | {"test": "other"}})
    (warning,) = opened("compare", {"experiment": changed.id}).warning
    assert "changed after this experiment was launched" in warning.value and "test rows" in warning.value and "training rows" not in warning.value


def test_test_questions_that_were_trained_on_give_scores_without_them(workspace):
    workspaces.suite("s-capitals", "Capitals")
    data = workspaces.task("t-leak", "Leaking")
    leaked = [row for row in data.examples if row.split == "test"][:3]
    rows = (*data.examples, *(Example(id=f"again{n}", prompt=row.prompt, answer=row.answer, split="train") for n, row in enumerate(leaked)))
    store.tasks.save(data.model_copy(update={"task": data.task.model_copy(update={"id": "t-facts"}), "examples": rows}))
    workspaces.finished()
    app = opened("compare", {"task": "t-facts"})
    assert "Where the score falls without them, it was partly remembered" in said(app) and not app.exception
    assert "No System of this task saw" in said(opened("compare", {"task": "t-form"}))


def test_the_margin_is_the_readers_and_stands_in_the_words(three_seeds):
    app = opened("compare", {"compare_view": "Forgetting"})
    assert app.number_input(key="compare_margin").value == 5 and "no change beyond 5 points" in said(app)
    app.number_input(key="compare_margin").set_value(10).run()
    assert "no change beyond 10 points" in said(app) and not app.exception


def test_items_lost_and_gained_are_counted(three_seeds):
    app = opened("compare", {"compare_view": "Forgetting"})
    app.selectbox(key="compare_lost_system").set_value("SFT").run()
    kinds = app.segmented_control(key="compare_lost_kind")
    assert kinds.value == "Lost" and all("(" in option for option in kinds.options) and not app.exception


def test_curves_of_seeds_are_one_line_with_a_band_or_apart(three_seeds):
    app = opened("compare", {"compare_view": "Curves"})
    assert app.toggle(key="compare_together").value is True
    app.toggle(key="compare_together").set_value(False).run()
    app.toggle(key="compare_log_y").set_value(True).run()
    assert not app.exception
    assert any("setting" in frame.value for frame in app.dataframe), "in what the ticked runs differ"


def test_the_plane_goes_over_checkpoints_and_their_answers_stand_beside_the_systems(workspace):
    found = launched_again(workspaces.finished(), checkpoints=True)
    sft = next(run for run in workspaces.runs_of(found) if run.system.name == "SFT" and run.task == "t-facts")
    workspaces.score_on_the_way(sft)
    for run in workspaces.runs_of(found):
        workspaces.finish(run)
    app = opened("compare", {"experiment": found.id, "compare_view": "Forgetting"})
    traces = json.loads(app.get("plotly_chart")[0].proto.spec)["data"]
    steps = [trace["customdata"][0][2] for trace in traces if trace.get("customdata") and trace["customdata"][0][2]]
    assert steps == [f"SFT, SFT step {step} of 40" for step in (2, 8, 20)] and "small open marks" in said(app) and not app.exception
    assert "No checkpoints of" in said(app) and "SFT → DPO" in said(app).split("No checkpoints of")[1].split(":")[0]
    app = opened("compare", {"experiment": found.id, "compare_view": "Outputs", "compare_systems": "SFT", "compare_checkpoints": steps[0]})
    assert not app.exception and app.multiselect[0].value == [steps[0]]
    assert app.selectbox(key="compare_item_system").options == ["base", "SFT", steps[0]]


def test_several_curves_stand_beneath_each_other_and_the_link_carries_them(three_seeds):
    def panels(app):
        assert not app.exception
        return [note["text"].split("</b>")[0] for note in json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]["annotations"]]
    assert panels(opened("compare", {"compare_view": "Curves"})) == ["<b>SFT: validation loss", "<b>SFT: training loss"]
    assert panels(opened("compare", {"compare_view": "Curves", "curve": "dpo reward_margin"})) == ["<b>DPO: reward margin"]
    three = {"compare_view": "Curves", "curve": ["sft loss", "dpo loss", "sft learning_rate"], "compare_smoothing": "0.6"}
    assert panels(opened("compare", three)) == ["<b>SFT: training loss", "<b>SFT: learning rate", "<b>DPO: training loss"]


def test_numbers_are_shown_without_reading_an_answer(three_seeds, monkeypatch):
    read, find = [], store.evaluations.find
    monkeypatch.setattr(store.evaluations, "find", lambda *name: read.append(name) or find(*name))
    for page, view in (("start", ""), ("compare", "Scoreboard"), ("compare", "Curves")):
        app = opened(page, {"compare_view": view} if view else {})
        assert app.get("plotly_chart") and not app.exception and not read, (page, view)
    opened("compare", {"compare_view": "Outputs"})
    assert 0 < len(read) <= len(three_seeds.systems), "answers of the ticked Systems and one seed"


@pytest.mark.parametrize("kind", ["right", "wrong", "longest", "slowest", "lost", "gained", "all"])
def test_answers_are_filtered(three_seeds, kind):
    app = opened("compare", {"compare_view": "Outputs"})
    app.segmented_control(key="compare_filter").set_value(kind).run()
    assert not app.exception and " of 14 items" in said(app)


def test_answers_are_searched_and_sliced(three_seeds):
    app = opened("compare", {"compare_view": "Outputs"})
    app.segmented_control(key="compare_filter").set_value("all").run()
    app.text_input(key="compare_search").set_value("person 27 live").run()
    assert "1 of 14 items" in said(app)
    app.text_input(key="compare_search").set_value("").run()
    app.selectbox(key="compare_slice").set_value("right answer").run()
    assert "2 of 14 items" in said(app) and not app.exception


def test_large_type_comes_with_the_link_and_stays(three_seeds):
    app = opened("start", {"large": "true"})
    assert app.toggle(key="_large_widget").value is True and not app.exception
    large = json.loads(opened("compare", {"large": "true"}).get("plotly_chart")[0].proto.spec)["layout"]["font"]["size"]
    assert large > json.loads(opened("compare").get("plotly_chart")[0].proto.spec)["layout"]["font"]["size"]
    app.toggle(key="_large_widget").set_value(False).run()
    assert app.query_params["large"] in ("false", ["false"]) and not app.exception


def test_the_scoreboard_says_whose_prompts_were_cut_and_leads_to_health(workspace):
    found = workspaces.experiment()
    for run in workspaces.runs_of(found):
        workspaces.start(run)
        for suite in suites_of(run):
            said_so = "2 of 3 shots fitted" if run.system.prompting else ""
            scores = tuple(Score(item=item.id, answer="x", values={"exact_match": 0.0}, prompt="p", reason=said_so, ended=True) for item in suite.items)
            store.evaluations.save(Evaluation(system_key=evaluation_key(run, suite), suite=suite.name, suite_fingerprint=suite.fingerprint, role=suite.role,
                                              scorers=suite.scorers, decoding="greedy", scores=scores, run=run.id))
        store.runs.move(run.id, "finished")
    app = opened("compare")
    assert "Some prompts were cut" in said(app) and "3 shots: 14 of 14 prompts went out without" in said(app)
    assert "RAG: " not in said(app) and "No System solves" in "".join(info.value for info in app.info) and "more items are needed" not in said(app)
    app.button(key="compare_to_health").click().run()
    assert app.session_state["compare_view"] == "Cost and health" and not app.exception


def test_one_task_alone_is_not_pooled(three_seeds):
    pooled = [toggle.key for toggle in opened("compare", {"compare_view": "Forgetting"}).toggle]
    assert ("compare_pooled" in pooled) == (len(three_seeds.tasks) > 1)
    launched_again(three_seeds, tasks=three_seeds.tasks[:1])
    assert "compare_pooled" not in [toggle.key for toggle in opened("compare", {"compare_view": "Forgetting"}).toggle]
