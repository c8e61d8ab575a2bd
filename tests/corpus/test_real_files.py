"""Real data of other people comes in as what it is, or is refused with its reason."""

import pytest

from lab import corpus
from lab.core import DataError, Scorer, Task, TaskData

EXAMPLES = [  # file, rows, prompt, answer, proposed scorer
    ("sft_banking77/train.csv", 10_003, "{text}", "{category}", "exact_match"),
    ("sft_banking77/test.csv", 3_080, "{text}", "{category}", "exact_match"),
    ("sft_snips_slots/train_RateBook_full.json", 1_956, "{text}", "{slots}", "json_match"),
    ("sft_snips_slots/train_PlayMusic_full.json", 2_000, "{text}", "{slots}", "json_match"),
    ("sft_snips_slots/validate_GetWeather.json", 100, "{text}", "{slots}", "json_match"),
    ("sft_e2e_nlg/devset.csv", 4_672, "{mr}", "{ref}", "answer_loss"),
    ("sft_e2e_nlg/testset_w_refs.csv", 4_693, "{mr}", "{ref}", "answer_loss"),
    ("sft_gsm8k/train.jsonl", 7_473, "{question}", "{answer}", "answer_loss"),
    ("sft_gsm8k/test.jsonl", 1_319, "{question}", "{answer}", "answer_loss"),
    ("sft_alpaca_en_demo/alpaca_en_demo.json", 999, "{instruction}\n{input}", "{output}", "answer_loss"),
    ("rag_xquad_en/xquad.en.json", 1_190, "{question}", "{answer}", "contains_answer"),
]


@pytest.mark.parametrize("name, rows, prompt, answer, scorer", EXAMPLES)
def test_examples(shared, name, rows, prompt, answer, scorer):
    table = corpus.read_table(shared / name)
    mapping = corpus.guess_mapping(table)
    assert (mapping.kind, mapping.prompt, mapping.answer) == ("examples", prompt, answer)
    examples, problems = corpus.to_examples(table, mapping)
    assert len(table.rows) == len(examples) == rows and table.refused == 0 and not problems
    assert corpus.suggest_scorer(examples).kind == scorer


@pytest.mark.parametrize("name, rows", [("pref_dpo_en_demo/dpo_en_demo.json", 300), ("pref_orca_dpo/validation.jsonl", 284)])
def test_preferences(shared, name, rows):
    table = corpus.read_table(shared / name)
    pairs, problems = corpus.to_preferences(table, corpus.guess_mapping(table))
    assert len(pairs) == rows and not problems and all(p.prompt and p.chosen and p.rejected for p in pairs)


def test_thumbs_up_and_down_are_no_preference_pairs(shared):
    table = corpus.read_table(shared / "pref_kto_en_demo" / "kto_en_demo.json")
    mapping = corpus.guess_mapping(table)
    assert mapping.kind == "unclear" and "KTO" in mapping.reason
    with pytest.raises(DataError, match="KTO data"):
        corpus.to_preferences(table, mapping)


def test_a_file_that_is_not_quite_utf8(shared):
    table = corpus.read_table(shared / "sft_snips_slots" / "train_PlayMusic_full.json")
    assert table.encoding == "utf-8" and table.problems[0].line == 9_091 and "byte 0xed at position 150,732" in table.problems[0].reason


def test_squad_links_every_question_to_its_paragraph(shared):
    table = corpus.read_table(shared / "rag_xquad_en" / "xquad.en.json")
    mapping = corpus.guess_mapping(table)
    documents = {d.id: d for d in corpus.documents_of(table, mapping)}
    examples, _ = corpus.to_examples(table, mapping)
    assert len(documents) == 240 and all(e.answer in documents[e.documents[0]].text for e in examples)
    assert len({e.entity for e in examples}) == 48
    homes = {e.entity: set() for e in examples}
    for example in examples:
        homes[example.entity].add(example.split)
    assert all(len(splits) == 1 for splits in homes.values())


def test_banking_leaks_are_found_and_taken_out(shared):
    files = {split: corpus.read_table(shared / "sft_banking77" / f"{split}.csv") for split in ("train", "test")}
    table = corpus.join_tables(files)
    examples, _ = corpus.to_examples(table, corpus.guess_mapping(table))
    data = TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=examples)
    leak = next(f for f in corpus.check(data) if f.level == "refuse")
    assert leak.count == 7 and "test split" in leak.what  # 6 equal texts, one more but for letter case
    clean = corpus.without_leaks(data)
    assert len(clean.split("test")) == 3_080 and not [f for f in corpus.check(clean) if f.level == "refuse"]


def test_placeholders_of_the_identity_file(shared):
    table = corpus.read_table(shared / "sft_identity" / "identity.json")
    examples, _ = corpus.to_examples(table, corpus.guess_mapping(table))
    found = corpus.check(TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=examples))
    assert any("{{name}}" in f.what and f.count > 80 for f in found)
