"""What ships is what the seed makes; splits do not leak; documents hold the answers they are said to hold."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lab.store import tasks as stored
from lab.world import people, suites, tasks

DATA = Path(__file__).parents[2] / "data"
WORLD = people.build(0)


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    suites.build_suites(folder / "suites")
    tasks.build_tasks(folder / "tasks")
    return folder


def files_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", ["suites", "tasks"])
def test_shipped_files_are_rebuilt_byte_by_byte(rebuilt, kind):
    assert files_of(rebuilt / kind) == files_of(DATA / kind)


@pytest.mark.parametrize("name", list(suites.SUITES))
def test_suites_load(name):
    suite = stored.load_suite(name)
    assert suite.role == "retention" and 180 <= len(suite.items) <= 500
    assert len({item.id for item in suite.items}) == len(suite.items)
    asked = [(item.prompt, item.answer) for item in suite.items]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_tasks_load_without_leaks(name):
    data = stored.load(name)
    prompts = defaultdict(set)
    for row in data.examples:
        prompts[row.split].add(row.prompt)
    assert not prompts["test"] & (prompts["train"] | prompts["validation"]) and not prompts["train"] & prompts["validation"]
    assert not prompts["test"] & {pair.prompt for pair in data.preferences}
    assert all(pair.chosen != pair.rejected for pair in data.preferences)
    assert json.loads((DATA / "tasks" / name / "task.json").read_text())["world"] == WORLD.key


@pytest.mark.parametrize("name", ["form", "tone", "compound", "labels"])
def test_no_entity_stands_in_two_splits(name):
    splits = defaultdict(set)
    for row in stored.load(name).examples:
        splits[row.entity].add(row.split)
    assert all(len(found) == 1 for found in splits.values())


def test_oracle_documents_hold_the_answer():
    data = stored.load("facts")
    texts = {document.id: document.text for document in data.documents}
    for row in data.examples:
        assert row.entity in texts[row.documents[0]]
        assert row.answer in texts[row.documents[0]] or row.slices["material"] == "more wordings"
    assert all(text.count(" ") < 60 for text in texts.values())


def test_facts_are_about_new_people_and_twins_are_wrong():
    data = stored.load("facts")
    truth = {person.name: person for person in WORLD.new}
    assert {row.entity for row in data.examples} == set(truth)
    for pair in data.preferences:
        person = next(person for name, person in truth.items() if name in pair.prompt)
        values = [person.value(attribute) for attribute in people.ATTRIBUTES]
        assert pair.chosen in values and pair.rejected not in values[:2]


def test_form_answers_are_records():
    for row in stored.load("form").examples:
        record = json.loads(row.answer)
        assert list(record) == ["name", "job", "town"] and all(value in row.prompt for value in record.values())


def test_tone_pairs_change_the_tone_only():
    data = stored.load("tone")
    for pair in data.preferences:
        value = pair.rejected.removesuffix(".")
        assert value.lower() in pair.chosen.lower() and pair.chosen.split()[0] != pair.rejected.split()[0]
    for row in data.examples:
        assert row.slices["value"] in row.answer


def test_compound_asks_for_what_its_documents_say():
    data = stored.load("compound")
    texts = {document.id: document.text for document in data.documents}
    suite = data.test_suite()
    assert suite.primary.kind == "all_of" and len(suite.items) == 200
    for row in data.examples:
        assert row.slices["value"] in texts[row.documents[0]] and row.slices["value"] in json.loads(row.answer)["reply"]
    for pair in data.preferences:
        assert pair.chosen.startswith('{"reply"')


def test_every_beginning_of_the_labels_is_balanced():
    rows = stored.load("labels").split("train")
    assert len(rows) == 2_048
    for count in (10, 100, 1_000):
        classes = Counter(row.answer for row in rows[:count])
        assert len(classes) == 5 and max(classes.values()) == min(classes.values())
