"""Choosing a base behind an endpoint: its models, where the key comes from, and why it cannot be used."""

import pytest
from streamlit.testing.v1 import AppTest

from lab import store
from lab.jobs import office
from tests.pages.pages_help import opened
from tests.remote.endpoint_server import TOKEN


@pytest.fixture(autouse=True)
def forgotten(no_keys):
    """See no_keys."""


def page():
    import streamlit as st

    from lab.core import LabError
    from lab.ui import endpoint
    try:
        base = endpoint.choose("x")
    except LabError as error:
        st.text(f"refused: {error}")
    else:
        if base:
            endpoint.card(base)
            st.text(f"chosen: {base.ref} at {base.address}")


def at(address):
    app = AppTest.from_function(page).run(timeout=30)
    app.text_input(key="x_endpoint").set_value(address).run(timeout=30)
    assert not app.exception
    return app


def words(app):
    return " ".join(part.value for kind in (app.text, app.caption, app.markdown, app.error, app.warning) for part in kind)


def test_the_first_listed_model_is_chosen_and_another_can_be_typed(endpoint):
    app = at(endpoint.address() + "/")
    assert app.selectbox(key="x_endpoint_listed").options == ["echo", "second"]
    assert f"chosen: echo at {endpoint.address()}" in words(app) and "777 tokens" in words(app)
    app.selectbox(key="x_endpoint_listed").set_value("second").run(timeout=30)
    assert "chosen: second" in words(app) and "not said" in words(app)


def test_an_endpoint_without_a_list_is_asked_for_its_model(endpoint):
    app = at(endpoint.address("listless"))
    assert "chosen" not in words(app)
    app.text_input(key="x_endpoint_model").set_value("echo").run(timeout=30)
    assert "chosen: echo" in words(app)


def test_the_key_is_named_and_never_shown(endpoint, monkeypatch):
    app = at(endpoint.address("locked"))
    assert "No key is sent" in words(app) and "chosen" not in words(app) and app.button(key="x_endpoint_again")
    monkeypatch.setenv("LAB_ENDPOINT_KEY", TOKEN)
    app = at(endpoint.address("locked"))
    assert "is sent" in words(app) and "chosen: echo" in words(app) and TOKEN not in words(app)


@pytest.mark.parametrize(("address", "said"), [("ftp://x", "refused: This is no address"), ("http://127.0.0.1:9/v1", "cannot be reached")])
def test_what_cannot_be_asked_says_why(address, said):
    assert said in words(at(address))


def test_build_offers_only_what_an_endpoint_can_and_launches_it(endpoint, monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)
    app = opened("build")
    app.selectbox(key="build_base").set_value("An endpoint (OpenAI protocol) …").run()
    app.text_input(key="build_endpoint").set_value(endpoint.address()).run()
    assert not app.exception
    planned = next(each.value for each in app.dataframe if "System" in each.value)
    assert list(planned["System"]) == ["base", "3 shots", "RAG"]
    app.checkbox(key="build_ragshots_on").check().run()
    planned = next(each.value for each in app.dataframe if "System" in each.value)
    assert list(planned["System"]) == ["base", "3 shots", "RAG", "RAG + 3 shots"]
    app.button(key="build_launch").click().run()
    runs = [store.runs.load(name) for name in store.runs.ids()]
    assert {run.system.base.ref for run in runs} == {"echo"} and len(runs) == 4
