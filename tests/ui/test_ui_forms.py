"""Forms come from the settings' types: every field is there, with its words and its bounds."""

import pytest
from streamlit.testing.v1 import AppTest

from lab.core import Dpo, Prompting, Retrieval, Sft
from lab.ui import forms

LEVERS = {"Prompting": Prompting, "Retrieval": Retrieval, "Sft": Sft, "Dpo": Dpo}


def page(name, expert):
    import streamlit as st

    from lab import core
    from lab.ui import forms
    made = forms.lever_form(getattr(core, name)(), "t", expert)
    st.text(made.model_dump_json() if made else "refused")


def widgets(app):
    return {w.key.removeprefix("t_"): w for kind in ("number_input", "text_input", "text_area", "segmented_control", "toggle", "selectbox")
            for w in getattr(app, kind)}


@pytest.mark.parametrize("name", LEVERS)
def test_expert_shows_every_setting_with_its_sentence_and_gives_the_defaults_back(name):
    app = AppTest.from_function(page, args=(name, True)).run()
    kind, shown = LEVERS[name], widgets(app)
    assert set(shown) == set(kind.model_fields) - set(forms.HIDDEN) - {"sharding", "tokenizer"}
    assert all(widget.help == kind.model_fields[field].description for field, widget in shown.items())
    assert kind.model_validate_json(app.text[0].value) == kind()


def test_how_several_gpus_hold_the_weights_is_asked_only_where_there_are_several():
    app = AppTest.from_function(page, args=("Sft", True)).run()
    widgets(app)["devices"].set_value(2).run()
    assert widgets(app)["sharding"].options == ["whole on each", "shared out (FSDP)"] and widgets(app)["tuning"].options == ["LoRA", "all weights"]
    widgets(app)["sharding"].set_value("full").run()
    assert Sft.model_validate_json(app.text[0].value).sharded
    widgets(app)["devices"].set_value(1).run()
    assert "sharding" not in widgets(app) and not Sft.model_validate_json(app.text[0].value).sharded


def test_a_tokenizer_is_asked_for_where_tokens_are_counted_and_lengths_say_so():
    app = AppTest.from_function(page, args=("Retrieval", True)).run()
    assert widgets(app)["chunk_words"].label == "Passage length (words)" and "tokenizer" not in widgets(app)
    widgets(app)["chunk_words"].set_value(64).run()
    widgets(app)["chunking"].set_value("tokens").run()
    assert widgets(app)["chunk_words"].label == "Passage length (tokens)" and widgets(app)["overlap_words"].label == "Overlap (tokens)"
    assert widgets(app)["tokenizer"].options == ["the shipped base's"] and "tokenizer.json" in widgets(app)["tokenizer"].help
    assert Retrieval.model_validate_json(app.text[0].value) == Retrieval(chunking="tokens", chunk_words=64), "what was typed before stays"


def page_of_a_folder():
    import streamlit as st

    from lab.core import Retrieval
    from lab.ui import forms
    st.text(forms.lever_form(Retrieval(tokenizer="/models/mine"), "t", True).model_dump_json())


def test_a_proposed_tokenizer_is_kept_and_counts_only_where_tokens_are_counted():
    app = AppTest.from_function(page_of_a_folder).run()
    assert Retrieval.model_validate_json(app.text[0].value) == Retrieval()
    widgets(app)["chunking"].set_value("tokens").run()
    assert widgets(app)["tokenizer"].value == "/models/mine" and widgets(app)["tokenizer"].options == ["the shipped base's", "/models/mine"]
    assert Retrieval.model_validate_json(app.text[0].value) == Retrieval(chunking="tokens", tokenizer="/models/mine")
    widgets(app)["tokenizer"].set_value("").run()
    assert Retrieval.model_validate_json(app.text[0].value) == Retrieval(chunking="tokens")
    widgets(app)["chunking"].set_value("sentences").run()
    assert Retrieval.model_validate_json(app.text[0].value) == Retrieval(chunking="sentences")
    widgets(app)["chunking"].set_value("tokens").run()
    assert widgets(app)["tokenizer"].value == "", "what was chosen stays"


@pytest.mark.parametrize("name", LEVERS)
def test_simple_shows_the_few_that_matter(name):
    assert set(widgets(AppTest.from_function(page, args=(name, False)).run())) == set(forms.SIMPLE[name])


def test_bounds_are_the_settings_own():
    assert forms.bounds(Sft.model_fields["lora_rank"]) == (1, 1_024)
    assert forms.bounds(Prompting.model_fields["shots"]) == (0, 64)
    assert forms.bounds(Dpo.model_fields["beta"]) == (0, 10)


def test_a_value_outside_the_bounds_is_refused_in_words():
    app = AppTest.from_function(page, args=("Dpo", False)).run()
    widgets(app)["beta"].set_value(0.0).run()
    assert app.text[-1].value == "refused" and any("beta" in words.value for words in app.text)


@pytest.mark.parametrize("value, step", [(2e-4, 1e-4), (3.0, 1.0), (0.05, 0.01), (0.0, 0.01), (16.0, 10.0)])
def test_steps_follow_the_value(value, step):
    assert forms._step(value) == pytest.approx(step)
