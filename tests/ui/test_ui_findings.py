"""The findings on the page: the total on top, a switch for each thing that can be mended, its effect in numbers, nothing private shown."""

from streamlit.testing.v1 import AppTest

ADDRESS = "ann@firm.org"


def page():
    import streamlit as st

    from lab.core import Example, Scorer, Task, TaskData
    from lab.ui.findings import findings_panel

    long = "how many small red boats lie in the old harbour of this town today"
    rows = [("train", "write to ann@firm.org", "yes"), ("train", "write to bob@firm.org", "yes"), ("train", "taken", "x"), ("test", "Taken", "x"),
            ("train", f"tell me {long}", "7"), ("test", long, "7"), *(("test", f"number {n}", f"a {n}") for n in range(40)),
            *(("validation", f"other {n}", f"b {n}") for n in range(5))]
    if st.session_state.get("clean"):
        rows = rows[6:] + [("train", "free", "z")]
    about = Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),))
    data = TaskData(task=about, examples=tuple(Example(id=str(n), split=s, prompt=p, answer=a) for n, (s, p, a) in enumerate(rows))).sealed()
    data, allowed = findings_panel(data, None)
    st.session_state["result"] = [row.prompt for row in data.split("train")], len(data.split("test")), allowed


def opened(**state):
    app = AppTest.from_function(page, default_timeout=30)
    for name, value in state.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return app


def switched(app, *keys):
    for key in keys:
        app.toggle(key=key).set_value(True).run()
        assert not app.exception
    return app


def test_the_total_stands_on_top_and_the_gravest_first():
    app = opened()
    assert app.caption[0].value == "1 must be mended, 2 to look at"
    assert ["Must be mended" in expander.label for expander in app.expander] == [True, False, False]
    assert {toggle.key for toggle in app.toggle} == {"data_masked", "data_without_leaks", "data_without_overlap"}
    shown = [text.value for text in app.text]
    assert "write to [email] yes" in shown and not [text for text in shown if ADDRESS in text]
    assert app.session_state["result"][2] is False


def test_each_switch_does_what_it_says_and_says_how_much():
    app = switched(opened(), "data_masked", "data_without_leaks", "data_without_overlap")
    said = [caption.value for caption in app.caption]
    assert "2 rows masked" in said and said.count("1 row taken out") == 2
    assert app.session_state["result"] == (["write to [email]", "write to [email]"], 42, True)
    switched(app, "data_without_duplicates")  # offered now: masked, the two are the same
    assert app.session_state["result"] == (["write to [email]"], 42, True)
    assert app.caption[0].value.endswith("Nothing to complain about.") and not app.expander


def test_switched_off_again_nothing_is_lost():
    app = switched(opened(), "data_without_leaks")
    app.toggle(key="data_without_leaks").set_value(False).run()
    assert app.session_state["result"][0][2] == "taken" and app.session_state["result"][2] is False


def test_clean_rows_have_no_switches():
    app = opened(clean=True)
    assert not app.toggle and not app.expander and app.session_state["result"][2] is True
