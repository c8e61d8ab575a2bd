"""Splits, by law: no row lost, nothing torn apart that belongs together, the same each time, the shares held in the whole and by label."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.corpus.splits import NAMES, assign, looks_like_labels, prompt_key

FRACTIONS = st.sampled_from([(.8, .1, .1), (.7, .1, .2), (.5, .25, .25), (0.0, .5, .5), (.9, .1, 0.0), (.34, .33, .33)])
ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.integers(0, 15)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(ROWS, FRACTIONS, st.integers(0, 5), st.booleans())
def test_every_row_has_one_split_and_groups_stay_whole(rows, fractions, seed, grouped):
    prompts, answers = [f"Ask {number}" for number, _, _ in rows], [answer for _, answer, _ in rows]
    entities = [f"entity {entity}" if grouped and entity else "" for _, _, entity in rows]
    found = assign(prompts, answers, entities, seed, fractions)
    assert len(found) == len(rows) and set(found) <= {name for name, share in zip(NAMES, fractions) if share > 0}
    for keys in ([prompt_key(prompt) for prompt in prompts], entities):
        together = defaultdict(set)
        for key, split in zip(keys, found):
            if key:
                together[key].add(split)
        assert all(len(splits) == 1 for splits in together.values())
    assert found == assign(prompts, answers, entities, seed, fractions), "the seed alone decides"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcd"), min_size=20, max_size=300), FRACTIONS, st.integers(0, 5))
def test_the_shares_hold_within_two_rows_in_the_whole_and_by_label(answers, fractions, seed):
    found = assign([f"Ask {number}" for number in range(len(answers))], answers, [""] * len(answers), seed, fractions)
    for name, share in zip(NAMES, fractions):
        assert abs(found.count(name) - share * len(answers)) < 2
        for label in set(answers) if looks_like_labels(answers) else ():
            mine = [split for split, answer in zip(found, answers) if answer == label]
            assert abs(mine.count(name) - share * len(mine)) < 2
