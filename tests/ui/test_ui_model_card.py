"""The model card: badges first, details behind, and nothing claimed that the files do not say."""

import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from lab import store
from lab.store import models


def page(kind, ref):
    from lab import store
    from lab.ui import model_card
    model_card.model_card(store.bases.resolve(kind, ref))


@pytest.fixture
def copy(shipped_base, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(shipped_base, folder)
    return folder


def test_the_shipped_base_has_badges_a_licence_and_one_example(shipped_base):
    app = AppTest.from_function(page, args=("shipped", store.bases.shipped()[0])).run(timeout=30)
    assert not app.exception
    words = [mark.value for mark in app.markdown]
    assert [name for name in ("Answer", "LoRA", "DPO", "Full") if any(f"{name}: " in word for word in words)] == ["Answer", "LoRA", "DPO", "Full"]
    assert "What is the capital of France?" in app.code[0].value and not app.warning
    assert any(line.value == "Licence: not said" for line in app.text)


def test_a_base_without_sizes_has_a_card_without_badges(copy):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({name: value for name, value in config.items() if name != "hidden_size"}))
    app = AppTest.from_function(page, args=("folder", str(copy))).run(timeout=30)
    assert not app.exception and app.code and not app.dataframe


def test_facts_come_from_the_files(copy):
    assert models.facts(copy).end_stops is True and models.facts(copy).licence == "not said"
    (copy / "LICENSE.txt").write_text("words")
    assert models.facts(copy).licence == "see LICENSE.txt"
    (copy / "README.md").write_text("---\nlicense: apache-2.0\n---\nbody")
    assert models.facts(copy).licence == "apache-2.0"
    for name in ("config.json", "generation_config.json"):
        (copy / name).write_text(json.dumps(json.loads((copy / name).read_text()) | {"eos_token_id": 7}))
    assert models.facts(copy).end_stops is False
