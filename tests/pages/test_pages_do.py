"""What one can do on a page: launch, build, save a task. The queue is written for real; only the supervisor is kept from starting."""

import pytest
from pages_help import field, opened

from lab import store
from lab.jobs import office
from lab.ui import reads
from tests.ui import workspaces

CSV = b"question,answer\n" + b"".join(f"What is {n} plus {n}?,{n + n}\n".encode() for n in range(60))


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)


def test_the_tour_is_launched_once():
    app = opened("start")
    app.button(key="start_tour").click().run()
    assert not app.exception
    assert len(store.runs.ids()) == 18 and len(store.experiments.ids()) == 1
    assert app.button(key="start_tour").disabled
    assert any("watch it" in link.label for link in app.get("page_link"))


def test_recorded_results_are_labelled_until_something_ran(monkeypatch, tmp_path):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for name in ("bases", "suites", "tasks"):
        (shipped / name).symlink_to(store.SHIPPED / name)
    rows = [{"system": name, "suite": "facts", "metric": "exact_match", "value": .5, "low": .4, "high": .6, "n": 120} for name in ("base", "SFT")]
    drops = [{"system": "SFT", "suite": "capitals", "base": .9, "value": .5, "drop": .4, "low": .3, "high": .5, "n": 100}]
    store.files.write_json(shipped / "recorded" / "tour.json", {"scores": rows, "forgetting": drops, "seconds": 200.0,
                           "recorded": {"date": "2026-01-02", "versions": {}, "machine": "2 cores"}})
    monkeypatch.setattr(store, "SHIPPED", shipped)
    app = opened("start")
    assert not app.exception
    assert any("Recorded on 2026" in mark.value and "2 cores" in mark.value for mark in app.markdown)
    workspaces.finished()
    assert not any("Recorded on" in mark.value for mark in opened("start").markdown)


def test_build_launches_what_it_shows():
    app = opened("build")
    for row in ("shots", "rag", "dpo", "ragsft"):
        app.checkbox(key=f"build_{row}_on").uncheck()
    app.run()
    planned = next(each.value for each in app.dataframe if "System" in each.value)
    assert list(planned["System"]) == ["base", "SFT"]
    app.button(key="build_launch").click().run()
    runs = [store.runs.load(name) for name in store.runs.ids()]
    assert sorted(run.system.name for run in runs) == ["SFT", "base"]
    assert {run.experiment for run in runs} == set(store.experiments.ids())


def test_build_keeps_names_apart_and_settings_through_simple_and_expert():
    app = opened("build")
    app.text_input(key="build_rag_name").set_value("base").run()
    assert any("same name" in warning.value for warning in app.warning)
    assert app.button(key="build_launch").disabled
    app.text_input(key="build_rag_name").set_value("RAG").run()
    rate = next(box for box in app.number_input if box.key.startswith("build_sft_") and box.key.endswith("learning_rate"))
    rate.set_value(1e-3).run()
    app.segmented_control(key="build_mode").set_value("Expert").run()
    app.segmented_control(key="build_mode").set_value("Simple").run()
    assert next(box for box in app.number_input if box.key == rate.key).value == 1e-3


def test_build_refuses_a_folder_that_is_no_model(tmp_path):
    app = opened("build")
    app.selectbox(key="build_base").set_value("A local folder …").run()
    app.text_input(key="build_folder").set_value(str(tmp_path)).run()
    assert not app.exception
    assert any("config.json is missing" in words.value for words in app.text)


def test_build_shows_a_refusal_before_launch():
    data = workspaces.task("t-bare", "Nothing but questions")
    bare = data.model_copy(update={"task": data.task.model_copy(update={"id": "t-nodocs"}), "documents": (), "preferences": ()})
    store.tasks.save(bare)
    app = opened("build")
    app.multiselect(key="build_tasks").set_value(["t-nodocs"]).run()
    assert not app.checkbox(key="build_rag_on").value, "it is not proposed"
    app.checkbox(key="build_rag_on").check().run()
    assert any("needs documents" in words.value for words in app.text)
    assert app.button(key="build_launch").disabled
    assert store.runs.ids() == []


def test_own_files_become_a_task(workspace):
    app = opened("data", {"data_mode": "Bring your own files"})
    app.file_uploader(key="data_examples").upload("../../evil name.csv", CSV, "text/csv")
    app.run()
    assert not app.exception
    app.button(key="data_save").click().run()
    assert any("name" in warning.value for warning in app.warning), "a refused save says what is missing"
    field(app.text_input, "data_name").set_value("Doubles <b>").run()
    app.button(key="data_save").click().run()
    saved = [name for name in store.tasks.ids() if name.startswith("doubles")]
    assert len(saved) == 1
    data = store.tasks.load(saved[0])
    assert data.task.name == "Doubles <b>" and sum(data.task.counts[split] for split in ("train", "validation", "test")) == 60
    assert not any((workspace / "uploads").iterdir()), "uploaded files are gone"


@pytest.mark.parametrize("name, content", [("empty.csv", b""), ("binary.csv", b"\x00\x01\x02" * 500), ("broken.json", b'[{"a": 1'),
                                           ("one.csv", b"only\n1\n")])
def test_bad_files_are_refused_with_words_and_leave_nothing(workspace, name, content):
    app = opened("data", {"data_mode": "Bring your own files"})
    app.file_uploader(key="data_examples").upload(name, content, "text/csv")
    app.run()
    assert not app.exception
    assert app.text or app.info
    assert "Save as a task" not in {button.label for button in app.button}
    assert not any((workspace / "uploads").iterdir())


def test_test_rows_in_training_are_refused_until_taken_out():
    rows = CSV.replace(b"question,answer\n", b"question,answer,split\n").replace(b"\n", b",train\n").replace(b"split,train\n", b"split\n")
    rows += b"What is 3 plus 3?,6,test\nWhat is 90 plus 1?,91,test\n"
    app = opened("data", {"data_mode": "Bring your own files"})
    app.file_uploader(key="data_examples").upload("leak.csv", rows, "text/csv")
    app.run()
    assert app.button(key="data_save").disabled
    field(app.toggle, "data_without_leaks").set_value(True).run()
    assert not app.button(key="data_save").disabled


def test_rows_too_long_for_the_base_are_said_and_can_be_left_out():
    def warned(app):
        return [expander.label for expander in app.expander if "Build refuses them" in expander.label]

    app = opened("data", {"data_mode": "Bring your own files"})
    app.file_uploader(key="data_examples").upload("long.csv", CSV + b"Tell me all," + b"word " * 2_000 + b"\n", "text/csv")
    app.run()
    assert warned(app) and not app.button(key="data_save").disabled, "a Task belongs to no base: Build refuses where the two meet"
    field(app.toggle, "data_without_long").set_value(True).run()
    assert not warned(app)


def test_ask_offers_only_systems_that_are_there():
    found = workspaces.experiment()
    assert any("has finished yet" in info.value for info in opened("ask").info)
    workspaces.finish(workspaces.runs_of(found)[0])
    reads._views.clear()  # one look at the processes serves everybody for a second
    app = opened("ask", {"task": "t-facts"})
    assert not app.exception and app.text_area[0].value.startswith("Where does person")


def test_a_task_takes_the_rows_and_shares_asked_for_and_is_saved_once():
    app = opened("data", {"data_mode": "Bring your own files"})
    rows = b"".join(b"question %d,answer %d\n" % (n, n) for n in range(200))
    app.file_uploader(key="data_examples").upload("many.csv", b"question,answer\n" + rows, "text/csv")
    app.run()
    field(app.number_input, "data_rows").set_value(100)
    field(app.number_input, "data_test_share").set_value(50)
    field(app.text_input, "data_name").set_value("Half")
    app.run()
    app.button(key="data_save").click().run()
    saved = [name for name in store.tasks.ids() if name.startswith("half")]
    assert len(saved) == 1 and not [button for button in app.button if button.key == "data_save"], "the same is not saved twice"
    counts = store.tasks.load(saved[0]).task.counts
    assert (counts["test"], counts["validation"], counts["train"]) == (50, 10, 40)
    assert app.session_state["build_tasks"] == saved
