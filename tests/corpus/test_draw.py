"""Fewer rows of a file: as many as asked for, in the file's order, the same each time, and every label among them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lab.corpus.draw import KEEP, spread


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=120), st.data())
def test_a_draw_has_as_many_rows_as_asked_and_loses_no_kind_where_there_is_room(kinds, data):
    most = data.draw(st.integers(1, len(kinds)))
    drawn = spread(kinds, most)
    assert len(drawn) == most and drawn == sorted(set(drawn)) == spread(kinds, most)
    if most >= len(set(kinds)):
        assert {kinds[place] for place in drawn} == set(kinds)


def test_a_rare_label_keeps_a_few_rows_and_the_rest_is_left_to_chance():
    drawn = Counter(["common"] * 10_000 + ["rare"] * 20)
    kinds = list(drawn.elements())
    found = Counter(kinds[place] for place in spread(kinds, 100))
    assert found["rare"] >= KEEP and found["common"] >= 90
