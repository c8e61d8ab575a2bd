"""A judge against people: perfect agreement, none beyond chance, ties, missing scores, and intervals that cover."""

import numpy as np
import pytest

from lab.compare.judging import judge_agreement


def votes_of(rng, items, right, voters=3):
    """Votes on two Systems; each voter prefers the truly better answer with probability `right`. Returns the truth with them."""
    better = {f"i{number}": rng.choice(["x", "y"]) for number in range(items)}
    other = {"x": "y", "y": "x"}
    return better, [(f"v{voter}", item, "x", "y", str(best if rng.random() < right else other[best]))
                    for item, best in better.items() for voter in range(voters)]


def scores_of(better, rng, right=1.0):
    """A judge that scores the better answer higher with probability `right`."""
    found = {}
    for item, best in better.items():
        good = 1.0 if rng.random() < right else 0.0
        found[item, "x"], found[item, "y"] = (good, 1 - good) if best == "x" else (1 - good, good)
    return found


def test_a_judge_that_prefers_what_people_prefer_agrees_fully():
    better, votes = votes_of(np.random.default_rng(0), 40, 1.0)
    found = judge_agreement(scores_of(better, np.random.default_rng(1)), votes)
    assert found.share.value == found.kappa.value == found.people.value == 1.0 and (found.votes, found.items) == (120, 40)
    assert "100 %" in found.sentence() and "kappa 1.00" in found.sentence()


def test_kappa_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn comes with lm_eval (tests/requirements.txt)")
    rng = np.random.default_rng(3)
    scores = {(f"i{number}", name): float(rng.integers(0, 3)) for number in range(60) for name in "xy"}
    votes = [("v", f"i{number}", "x", "y", [None, "x", "y"][rng.integers(0, 3)]) for number in range(60)]
    judge = [2 if scores[item, "x"] == scores[item, "y"] else int(scores[item, "y"] > scores[item, "x"]) for _, item, *_ in votes]
    people = [{"x": 0, "y": 1, None: 2}[vote[4]] for vote in votes]
    assert judge_agreement(scores, votes).kappa.value == pytest.approx(metrics.cohen_kappa_score(judge, people))


def test_a_judge_by_coin_has_no_kappa_and_the_intervals_cover():
    rng, inside, shares = np.random.default_rng(5), 0, 0
    for _ in range(60):
        better, votes = votes_of(rng, 60, 0.8)
        found = judge_agreement(scores_of(better, rng, 0.5), votes)
        inside += found.kappa.low <= 0 <= found.kappa.high
        shares += found.share.low <= 0.5 <= found.share.high
    assert inside >= 53 and shares >= 53, (inside, shares)


def test_a_score_that_is_missing_is_left_out_and_counted_and_nothing_measured_is_said():
    votes = [("v", "a", "x", "y", "x"), ("v", "b", "x", "y", None), ("w", "c", "x", "y", "y")]
    found = judge_agreement({("a", "x"): 1.0, ("a", "y"): None, ("b", "x"): 0.5, ("b", "y"): 0.5}, votes)
    assert (found.votes, found.left_out, found.share.value) == (1, 2, 1.0) and "too few" in found.sentence()
    nothing = judge_agreement({}, votes)
    assert nothing.share.value is None and nothing.kappa.value is None and "not known" in nothing.sentence()
    assert judge_agreement({}, []).people.value is None


def test_a_judge_that_always_ties_with_people_who_always_do_has_no_kappa():
    found = judge_agreement({("a", "x"): 1.0, ("a", "y"): 1.0, ("b", "x"): 0.0, ("b", "y"): 0.0}, [("v", "a", "x", "y", None), ("v", "b", "x", "y", None)])
    assert found.share.value == 1.0 and found.kappa.value is None


def test_a_vote_for_somebody_else_is_refused():
    with pytest.raises(ValueError, match="cannot be for z"):
        judge_agreement({}, [("v", "a", "x", "y", "z")])
