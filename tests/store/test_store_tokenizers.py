"""Which tokenizer counts a passage's tokens: by the name a form stores, found again as a folder, refused where it cannot count."""

import pytest

from lab import store
from lab.core import Base, DataError
from lab.store import bases, downloads, safety

SMALLEST = bases.shipped()[0]


def a_folder(path, tokenizer="{}"):
    path.mkdir(parents=True, exist_ok=True)
    if tokenizer:
        (path / "tokenizer.json").write_text(tokenizer)
    return path


def test_a_bases_own_tokenizer_has_a_name_that_leads_back_to_it(tmp_path):
    mine = a_folder(tmp_path / "mine")
    named = {ref: bases.tokenizer_name(Base(kind=kind, ref=ref, fingerprint="f")) for kind, ref in (("shipped", SMALLEST), ("folder", str(mine)))}
    assert named == {SMALLEST: "", str(mine): str(mine)}
    assert bases.tokenizer_folder("") == bases.tokenizer_folder(SMALLEST) == store.places.SHIPPED / "bases" / SMALLEST
    assert bases.tokenizer_folder(f" {mine} ") == mine


def test_a_base_that_shows_no_tokenizer_proposes_the_shipped_one(tmp_path):
    assert bases.tokenizer_name(Base(kind="endpoint", ref="m", address="http://localhost:1/v1", fingerprint="f")) == ""
    assert bases.tokenizer_name(Base(kind="folder", ref=str(a_folder(tmp_path / "bare", "")), fingerprint="f")) == ""


@pytest.mark.parametrize("name", ["/no/such/folder", "no-such-base", "../bases"])
def test_what_is_not_there_is_refused_with_what_could_be_named(name):
    with pytest.raises(DataError, match="no tokenizer.json") as refused:
        bases.tokenizer_folder(name)
    assert name in refused.value.failure.where and SMALLEST in refused.value.failure.do


def test_a_file_too_large_for_a_tokenizer_is_not_opened(tmp_path):
    folder = a_folder(tmp_path / "huge")
    with (folder / "tokenizer.json").open("r+b") as file:
        file.truncate(safety.TEXT_LIMITS["tokenizer.json"] + 1)  # takes no room on the disk
    with pytest.raises(DataError, match="larger than any"):
        bases.tokenizer_folder(str(folder))


def test_downloaded_models_are_offered_by_their_repositorys_name():
    commit = "a" * 40
    for repository, tokenizer in (("team/tiny", "{}"), ("team/slow", "")):
        with store.artifacts.making(downloads.model_key(repository, commit), {"repo": repository, "commit": commit, "at": 1.0}) as folder:
            (folder / "config.json").write_text("{}")
            a_folder(folder, tokenizer)
    (name, said), = bases.tokenizer_names().items()
    assert said == "team/tiny" and (bases.tokenizer_folder(name) / "config.json").is_file()
