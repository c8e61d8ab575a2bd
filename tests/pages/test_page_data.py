"""The Data page: a file mapped as the last one, a prompt over columns, names of labels, rows leafed through, a large file in the background."""

import json
import time

import pytest
from pages_help import field, opened

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
    field(app.text_input, "data_name").set_value("Reviews").run()
    app.button(key="data_save").click().run()
    [task] = store.tasks.newest()
    assert task.mapping["prompt"] == "{title}\n\n{body}" and task.mapping["labels"] == {"0": "bad", "1": "good"}
    data = store.tasks.load(task.id)
    assert {row.answer for row in data.examples} == {"bad", "good"} and data.examples[0].prompt == "T0\n\nbody 0"
    again = brought(REVIEWS.replace(b"body ", b"other "), "march.csv")
    assert any("Mapped as in task Reviews" in caption for caption in captions(again))
    assert any(button.key == "data_save" for button in again.button), "no click was needed"


def test_right_after_saving_the_task_just_saved_is_not_offered_as_a_memory():
    app = brought(REVIEWS.replace(b"title", b"headline"), "fresh.csv")
    written(app, "{headline}: {body}")
    field(app.text_input, "data_name").set_value("Fresh").run()
    app.button(key="data_save").click().run()
    assert any("Saved" in success.value for success in app.success) and not any("Mapped as in" in caption for caption in captions(app))


QUESTIONS = b"question,answer\n" + b"".join(b"what is %d,number %d\n" % (n, n) for n in range(200))
OTHER = b"question,answer\n" + b"".join(b"who is %d,person %d\n" % (n, n) for n in range(300))


def replaced(app, content, name):
    app.file_uploader(key="data_examples").set_value((name, content, "text/csv")).run()
    assert not app.exception
    return app


def test_a_limit_and_a_name_belong_to_their_file_and_never_cut_or_name_another():
    app = brought(QUESTIONS, "one.csv")
    field(app.number_input, "data_rows").set_value(100)
    field(app.number_input, "data_length").set_value(7)
    field(app.text_input, "data_name").set_value("One").run()
    assert any("Drawn: 100 of the file's 200 rows" in caption for caption in captions(app))
    replaced(app, OTHER, "two.csv")
    assert field(app.number_input, "data_rows").value == 300 and not any("Drawn" in caption for caption in captions(app))
    assert field(app.number_input, "data_length").value == 64 and not field(app.text_input, "data_name").value


def test_how_an_answer_is_scored_stays_when_the_page_is_left():
    app = brought(QUESTIONS, "scored.csv")
    field(app.selectbox, "data_scorer").set_value("answer_loss").run()
    app.switch_page("pages/build.py").run()
    app.switch_page("pages/data.py").run()
    app.segmented_control(key="data_mode").set_value("Bring your own files").run()
    assert field(app.selectbox, "data_scorer").value == "answer_loss"


def test_right_answers_longer_than_the_longest_answer_are_said():
    app = brought(QUESTIONS, "short.csv")
    assert not any("right answers have more tokens" in caption for caption in captions(app))
    field(app.number_input, "data_length").set_value(1).run()
    assert any("right answers have more tokens than this" in caption for caption in captions(app))


PAIRS = b"\n".join(json.dumps({"input": {"messages": [{"role": "user", "content": f"Why {n}?"}]},
                               "preferred_output": [{"role": "assistant", "content": f"Since {n}."}],
                               "non_preferred_output": [{"role": "assistant", "content": "No."}]}).encode() for n in range(60))


def test_pairs_alone_say_what_is_missing_and_the_same_file_serves_as_examples():
    app = opened("data", OWN)
    app.file_uploader(key="data_preferences").upload("pairs.jsonl", PAIRS, "application/json")
    app.run()
    assert any("Preference pairs alone cannot be scored" in info.value for info in app.info)
    app.file_uploader(key="data_examples").upload("pairs.jsonl", PAIRS, "application/json")
    app.run()
    [prompt] = [box for box in app.selectbox if "map_examples" in box.key and box.key.endswith("_prompt")]
    [answer] = [box for box in app.selectbox if "map_examples" in box.key and box.key.endswith("_answer")]
    assert (prompt.value, answer.value) == ("{input.messages:all}", "{preferred_output:answer}") and "{non_preferred_output:answer}" in answer.options
    assert app.button(key="data_save") and not app.exception


def test_test_questions_that_leave_no_room_go_with_the_switch_and_what_is_left_is_said():
    rows = b"question,answer,split\n" + b"".join(b"what is %d,number %d,%s\n" % (n, n, b"train" if n < 60 else b"test") for n in range(85))
    rows += b"".join(b"%d %s,long,test\n" % (n, b"word " * 900) for n in range(3)) + b"%s,long,train\n" % (b"word " * 900)
    app = brought(rows, "long.csv")
    assert len([expander for expander in app.expander if "Build refuses them" in expander.label]) == 2
    field(app.toggle, "data_without_long").set_value(True).run()
    assert not [expander for expander in app.expander if "Build refuses them" in expander.label]
    assert any("4 rows taken out; left:" in caption and "test 25" in caption and "Fewer than 20 are left" not in caption for caption in captions(app))


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
    finished(app)
    assert any("3,000 rows" in caption for caption in captions(app))
    field(app.text_input, "data_name").set_value("Large one").run()
    app.button(key="data_save").click().run()
    assert not app.exception and any("Large one" in success.value for success in app.success)
    assert store.tasks.newest()[0].counts["test"] == 100 and not importing.ids()


def finished(app):
    """The page once its import has ended."""
    [job] = importing.ids()
    until = time.monotonic() + 60
    while importing.progress(job).state == "running" and time.monotonic() < until:
        time.sleep(0.1)
    app.run()
    assert not app.exception
    return app


def test_large_files_of_pairs_and_of_documents_come_to_a_task(tmp_path, small_task):
    (tmp_path / "pairs.jsonl").write_text("\n".join(json.dumps({"prompt": f"p {n}", "chosen": f"c {n}", "rejected": f"r {n}"}) for n in range(300)))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\nText.")
    for kind, path, count in (("preferences", "pairs.jsonl", "300 pairs"), ("documents", "docs", "1 document ")):
        app = opened("data", OWN)
        app.segmented_control(key="data_large_kind").set_value(kind).run()
        app.text_input(key="data_large_path").set_value(str(tmp_path / path)).run()
        assert not app.exception and not [button for button in app.button if button.key == "data_import_start"], "no task is chosen"
        app.selectbox(key="data_large_task").set_value(small_task.task.id).run()
        app.button(key="data_import_start").click().run()
        finished(app)
        assert any(count in caption for caption in captions(app))
        field(app.text_input, "data_name").set_value(f"With {kind}").run()
        app.button(key="data_save").click().run()
        assert not app.exception and any(f"With {kind}" in success.value for success in app.success) and not importing.ids()
        made = store.tasks.load(store.tasks.newest()[0].id)
        assert made.task.name == f"With {kind}" and made.examples == small_task.examples and made.task.counts[kind] == int(count.split()[0])


def test_over_a_network_only_the_incoming_folder_is_read(large, workspace, monkeypatch):
    monkeypatch.setattr("lab.ui.large_plan.LOOPBACK", ())  # as if the server listened elsewhere
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


def test_a_pairs_file_as_examples_asks_which_answer_is_more_probable():
    app = opened("data", OWN)
    app.file_uploader(key="data_examples").upload("pairs.jsonl", PAIRS, "application/json")
    app.run()
    assert not app.exception and field(app.selectbox, "data_scorer").value == "multiple_choice"
    field(app.text_input, "data_name").set_value("Kinder").run()
    app.button(key="data_save").click().run()
    [task] = store.tasks.newest()
    assert [scorer.kind for scorer in task.scorers] == ["multiple_choice", "normalised_match"]
    suite = store.tasks.load(task.id).test_suite()
    assert suite.chance == 0.5 and all(set(item.choices) == {item.answer, *item.choices} and len(item.choices) == 2 for item in suite.items)
    plain = brought(QUESTIONS, "plain.csv")
    assert "multiple choice" not in field(plain.selectbox, "data_scorer").options


def back_on(app, mode="Bring your own files"):
    """The page after a visit to another one."""
    app.switch_page("pages/build.py").run()
    app.switch_page("pages/data.py").run()
    app.segmented_control(key="data_mode").set_value(mode).run()
    assert not app.exception
    return app


def test_after_a_save_the_form_is_empty_here_and_on_the_next_visit(workspace):
    app = brought(QUESTIONS, "saved.csv")
    field(app.text_input, "data_name").set_value("Saved once").run()
    app.button(key="data_save").click().run()
    assert any("Saved once" in success.value for success in app.success)
    assert not [button for button in app.button if button.key == "data_save"] and not [path for path in (workspace / "kept").rglob("*") if path.is_file()]
    back_on(app)
    field(app.file_uploader, "data_preferences").upload("pairs.jsonl", PAIRS, "application/json").run()
    assert not app.exception and not app.success and any("Preference pairs alone" in info.value for info in app.info), "the saved examples are not mixed in"


def test_switches_stay_with_their_file_when_the_page_is_left_and_are_off_for_another():
    doubled = QUESTIONS + b"what is 1,number 1\n" * 2
    app = brought(doubled, "doubled.csv")
    field(app.toggle, "data_without_duplicates").set_value(True).run()
    back_on(app)
    assert field(app.toggle, "data_without_duplicates").value is True
    app.button(key="kept_data_examples").click().run()
    field(app.file_uploader, "data_examples").set_value(("other.csv", doubled + b"what is 2,number 2\n" * 2, "text/csv")).run()
    assert field(app.toggle, "data_without_duplicates").value is False


def test_beside_a_large_import_no_kept_file_is_shown(large):
    app = back_on(brought())
    assert "reviews.csv (kept)" in said(app)
    app.text_input(key="data_large_path").set_value(str(large)).run()
    assert "reviews.csv (kept)" not in said(app) and not app.file_uploader
    app.text_input(key="data_large_path").set_value("").run()
    assert "reviews.csv (kept)" in said(app)


def test_pairs_become_examples_too_with_one_click_and_leak_nothing():
    app = opened("data", OWN)
    app.file_uploader(key="data_preferences").upload("pairs.jsonl", PAIRS, "application/json").run()
    field(app.toggle, "data_pairs_both").set_value(True).run()
    assert not app.exception and any("6 pairs of the same file stand in the test split" in caption for caption in captions(app))
    assert not [expander for expander in app.expander if "Must be mended" in expander.label]
    field(app.text_input, "data_name").set_value("Both").run()
    app.button(key="data_save").click().run()
    made = store.tasks.load(store.tasks.newest()[0].id)
    assert len(made.preferences) == 54 and not {pair.prompt for pair in made.preferences} & {row.prompt for row in made.split("test")}


def test_no_label_is_lost_by_a_draw_of_fewer_rows():
    rows = b"question,intent,split\n" + b"".join(b"ask %d,label %d,%s\n" % (n, n % 3 if n % 90 else 7, b"test" if n // 3 % 2 else b"train") for n in range(900))
    app = brought(rows, "labels.csv")
    field(app.number_input, "data_rows").set_value(40).run()
    assert any("Drawn: 40" in caption for caption in captions(app)) and not any("never trained" in expander.label for expander in app.expander)


def test_long_right_answers_are_no_trouble_where_nothing_is_written():
    app = brought(QUESTIONS, "losses.csv")
    field(app.number_input, "data_length").set_value(1).run()
    assert any("right answers have more tokens than this" in caption for caption in captions(app))
    field(app.selectbox, "data_scorer").set_value("answer_loss").run()
    assert not any("right answers have more tokens than this" in caption for caption in captions(app))


def test_a_right_answer_that_the_score_cannot_read_is_said_and_goes_with_the_switch():
    app = brought(b"question,answer,split\n" + b"".join(b"what is %d,number %d,%s\n" % (n, n, b"train" if n < 60 else b"test") for n in range(100))
                  + b"the long one,%s,test\n" % (b"word " * 900), "right.csv")
    assert not [expander for expander in app.expander if "the score reads" in expander.label], "a written answer is only stopped"
    field(app.selectbox, "data_scorer").set_value("answer_loss").run()
    assert [expander for expander in app.expander if "the score reads" in expander.label]
    field(app.toggle, "data_without_long").set_value(True).run()
    assert not [expander for expander in app.expander if "the score reads" in expander.label]
    assert any("1 row taken out" in caption for caption in captions(app))


def test_a_tasks_preference_pairs_are_shown(small_task):
    app = opened("data", {"task": small_task.task.id})
    [pairs] = [frame.value for frame in app.dataframe if "Rejected" in frame.value]
    assert list(pairs["Rejected"])[:1] == [small_task.preferences[0].rejected]


def test_train_and_test_files_are_chosen_together_and_kept_together():
    train, test = QUESTIONS, b"question,answer\n" + b"".join(b"where is %d,place %d\n" % (n, n) for n in range(40))
    app = opened("data", OWN)
    app.file_uploader(key="data_examples").set_value([("train.csv", train, "text/csv"), ("test.csv", test, "text/csv")]).run()
    assert not app.exception and any("240 rows" in caption for caption in captions(app))
    back_on(app)
    assert "train.csv, test.csv (kept)" in said(app)
    field(app.text_input, "data_name").set_value("Two files").run()
    app.button(key="data_save").click().run()
    assert {row.prompt[:5] for row in store.tasks.load(store.tasks.newest()[0].id).split("test")} == {"where"}


def test_two_files_that_do_not_go_together_are_refused_by_name():
    app = opened("data", OWN)
    app.file_uploader(key="data_examples").set_value([("train.csv", QUESTIONS, "text/csv"), ("test.csv", REVIEWS, "text/csv")]).run()
    assert not app.exception and any("different columns" in words for words in said(app))
