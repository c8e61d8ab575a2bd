"""The Data page: a file mapped as the last one, a prompt over columns, names of labels, rows leafed through, a large file in the background."""

import time

import pytest
from pages_help import opened

from lab import store
from lab.jobs import importing

OWN = {"data_mode": "Bring your own files"}
REVIEWS = "title,body,label,label_text\n".encode() + b"".join(f"T{n},body {n},{n % 2},{('bad', 'good')[n % 2]}\n".encode() for n in range(60))


def brought(content=REVIEWS, name="reviews.csv"):
    app = opened("data", OWN)
    app.file_uploader(key="data_examples").upload(name, content, "text/csv")
    app.run()
    assert not app.exception
    return app


def written(app, template):
    [area] = [area for area in app.text_area if area.key.endswith("_written")]
    area.set_value(template).run()
    assert not app.exception
    return app


def captions(app):
    return [caption.value for caption in app.caption]


def said(app):
    return [words.value for words in app.text]


def test_a_prompt_over_columns_and_named_labels_are_kept_for_the_next_file_of_the_same_shape():
    app = written(brought(), "{title}\n\n{body}")
    app.text_input(key="data_name").set_value("Reviews").run()
    app.button(key="data_save").click().run()
    [task] = store.tasks.newest()
    assert task.mapping["prompt"] == "{title}\n\n{body}" and task.mapping["labels"] == {"0": "bad", "1": "good"}
    data = store.tasks.load(task.id)
    assert {row.answer for row in data.examples} == {"bad", "good"} and data.examples[0].prompt == "T0\n\nbody 0"
    again = brought(REVIEWS.replace(b"body ", b"other "), "march.csv")
    assert any("Mapped as in task Reviews" in caption for caption in captions(again))
    assert any(button.key == "data_save" for button in again.button), "no click was needed"


def test_an_unknown_column_is_refused_with_the_columns_that_exist():
    app = written(brought(), "{headline}: {body}")
    assert any("'headline'" in words for words in said(app)) and any("title, body, label, label_text" in words for words in said(app))
    assert not [button for button in app.button if button.key == "data_save"]


def test_rows_that_stayed_out_are_a_finding_with_their_lines():
    app = written(brought(REVIEWS + b"only,three,cells\n"), "{body}")
    assert any("Rows of the file stayed out" in expander.label for expander in app.expander)
    assert any(words.startswith("line 62: 3 cells") for words in said(app))


def test_a_row_that_does_not_fit_says_by_how_much():
    app = written(brought(), "{title} {body} and {title} {body} again")
    app.number_input(key="data_own_view_longest").set_value(16).run()
    assert any("readable row " in caption and ", train: " in caption for caption in captions(app))
    assert any("beyond the longest row" in caption for caption in captions(app))


def test_an_upload_is_there_again_after_another_page_until_it_is_removed(workspace):
    app = brought()
    app.switch_page("pages/build.py").run()
    app.switch_page("pages/data.py").run()
    app.segmented_control(key="data_mode").set_value("Bring your own files").run()
    assert "reviews.csv (kept)" in said(app) and any("60 rows" in caption for caption in captions(app))
    app.button(key="kept_data_examples").click().run()
    assert "reviews.csv (kept)" not in said(app) and not [path for path in (workspace / "kept").rglob("*") if path.is_file()]


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"question,answer\n" + b"".join(b"ask %d,answer %d\n" % (number, number % 3) for number in range(3_000)))
    return path


def begun(path):
    app = opened("data", OWN)
    app.text_input(key="data_large_path").set_value(str(path)).run()
    assert not app.exception
    return app


def test_a_large_file_is_imported_in_the_background_and_saved(large):
    app = begun(large)
    app.number_input(key="data_large_test").set_value(100).run()
    app.button(key="data_import_start").click().run()
    [job] = importing.ids()
    until = time.monotonic() + 60
    while importing.progress(job).state == "running" and time.monotonic() < until:
        time.sleep(0.1)
    app.run()
    assert not app.exception and any("3,000 rows" in caption for caption in captions(app))
    app.text_input(key="data_name").set_value("Large one").run()
    app.button(key="data_save").click().run()
    assert not app.exception and any("Large one" in success.value for success in app.success)
    assert store.tasks.newest()[0].counts["test"] == 100 and not importing.ids()


def test_over_a_network_only_the_incoming_folder_is_read(large, workspace, monkeypatch):
    monkeypatch.setattr("lab.ui.large.LOOPBACK", ())  # as if the server listened elsewhere
    app = begun(large)
    assert any("only files of one folder" in words for words in said(app)) and not importing.ids()
    inside = workspace / "incoming"
    inside.mkdir(parents=True)
    (inside / "large.csv").write_bytes(large.read_bytes())
    assert any(button.key == "data_import_start" for button in begun(inside / "large.csv").button)


@pytest.mark.parametrize("name, content", [("none.csv", None), ("t.txt", b"q,a\n1,2\n"), ("deep.json", b"[" * 100_000), ("zero.csv", b"\x00" * 1_000)])
def test_a_path_that_is_no_table_is_refused_and_leaves_nothing(tmp_path, workspace, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    app = begun(tmp_path / name)
    assert any("not taken" in words.value for words in app.markdown) and not (workspace / "imports").exists()
