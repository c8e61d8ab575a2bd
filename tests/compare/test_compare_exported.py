"""What an export's check says: nothing wrong is said in one line, each fault by its own rule with what to do."""

import pytest

from lab.compare import export_health, export_line, unlike_prompts

WELL = {"form": "merged", "prompts": {"n": 8, "equal": 8}, "tokens": {"n": 8, "equal": 8}, "answers": {"n": 8, "equal": 8, "reason": ""},
        "training": True, "dated": False, "start_twice": False}


def test_an_export_that_answers_as_the_lab_has_no_finding():
    assert export_health(WELL) == () == export_health({})
    assert export_line(WELL) == ("Loaded with plain transformers: 8 of 8 prompts are those that were sent, to the letter; 8 of 8 answers are those that "
                                 "were scored.")


def test_what_could_not_be_compared_is_said_with_the_reason():
    line = export_line(WELL | {"prompts": {"n": 0, "equal": 0}, "answers": {"n": 0, "equal": 0, "reason": "the base is held in nf4"}})
    assert "no prompt was recorded" in line and "answers not compared: the base is held in nf4" in line


@pytest.mark.parametrize("change, rule, words", [
    ({"prompts": {"n": 8, "equal": 5}}, "export asks otherwise", "3 of 8 questions"),
    ({"tokens": {"n": 8, "equal": 7}}, "export asks otherwise", "other tokens"),
    ({"dated": True}, "export asks otherwise", "date"),
    ({"training": False}, "export trains otherwise", "training row"),
    ({"answers": {"n": 8, "equal": 6, "reason": ""}}, "export answers otherwise", "2 of 8 greedy answers"),
    ({"start_twice": True}, "start token twice", "start token"),
])
def test_each_fault_is_named_with_the_way_out(change, rule, words):
    found = export_health(WELL | change)
    assert [finding.rule for finding in found] == [rule]
    assert words in found[0].what and found[0].do and found[0].stage == "export"


def test_answers_that_differ_are_blamed_on_what_may_be_at_fault():
    def told(**change):
        return export_health(WELL | {"answers": {"n": 8, "equal": 6, "reason": ""}} | change)[-1].do

    assert "rounded" in told() and "Make the prompts equal first" in told(prompts={"n": 8, "equal": 1}) and "rounded" not in told(form="adapter")


def test_the_same_question_is_compared_three_ways():
    trained = "Today is 1 May. Question: Where?\nAnswer:"
    dateless = "Today is (the date of the day). Question: Where?\nAnswer:"
    assert unlike_prompts(trained, trained, trained) is None and unlike_prompts(trained, trained, "") is None
    export = unlike_prompts(trained, trained, dateless)
    assert export.rule == "templates differ" and "1 May" in export.what and "(the date of the day)" in export.what and "date" in export.do
    assert "when asked" not in export.what
    both = unlike_prompts(trained, f"Question: Who?\nAnswer: Bob.\n\n{trained}", dateless)
    assert "only when asked" in both.what and "only in the export" in both.what
