"""Checkpoints of pretrainings as Bases: listed by what is written, named by their content, refused where they cannot answer."""

import json
import struct

import pytest

from lab import store
from lab.core import DataError, ModelError


def keep(run, step, objective="causal", total=30, architecture="LlamaForCausalLM", weight=0):
    """The smallest folder that the store takes as a base, as an artifact."""
    key = store.bases.made_key(run, step)
    about = {"kind": "base", "run": run, "step": step, "total": total, "objective": objective, "title": f"{run}, step {step}"}
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    with store.artifacts.making(key, about) as folder:
        (folder / "config.json").write_text(json.dumps({"architectures": [architecture], "max_position_embeddings": 512}))
        (folder / "tokenizer.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes([weight] * 8))
    return key


def test_none_are_listed_where_nothing_was_pretrained():
    assert store.bases.made() == [] and store.bases.made(all_objectives=True) == []


def test_newest_run_first_and_steps_ascending():
    for run, step in (("run-1", 20), ("run-2", 100), ("run-1", 10), ("run-2", 30)):
        keep(run, step)
    masked = keep("run-3", 10, "masked", architecture="EuroBertForMaskedLM")
    with store.artifacts.making("0123456789abcdef", {"kind": "adapter"}) as folder:
        (folder / "a").write_text("x")
    assert [(about["run"], about["step"]) for about in store.bases.made()] == [("run-2", 30), ("run-2", 100), ("run-1", 10), ("run-1", 20)]
    assert store.bases.made(all_objectives=True)[0]["key"] == masked


def test_a_checkpoint_is_a_base_by_its_content():
    key, other = keep("run-1", 10), keep("run-1", 20, weight=1)
    base = store.bases.resolve("made", key)
    assert (base.kind, base.ref, base.parameters, base.context) == ("made", key, 2, 512)
    assert store.bases.folder_of(base).name == key
    assert base.fingerprint != store.bases.resolve("made", other).fingerprint
    as_folder = store.bases.resolve("folder", str(store.artifacts.find(key)))
    assert as_folder.fingerprint == base.fingerprint  # the same files are the same base, however they are named


def test_what_is_gone_damaged_or_masked_is_refused():
    key, masked = keep("run-1", 10), keep("run-1", 20, "masked", architecture="EuroBertForMaskedLM")
    with pytest.raises(ModelError, match="masked"):
        store.bases.resolve("made", masked)
    (store.artifacts.find(key) / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match="no longer there"):
        store.bases.resolve("made", key)
    with pytest.raises(DataError):
        store.bases.resolve("made", "../somewhere")


def test_a_half_written_checkpoint_is_none():
    with pytest.raises(OSError):
        with store.artifacts.making(store.bases.made_key("run-1", 10), {"kind": "base"}):
            raise OSError(28, "No space left on device")
    assert store.bases.made() == []
