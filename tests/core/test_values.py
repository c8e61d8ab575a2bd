"""Values: keys name content, labels do not count, unknown settings are refused."""

import errno

import pytest
from pydantic import ValidationError

from lab.core import (
    ALLOWED,
    FINAL,
    Base,
    DataError,
    Document,
    Dpo,
    Example,
    Experiment,
    Preference,
    Prompting,
    Retrieval,
    Scorer,
    Sft,
    System,
    Task,
    TaskData,
    adapter_key,
    content_key,
    failure_of,
    index_key,
    proposed_stage,
    system_key,
    used_data,
    weights_key,
)

BASE = Base(kind="folder", ref="/m", fingerprint="f")


def data(**changes):
    examples = [Example(id=f"e{i}", prompt=f"p{i}", answer="a", split=split) for i, split in enumerate(["train", "validation", "test"])]
    return TaskData(task=Task(id="t", name="T", scorers=(Scorer(kind="exact_match"),)), examples=tuple(examples),
                    preferences=(Preference(id="q", prompt="p", chosen="c", rejected="r"),),
                    documents=(Document(id="d", name="D", text="text"),), **changes).sealed()


def test_a_key_does_not_depend_on_the_order_of_fields():
    assert content_key({"a": 1, "b": [1, 2]}) == content_key({"b": [1, 2], "a": 1}) != content_key({"a": 1, "b": [2, 1]})


def test_names_are_labels_and_never_count():
    task = data().task
    one, other = System(name="one", base=BASE), System(name="other", base=BASE)
    assert system_key(one, task) == system_key(other, task)
    assert system_key(one, task) == system_key(one.model_copy(update={"base": BASE.model_copy(update={"ref": "/elsewhere"})}), task)


@pytest.mark.parametrize("system", [
    System(name="s", base=BASE, prompting=Prompting(shots=1)), System(name="s", base=BASE, prompting=Prompting(instruction="x")),
    System(name="s", base=BASE, retrieval=Retrieval()), System(name="s", base=BASE, training=(Sft(),)),
    System(name="s", base=BASE, training=(Sft(), Dpo())), System(name="s", base=BASE, training=(Sft(seed=1),)),
    System(name="s", base=BASE, template="{{ x }}"), System(name="s", base=BASE.model_copy(update={"fingerprint": "g"}))])
def test_different_content_never_shares_a_key(system):
    task = data().task
    assert system_key(system, task) != system_key(System(name="s", base=BASE), task)


def test_only_the_data_that_a_part_uses_counts():
    first = data()
    moved = first.model_copy(update={"documents": (Document(id="d", name="D", text="other"),)}).sealed()
    bare, searching = System(name="b", base=BASE), System(name="r", base=BASE, retrieval=Retrieval())
    trained = System(name="t", base=BASE, training=(Sft(),))
    assert system_key(bare, first.task) == system_key(bare, moved.task)
    assert system_key(trained, first.task) == system_key(trained, moved.task)
    assert system_key(searching, first.task) != system_key(searching, moved.task)
    assert used_data(bare, first.task) == []


def test_systems_that_share_a_stage_share_its_adapter():
    task = data().task
    sft, both = System(name="a", base=BASE, training=(Sft(),)), System(name="b", base=BASE, training=(Sft(), Dpo()))
    compound = System(name="c", base=BASE, retrieval=Retrieval(), training=(Sft(with_passages=False),))
    reading = System(name="d", base=BASE, retrieval=Retrieval(), training=(Sft(),))
    assert adapter_key(sft, task, 1) == adapter_key(both, task, 1) == adapter_key(compound, task, 1)
    assert adapter_key(both, task, 2) != adapter_key(both, task, 1)
    assert adapter_key(reading, task, 1) != adapter_key(sft, task, 1), "it was trained with passages in its prompts"
    assert weights_key(sft, task) == weights_key(compound, task)
    assert weights_key(System(name="x", base=BASE, retrieval=Retrieval()), task) == weights_key(System(name="y", base=BASE), task)


def test_top_k_needs_no_new_index():
    task = data().task
    assert index_key(Retrieval(top_k=1), task) == index_key(Retrieval(top_k=5), task) != index_key(Retrieval(chunk_words=50), task)


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        Sft(learning_rat=1e-3)
    with pytest.raises(ValidationError):
        Sft(epochs=0)


def test_values_survive_their_json():
    system = System(name="s", base=BASE, prompting=Prompting(shots=2), retrieval=Retrieval(), training=(Sft(), Dpo(beta=0.3)))
    assert System.model_validate_json(system.model_dump_json()) == system


def test_a_seed_reaches_every_random_choice():
    system = System(name="s", base=BASE, prompting=Prompting(shots=2), training=(Sft(), Dpo())).with_seed(7)
    assert system.prompting.seed == 7 and [stage.seed for stage in system.training] == [7, 7]


def test_an_experiment_finds_its_base_without_being_asked():
    systems = (System(name="a", base=BASE, retrieval=Retrieval()), System(name="b", base=BASE, training=(Sft(),)))
    assert [system.is_bare for system in Experiment(id="e", name="E", tasks=("t",), systems=systems).bases()] == [True]
    with pytest.raises(ValidationError, match="same name"):
        Experiment(id="e", name="E", tasks=("t",), systems=(systems[0], systems[0]))


def test_the_state_machine_has_no_way_out_of_finished():
    assert ALLOWED["finished"] == () and set(FINAL) <= set(ALLOWED)


def test_tiny_bases_get_larger_steps():
    assert proposed_stage("sft", 10**6).learning_rate > proposed_stage("sft", 10**9).learning_rate
    assert proposed_stage("dpo", 10**6).learning_rate > proposed_stage("dpo", 10**9).learning_rate


def test_failures_are_classified_and_carry_the_way_out():
    full = failure_of(OSError(errno.ENOSPC, "No space left"), "saving")
    assert (full.kind, full.where) == ("disk", "saving") and "space" in full.do
    assert failure_of(RuntimeError("[enforce fail at inline_container.cc:672]")).kind == "disk"
    assert failure_of(MemoryError("x")).kind == "memory"
    assert failure_of(DataError("what", "", "do"), "loading").where == "loading"
    assert failure_of(ValueError("odd")).kind == "lab"
    assert DataError("What.", "where", "do this").failure.sentence() == "What. where. do this."
    assert DataError("It is empty.", "What is 3?", "Fill it").failure.sentence() == "It is empty. What is 3? Fill it."


def test_the_text_that_is_rehearsed_counts_where_it_is_read_and_only_there():
    from lab.core.systems import _content
    assert "replay_from" not in _content(Sft(), set()) and _content(Sft(replay_from="other"), set()) == _content(Sft(), set())
    assert _content(Sft(replay=0.1), set())["replay_from"] == Sft().replay_from
    assert _content(Sft(tuning="full", ewc=1.0), set()) != _content(Sft(tuning="full", ewc=1.0, replay_from="other"), set())
