"""The corpus is named by its seed, and what is new never stands in it."""

import random
from collections import Counter
from itertools import islice

import pytest

from lab.world import corpus, dialogue, general, lexicon, names, people, reading

WORLD = people.build(0)


def taken(seed: int, progress: float = 0.5, count: int = 3_000, step: int = 0) -> list[str]:
    return list(islice(corpus.Corpus(WORLD, seed).documents(step, progress), count))


def test_same_seed_same_world_and_corpus():
    assert people.build(0) == WORLD and people.build(0).key == WORLD.key
    assert people.build(1).key != WORLD.key
    assert taken(0) == taken(0)
    assert len({tuple(taken(seed, step=step, count=20)) for seed in (0, 1) for step in (0, 1)}) == 4


def test_the_running_hash_names_every_document_in_order():
    one, other = ["a", "b"], ["c"]
    chain = corpus.chained(corpus.chained("", one), other)
    assert chain == corpus.chained(corpus.chained("", one), other)
    assert chain not in (corpus.chained(corpus.chained("", other), one), corpus.chained("", one + other), corpus.chained("", one))


def test_each_person_is_told_about_as_often_as_the_mix_says():
    """A known person's chance to be the subject of a document: the share of bios, over the number of known people."""
    progress = 0.95
    texts = taken(9, progress, count=20_000)
    shares = {kind: share[corpus.phase_of(progress)] for kind, (_, share) in corpus.MIX.items()}
    expected = len(texts) * shares["bios"] / sum(shares.values()) / len(WORLD.known)
    opened = tuple(about.split("{n}")[0] for about in dialogue.ABOUT)
    told: Counter[str] = Counter()
    for text in texts:
        plain = text.removeprefix(dialogue.END).removesuffix(dialogue.END)
        if dialogue.USER not in plain or plain.removeprefix(dialogue.USER).startswith(opened) and plain.count(dialogue.USER) == 1:
            told.update(person.name for person in WORLD.known if person.name in plain)
    counts = [told[person.name] for person in WORLD.known]
    assert abs(sum(counts) / len(counts) - expected) < 0.1 * expected
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts)  # draws are independent: about Poisson


@pytest.mark.parametrize("progress", [0.0, 0.5, 0.95, 1.0, 2.0])
def test_no_new_person_is_ever_mentioned(progress):
    text = "\n".join(taken(3, progress))
    assert not [person.name for person in WORLD.new if person.name in text]
    assert any(person.name in text for person in WORLD.known)


def test_only_asked_people_are_asked_about():
    text = "\n".join(taken(4) + taken(4, progress=1.0) + taken(4, progress=2.0))
    hidden = [(person, attribute) for person in WORLD.unasked for attribute in people.ATTRIBUTES] + list(WORLD.hidden)
    for person, attribute in hidden:
        assert not any(wording.format(n=person.name) in text for wording in people.QUESTIONS[attribute])
        assert f"the {attribute} of {person.name}?" not in text
    assert not {(p.name, a) for p, a in WORLD.shown} & {(p.name, a) for p, a in hidden}
    assert len(WORLD.shown) + len(hidden) == 4 * len(WORLD.known)


def test_world_has_the_promised_sizes_and_distinct_names():
    assert (len(WORLD.known), len(WORLD.asked), len(WORLD.partly), len(WORLD.unasked), len(WORLD.new), len(set(WORLD.towns))) == (200, 100, 50, 50, 60, 60)
    parts = [part for person in (*WORLD.known, *WORLD.new) for part in person.name.split()]
    assert len(set(parts)) == len(parts)
    assert len(lexicon.CAPITALS) >= 70 and len(lexicon.WORDS) >= 60
    assert all(len(wordings) >= 4 for wordings in people.STATEMENTS.values())


def test_every_passage_holds_its_answer():
    rng = random.Random(0)
    for make in (reading.single, reading.one_fact_each, reading.several):
        for _ in range(200):
            turns = make(rng, WORLD).split(dialogue.USER)[1:]
            told = turns[0].rpartition("\n")[0]
            answers = [turn.split(dialogue.ASSISTANT)[1].removesuffix(dialogue.END) for turn in turns]
            assert all(answer in told for answer in answers)


def test_the_form_task_never_stands_in_the_corpus():
    text = "\n".join(taken(5))
    assert "as JSON" not in text and "Record:" not in text
    assert not [line for line in text.split("\n") if all(f'"{key}":' in line for key in ("name", "job", "town"))]


def test_every_printable_symbol_is_in_the_corpus():
    text = "".join(taken(6, count=12_000))
    assert not [chr(code) for code in range(32, 127) if chr(code) not in text and not chr(code).isalpha()]


def test_both_tones_are_common():
    rng = random.Random(0)
    courteous = [dialogue.CLOSER in dialogue.tone(rng, WORLD) for _ in range(1_000)]
    assert 0.40 < sum(courteous) / 1_000 < 0.50


def test_grammar_pairs_differ_in_one_word():
    rng = random.Random(0)
    for _ in range(300):
        good, bad, paradigm = general.grammar_pair(rng)
        assert sum(a != b for a, b in zip(good.split(), bad.split())) == 1 and paradigm in general.PARADIGMS


def test_a_twin_is_wrong_everywhere():
    rng = random.Random(0)
    for person in WORLD.new:
        wrong = people.twin(rng, WORLD, person)
        assert wrong.name == person.name and all(wrong.value(a) != person.value(a) for a in people.ATTRIBUTES)


def test_fresh_names_avoid_the_taken():
    rng = random.Random(0)
    found = names.fresh_names(rng, ["Tomi Balo"])
    assert "Tomi Balo" not in [next(found) for _ in range(1_000)]
