"""Ten-line toys: an Evaluation out of a list of numbers."""

import pytest

from lab.core import Evaluation, Score, Scorer


@pytest.fixture
def evaluation():
    def make(values, entities=None, key="system", metric="exact_match", answers=None, suite="capitals", fingerprint="f00d",
             decoding="greedy", chance=0.0, **fields):
        scores = tuple(
            Score(item=f"i{place}", entity=entities[place] if entities else "", values={metric: value},
                  answer=answers[place] if answers else "", **{name: column[place] for name, column in fields.items()})
            for place, value in enumerate(values))
        return Evaluation(system_key=key, suite=suite, suite_fingerprint=fingerprint, role="retention", scorers=(Scorer(kind=metric),),
                          decoding=decoding, chance=chance, scores=scores)
    return make
