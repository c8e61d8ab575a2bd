"""General texts by content."""

import pytest

from lab import store
from lab.core import DataError


def test_texts_come_back_as_they_went_in_and_content_gives_the_name():
    assert store.texts.names() == {}
    key = store.texts.save("Old letters", ["Dear  Ann,\n", "", "größe 東京 <|end|>"])
    assert store.texts.load(key) == ("Dear  Ann,\n", "größe 東京 <|end|>")
    assert store.texts.save("Another name", ["Dear  Ann,\n", "größe 東京 <|end|>"]) == key and store.texts.names() == {key: "Old letters"}
    other = store.texts.save("../../x", ["Dear Ann,"])
    assert other != key and store.texts.names() == {key: "Old letters", other: "../../x"}


def test_unknown_keys_and_empty_texts_are_refused():
    store.texts.save("Known", ["a"])
    for key in ("0" * 16, "../runs", "world", ""):
        with pytest.raises(DataError, match="Known"):
            store.texts.load(key)
    with pytest.raises(DataError, match="no text"):
        store.texts.save("Nothing", [" ", ""])
