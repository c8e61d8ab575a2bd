"""What stays as it was chosen or typed, and what each page opens on: Build, Ask and Compare."""

import pytest
from streamlit.testing.v1 import AppTest

from lab import store
from lab.core import Base, Dpo, Sft
from lab.jobs import plan
from lab.ui import planning, reads, state
from tests.pages.pages_help import opened
from tests.ui import workspaces


def field(app, end):
    return next(box for box in app.number_input if box.key.endswith(end))


@pytest.fixture
def another_base(tmp_path):
    """A copy of the shipped base in a folder, called larger than it is, so that other settings are proposed for it."""
    folder = tmp_path / "their-model"
    folder.symlink_to(store.SHIPPED / "bases" / store.bases.shipped()[0])
    return folder


def test_settings_typed_on_build_stay_when_the_base_changes_and_the_others_follow(another_base, monkeypatch):
    app = opened("build")
    field(app, "build_sft_SFT_epochs").set_value(3).run()
    rate = field(app, "build_sft_SFT_learning_rate").value
    app.selectbox(key="build_base").set_value("A local folder …").run()
    found = reads.base("folder", str(another_base)).model_copy(update={"parameters": 10**9, "fingerprint": "f" * 16})
    monkeypatch.setattr(reads, "base", lambda kind, ref: found)
    app.text_input(key="build_folder").set_value(str(another_base)).run()
    assert not app.exception
    assert field(app, "build_sft_SFT_epochs").value == 3
    assert field(app, "build_sft_SFT_learning_rate").value == Sft().learning_rate != rate
    monkeypatch.undo()
    app.selectbox(key="build_base").set_value(store.bases.shipped()[0]).run()
    assert field(app, "build_sft_SFT_epochs").value == 3 and field(app, "build_sft_SFT_learning_rate").value == rate


def test_what_will_be_run_says_epochs_and_learning_rate():
    assert planning.stage_words(Sft(epochs=8, learning_rate=2e-3)) == "SFT adapter, 8 epochs at 2e-3"
    assert planning.stage_words(Dpo(epochs=1, learning_rate=2.5e-4)) == "DPO adapter, 1 epoch at 2.5e-4"
    planned = next(each.value for each in opened("build").dataframe if "Makes" in each.value)
    assert any("SFT adapter, 8 epochs at 2e-3; DPO adapter" in cell for cell in (planned["Makes"] + planned["Shares"]).tolist()) or any(
        "SFT adapter, 8 epochs at 2e-3" in cell for cell in planned["Makes"])


def test_every_name_on_build_has_a_label_of_its_own():
    labels = [box.label for box in opened("build").text_input]
    assert "Name of the experiment" in labels and "Name of System 1" in labels and len(labels) == len(set(labels))


def test_suites_of_the_shipped_world_are_ticked_only_for_bases_of_that_world():
    names = store.tasks.suite_names()
    bases = {kind: Base(kind=kind, ref="x", fingerprint="0" * 16) for kind in ("shipped", "made", "folder", "hub", "endpoint")}
    ticked = {kind: planning.fitting_suites(base, names) for kind, base in bases.items()}
    assert ticked["shipped"] == ticked["made"] == names and ticked["folder"] == ticked["hub"] == ["text_loss"] and ticked["endpoint"] == []


@pytest.fixture
def two_experiments(workspace):
    found = workspaces.finished()
    again = found.model_copy(update={"id": "exp-20200101-000001-abcdef", "name": "Earlier", "created": found.created - 9e7})
    store.experiments.save(again)
    for run in plan(again):
        store.runs.create(run)
    return found, again


def test_a_choice_is_not_undone_by_the_url_that_was_left(two_experiments):
    newer, earlier = two_experiments
    app = opened("runs", {"experiment": newer.id})
    app.selectbox(key="_experiment_widget").set_value(earlier.id).run()
    assert app.selectbox(key="_experiment_widget").value == earlier.id
    app.query_params["experiment"] = newer.id  # as a timer sends it that started before the browser heard of the choice
    app.run()
    assert app.selectbox(key="_experiment_widget").value == earlier.id and app.query_params["experiment"] in (earlier.id, [earlier.id])


def test_the_browsers_way_back_is_followed_at_once(two_experiments, monkeypatch):
    newer, earlier = two_experiments
    app = opened("runs", {"experiment": newer.id})
    app.selectbox(key="_experiment_widget").set_value(earlier.id).run()
    monkeypatch.setattr(state, "went_back", lambda: True)
    app.query_params["experiment"] = newer.id
    app.run()
    assert app.selectbox(key="_experiment_widget").value == newer.id


def test_a_link_from_another_page_is_followed_also_to_what_was_left(two_experiments):
    newer, earlier = two_experiments
    app = opened("runs", {"experiment": newer.id})
    app.selectbox(key="_experiment_widget").set_value(earlier.id).run()
    app.switch_page("pages/start.py").run()
    app.query_params["experiment"] = newer.id
    app.switch_page("pages/runs.py").run()
    assert app.selectbox(key="_experiment_widget").value == newer.id


def test_a_typed_question_stays_when_another_task_is_chosen_and_the_example_follows_otherwise(workspace):
    workspaces.finished()
    app = opened("ask", {"task": "t-facts"})
    first = app.text_area(key="ask_question").value
    app.selectbox(key="_task_widget").set_value("t-form").run()
    assert app.text_area(key="ask_question").value and not app.exception
    app.text_area(key="ask_question").set_value("What did I type?").run()
    app.selectbox(key="_task_widget").set_value("t-facts").run()
    assert app.text_area(key="ask_question").value == "What did I type?" != first


def test_the_base_is_named_where_the_experiment_is_chosen(workspace):
    workspaces.finished()
    for page in ("start", "runs", "compare", "ask"):
        assert any("Base: " in part.value for part in opened(page).caption), page


def answers_of_twins():
    import streamlit as st

    from lab.compare import side_by_side
    from lab.ui import reads, scored
    from lab.ui.panels.filters import filtered

    found = scored.outcomes(reads.experiments()[0].id)
    mine = scored.with_answers({one.system: one.evaluations[one.task] for one in found if one.task == found[0].task})
    first, second = "base", "SFT"
    if st.toggle("Twins", value=True):
        mine[second] = mine[first]
    suite = reads.task(found[0].task).test_suite()
    st.text(len(filtered(side_by_side({name: mine[name] for name in (first, second)}, suite), first, [first, second], suite)))


def test_outputs_open_on_all_items_where_the_systems_agree_and_on_what_differs_elsewhere(workspace):
    workspaces.finished()
    app = AppTest.from_function(answers_of_twins).run()
    assert app.segmented_control(key="compare_filter").value == "all" and app.text[0].value == "14"
    app.toggle[0].set_value(False).run()
    assert app.segmented_control(key="compare_filter").value == "disagree" and 0 < int(app.text[0].value) < 14
    app.segmented_control(key="compare_filter").set_value("all").run()
    app.run()
    assert app.segmented_control(key="compare_filter").value == "all" and not app.exception


def test_the_link_to_results_opens_the_scoreboard(workspace):
    workspaces.finished()
    link = next(link for link in opened("runs").get("page_link") if link.label == "Compare its results")
    assert "compare_view=Scoreboard" in link.proto.query_string
