"""A judge model beside the scorer: nothing until one is named, its settings as they were typed, a Task that has it, and no launch without it."""

import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evals"))

from judge_server import judging

from lab import store
from lab.core import Experiment, Judge, Scorer, System
from lab.jobs.checking import check
from tests.pages.pages_help import opened

CSV = b"question,answer\n" + b"".join(f"What is {n} plus {n}?,{n + n}\n".encode() for n in range(60))


def page():
    import streamlit as st

    from lab.ui.judge import judge_form
    made = judge_form("t")
    st.text(made.model_dump_json() if made else "none")


def test_no_judge_stands_beside_a_task_until_one_is_named_and_answers():
    app = AppTest.from_function(page, default_timeout=60).run()
    assert app.text[-1].value == "none" and not app.text_input and not app.exception
    app.toggle(key="t_judge").set_value(True).run()
    assert app.text[-1].value == "none"
    with judging(lambda prompt: "Hello") as (address, asked):
        app.text_input(key="t_judge_endpoint").set_value(address).run()
        app.text_input(key="t_judge_endpoint_model").set_value("judge-model").run()
        app.text_area(key="t_judge_rubric").set_value("10: short").run()
        app.toggle(key="t_judge_pairwise").set_value(True).run()
    made = Scorer.model_validate_json(app.text[-1].value)
    assert made == Scorer(kind="judge", judge=Judge(address=address, model="judge-model", rubric="10: short", pairwise=True))
    assert asked and not app.exception, "it was asked one short question"


def test_an_experiment_whose_judge_does_not_answer_is_refused_before_anything_is_queued(small_task):
    with judging(lambda prompt: "Hello") as (address, _):
        judged = Scorer(kind="judge", judge=Judge(address=address, model="judge-model"))
        data = small_task.model_copy(update={"task": small_task.task.model_copy(update={"id": "judged", "scorers": (*small_task.task.scorers, judged)})})
        store.tasks.save(data)
        base = store.bases.resolve("shipped", store.bases.shipped()[0])
        experiment = Experiment(id="e", name="E", tasks=("judged",), systems=(System(name="base", base=base),))
        assert check(experiment) == []
        assert "judge" in check(experiment.model_copy(update={"primary": {"judged": "judge"}}))[0].what, "no judge decides"
    from lab import remote
    remote.forget(address)
    assert ["The judge of task Small cannot be asked" in failure.what for failure in check(experiment)] == [True]


def test_a_revealed_vote_says_how_far_the_judge_agrees_with_people():
    from lab.compare.judging import judge_agreement
    from lab.core import Evaluation, Score
    from lab.core.votes import Vote, VotePair, VoteSession
    from lab.ui.judged import scores_of, votes_of
    pairs = tuple(VotePair(number=number, item=f"i{number}", prompt="?", one="x", other="y", answers=(f"good {number}", f"bad {number}"))
                  for number in range(24))
    session = VoteSession(id="v", code="c", experiment="e", task="t", seed=0, dice=1, systems=("x", "y"), pairs=pairs, per_voter=24, created=0.0)
    scorers = (Scorer(kind="exact_match"), Scorer(kind="judge", judge=Judge(address="http://127.0.0.1:1/v1", model="m")))

    def evaluation(words, grade, changed=()):
        return Evaluation(system_key="k", suite="t", suite_fingerprint="f", role="task", scorers=scorers, decoding="", scores=tuple(
            Score(item=f"i{number}", answer="another" if number in changed else f"{words} {number}", values={"exact_match": 1.0, "judge": grade})
            for number in range(24)))

    cast = [Vote(voter=voter, pair=number, left="y", choice="right" if number else "left") for voter in range(2) for number in range(24)]
    answered = {"x": evaluation("good", 0.9), "y": evaluation("bad", 0.2, changed=(5,))}
    found = judge_agreement(scores_of(session, answered), votes_of(session, cast))
    assert (found.votes, found.items, found.left_out) == (46, 23, 2), "an answer that people did not see is not compared"
    assert found.share.value == 44 / 46 and found.people.value == 1.0 and "44" not in found.sentence() and "96 %" in found.sentence()


def test_a_judges_settings_stay_when_data_is_left_and_belong_to_the_files_they_were_typed_for():
    app = opened("data", {"data_mode": "Bring your own files"})
    app.file_uploader(key="data_examples").upload("doubles.csv", CSV, "text/csv").run()
    toggle = field(app.toggle, "data_", "_judge")
    with judging(lambda prompt: "Hello") as (address, _):
        toggle.set_value(True).run()
        field(app.text_input, "data_", "_judge_endpoint").set_value(address).run()
        field(app.text_input, "data_", "_judge_endpoint_model").set_value("judge-model").run()
        field(app.text_area, "data_", "_judge_rubric").set_value("10: short").run()
        field(app.toggle, "data_", "_judge_pairwise").set_value(True).run()
        app.switch_page("pages/build.py").run()
        app.switch_page("pages/data.py").run()
        app.segmented_control(key="data_mode").set_value("Bring your own files").run()
        assert not app.exception and field(app.toggle, "data_", "_judge").value, "the file is kept, and so is its judge"
        assert field(app.text_input, "data_", "_judge_endpoint").value == address
        assert field(app.text_area, "data_", "_judge_rubric").value == "10: short" and field(app.toggle, "data_", "_judge_pairwise").value
        app.button(key="kept_data_examples").click().run()
        app.file_uploader(key="data_examples").upload("others.csv", CSV.replace(b"plus", b"and"), "text/csv").run()
    assert not field(app.toggle, "data_", "_judge").value, "other answers are sent to nobody until someone says so"


def field(fields, begin, end):
    return next(each for each in fields if each.key and each.key.startswith(begin) and each.key.endswith(end))
