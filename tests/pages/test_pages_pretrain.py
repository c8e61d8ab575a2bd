"""The Pretrain page: empty, running and finished workspaces; starting a run; the checkpoints in the choosers of other pages."""

import os

import pytest
from pages_help import opened

from lab import store
from lab.core import Pretraining
from lab.jobs import office
from lab.ui import answers, reads
from tests.ui import pretrainings


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)


@pytest.fixture
def finished():
    run = pretrainings.finished()
    return run, pretrainings.finished(Pretraining(objective="masked", steps=400, checkpoints=8), 2)


def captions(app):
    return "\n".join(caption.value for caption in app.caption)


def charts(app):
    return app.get("plotly_chart")


def test_an_empty_workspace_shows_how_the_shipped_base_was_made():
    app = opened("pretrain")
    assert not app.exception and app.title[0].value == "Pretrain"
    assert "Nothing was pretrained here yet" in captions(app) and "This is an estimate" in captions(app)
    assert len(charts(app)) == 2, "its ladder and its loss"
    assert "Stop" not in {button.label for button in app.button}


def test_starting_one_queues_it_and_shows_it():
    app = opened("pretrain")
    app.segmented_control(key="pretrain_objective").set_value("masked")
    app.number_input(key="pretrain_steps").set_value(60)
    app.number_input(key="pretrain_seed").set_value(3)
    app.run()
    assert "60 steps" in captions(app)
    app.button(key="pretrain_start").click().run()
    (run,) = [store.runs.load(name) for name in store.runs.ids()]
    assert run.pretraining == Pretraining(objective="masked", steps=60, seed=3)
    assert not app.exception and run.id in app.query_params["pretraining"]
    assert "queued" in captions(app) and "Stop" in {button.label for button in app.button}
    assert "1 queued" in captions(opened("start")), "the sidebar counts it"


def test_a_running_one_can_be_stopped_and_shows_its_ladder():
    run = pretrainings.running(os.getpid())
    app = opened("pretrain")
    assert not app.exception and len(charts(app)) == 2
    assert "Pretraining" in app.get("progress")[0].proto.text and "step 200 of 400, the newest checkpoint" in captions(app)
    app.button(key=f"runs_save_{run.id}").click().run()
    assert store.runs.asked_to_stop(run.id)["keep"] is True


def test_a_finished_one_tells_what_it_can_do_and_lies_beside_another(finished):
    causal, masked = finished
    app = opened("pretrain", {"pretraining": causal.id})
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "95 % interval" in frame.value)
    assert table.set_index("Ability").loc["capitals", "Share"] == "100 %"
    both = opened("pretrain", {"pretraining": causal.id, "beside": masked.id})
    assert not both.exception and any("masked token" in name for frame in both.dataframe for name in frame.value.columns)
    assert "compare their shapes" in captions(both)


def test_a_link_to_nothing_shows_another(finished):
    app = opened("pretrain", {"pretraining": "run-gone", "beside": "run-gone"})
    assert not app.exception and app.selectbox(key="_pretraining_widget").value == finished[1].id


def test_checkpoints_are_asked_with_the_question_that_was_clicked(finished, monkeypatch):
    asked = []
    monkeypatch.setattr(answers, "ask", lambda question, base, models: asked.append((question, base, models)) or "none")
    app = opened("pretrain", {"pretraining": finished[0].id, "pretrain_view": "Ask the checkpoints"})
    app.button(key="pretrain_example_A passage").click().run()
    next(button for button in app.button if button.label == "Ask").click().run()
    assert not app.exception
    (question, base, models), = asked
    assert question.startswith("Passage:") and len(models) == 4 and "base" in models.values()
    assert base.kind == "shipped", "one answerer holds the shipped base and every checkpoint of its shape"


def test_nothing_chosen_asks_nobody(finished, monkeypatch):
    monkeypatch.setattr(answers, "ask", lambda *_: pytest.fail("nobody was chosen"))
    app = opened("pretrain", {"pretraining": finished[0].id, "pretrain_view": "Ask the checkpoints"})
    app.multiselect(key=f"pretrain_models_{finished[0].id}").set_value([]).run()
    next(button for button in app.button if button.label == "Ask").click().run()
    assert not app.exception


def test_made_bases_can_be_built_on_and_a_lost_one_says_so(finished):
    app = opened("build")
    key = store.bases.made_key(finished[0].id, 50)
    box = app.selectbox(key="build_base")
    assert "XS, next token, seed 0, step 50 of 400" in box.options and not any("masked" in option for option in box.options)
    box.set_value(key).run()
    assert not app.exception and "Parameters" in captions(app)
    (store.place("artifacts", key) / "model.safetensors").unlink()
    reads._base.clear(reads._home(), "made", key)
    app = app.run()
    assert not app.exception and any("no longer there" in words.value for words in app.text)


@pytest.mark.parametrize("page", ["start", "data", "build", "runs", "compare", "ask"])
def test_no_page_breaks_where_there_are_only_pretrainings(finished, page):
    pretrainings.create(number=3)
    assert not opened(page).exception
