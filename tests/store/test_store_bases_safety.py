"""A model's folder that must not be loaded is refused before anything loads it, with the reason and the way out."""

import json
import os
import struct
import time

import pytest

from lab import store
from lab.core import Experiment, ModelError, System
from lab.jobs import templates
from lab.jobs.checking import problems
from lab.ui import reads
from tests.jobs.hub_files import tiny_files, weights

KEPT = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


@pytest.fixture
def folder(tmp_path):
    """A sound model's folder."""
    place = tmp_path / "model"
    place.mkdir()
    for name, content in tiny_files(8_000).items():
        if name in KEPT:
            (place / name).write_bytes(content)
    return place


def refusal(folder):
    with pytest.raises(ModelError) as refused:
        store.bases.resolve("folder", str(folder))
    failure = refused.value.failure
    assert failure.do and str(folder) in failure.where
    return failure.what


def test_a_sound_folder_is_taken(folder):
    assert store.bases.resolve("folder", str(folder)).parameters == 2_000


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "notes"])
def test_a_link_that_leaves_the_folder_is_refused(folder, tmp_path, name):
    outside = tmp_path / "outside"
    outside.write_bytes((folder / name).read_bytes() if (folder / name).exists() else b"secret")
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside)
    assert "leads out of the model's folder" in refusal(folder)
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path)
    assert "leads out" in refusal(folder) or name == "config.json"


def test_links_inside_the_folder_and_a_hub_caches_own_are_taken(tmp_path, folder):
    (folder / "model-copy.safetensors").symlink_to(folder / "model.safetensors")
    assert store.bases.resolve("folder", str(folder)).parameters == 4_000
    cache = tmp_path / "models--team--tiny"
    snapshot, blobs = cache / "snapshots" / ("a" * 40), cache / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for name in KEPT:
        (blobs / name[::-1]).write_bytes((folder / name).read_bytes())
        (snapshot / name).symlink_to(f"../../blobs/{name[::-1]}")
    assert store.bases.resolve("folder", str(snapshot)).parameters == 2_000
    (snapshot / "notes").symlink_to("../../../outside")
    assert "leads out" in refusal(snapshot)


def test_a_link_in_a_circle_and_a_pipe_are_refused_and_not_waited_for(folder):
    (folder / "loop").symlink_to("loop")
    assert "loop" in refusal(folder)
    (folder / "loop").unlink()
    os.mkfifo(folder / "pipe.safetensors")
    assert "neither a file nor a folder" in refusal(folder)


@pytest.mark.parametrize("content", [
    weights(800, offsets=[0, 8_000]), weights(800, offsets=[0, 400]), weights(800, offsets=[400, 800]), weights(800, offsets=[-8, 792]),
    weights(800, offsets=[800, 0]), weights(800, shape=[1 << 50]), weights(800, shape=[-200]), weights(800, shape="200"), weights(800, offsets=["0", "800"]),
    weights(0, header=b"[]"), weights(0, header=b'{"w": 1}'), weights(0, header=b'{"w": {}}'), weights(0, header=b"[" * 50_000), weights(0, header=b"\xff"),
    struct.pack("<Q", 1 << 60), struct.pack("<Q", 90 << 20), b"short", b"",
    weights(800, header=json.dumps({"a": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]},
                                    "b": {"dtype": "F32", "shape": [150], "data_offsets": [200, 800]}}).encode())])
def test_a_weights_header_that_lies_is_refused(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    assert "The weights cannot be read" in refusal(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content, words", [(b"[]", "not a JSON object"), (b'"a"', "not a JSON object"), (b"{", "not valid JSON"), (b"\xff\xfe", "not valid"),
                                            (b"[" * 100_000, "not valid JSON"), (b'{"auto_map": {"AutoModel": "m.M"}}', "remote code")])
def test_settings_that_are_none_or_ask_for_code_are_refused(folder, name, content, words):
    (folder / name).write_bytes(content)
    assert words in refusal(folder)


@pytest.mark.parametrize("settings, words", [
    ({"hidden_size": 10**12}, "hidden_size is 1000000000000"), ({"vocab_size": -5}, "vocab_size is -5"), ({"num_hidden_layers": "many"}, "is many"),
    ({"hidden_size": True}, "is True"), ({"max_position_embeddings": 1e99}, "max_position_embeddings"), ({"architectures": 7}, "architectures"),
    ({"hidden_size": 4_096, "vocab_size": 32_000}, "describes 131,072,000 numbers in its embeddings and the weights hold 2,000"),
    ({"hidden_size": 4_096, "num_hidden_layers": 32}, "in its layers")])
def test_absurd_sizes_are_refused_before_memory_is_asked_for(folder, settings, words):
    (folder / "config.json").write_text(json.dumps(settings))
    assert words in refusal(folder)


def test_settings_and_tokenizers_of_absurd_length_are_refused(folder):
    for name, most in (("config.json", 2 << 20), ("tokenizer.json", 256 << 20)):
        before = (folder / name).read_bytes()
        with (folder / name).open("ab") as file:
            file.truncate(most + 1)
        assert f"{name} has" in refusal(folder)
        (folder / name).write_bytes(before)


TEMPLATES = {
    "attribute walk": "{{ ''.__class__.__mro__[1].__subclasses__() }}", "call": "{{ messages.__init__.__globals__ }}",
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "memory": "{% set a = 'x' * 999999999 %}{{ a * 999 }}", "change": "{% set _ = messages.append(1) %}", "broken": "{% for",
    "deep": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}", "long": "x" * 300_000, "division": "{{ 1 / 0 }}"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_chat_template_that_the_sandbox_refuses_makes_no_base_and_stops_no_page(folder, name):
    (folder / "chat_template.jinja").write_text(TEMPLATES[name])
    begun = time.monotonic()
    with pytest.raises(ModelError, match="chat template cannot be used") as refused:
        reads.base("folder", str(folder))
    assert refused.value.failure.do and time.monotonic() - begun < 60


def test_a_sound_template_is_tried_once_and_a_refused_one_is_never_queued(folder, small_task, monkeypatch):
    (folder / "chat_template.jinja").write_text("{% for message in messages %}{{ message.content }}{% endfor %}")
    base = store.bases.resolve("folder", str(folder))
    templates.demand_usable(base)
    with monkeypatch.context() as once:
        once.setattr(templates, "guarded", lambda *_: pytest.fail("tried again"))
        templates.demand_usable(base)
    (folder / "chat_template.jinja").write_text(TEMPLATES["attribute walk"])
    strange = store.bases.resolve("folder", str(folder))
    experiment = Experiment(id="e", name="E", tasks=("small",), systems=(System(name="s", base=strange),))
    assert any("chat template cannot be used" in str(problem) for problem in problems(experiment))


def test_what_ships_is_vouched_for_and_not_tried(monkeypatch):
    monkeypatch.setattr(templates, "guarded", lambda *_: pytest.fail("tried"))
    templates.demand_usable(store.bases.resolve("shipped", store.bases.shipped()[0]))
