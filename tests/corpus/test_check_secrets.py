"""Secrets and personal data are found by their shape, never shown, and masked once and for all; other numbers stay what they are."""

import pytest

from lab import corpus
from lab.core import Document, Example, Preference, Scorer, Task, TaskData
from lab.corpus.private import kinds_in, masked, masked_text

ABOUT = Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),))
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA " + "PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTYifQ" + ".c2lnbmF0dXJl"
SHAPES = [
    ("mail jane.doe+x@mail.firm.org now", "email", "mail [email] now"),
    ("pay 4111 1111 1111 1111 today", "card", "pay [card] today"),
    ("5555555555554444", "card", "[card]"), ("3782 822463 10005", "card", "[card]"),
    ("to GB82 WEST 1234 5698 7654 32 PLEASE", "iban", "to [iban] PLEASE"), ("DE89370400440532013000", "iban", "[iban]"),
    ("NL91 ABNA 0417 1643 00", "iban", "[iban]"), ("BE68 5390 0754 7034 NOTE", "iban", "[iban] NOTE"),
    ("ring +49 (0)30 1234567.", "phone", "ring [phone]."), ("+1-415-555-0132", "phone", "[phone]"), ("(415) 555-0132", "phone", "[phone]"),
    ("Tel.: 030 1234567", "phone", "Tel.: [phone]"), ("my phone number is 0171 2345678", "phone", "my phone number is [phone]"),
    ("or call 02036154835.", "phone", "or call [phone]."),
    (f"a {KEY} b", "secret", "a [secret] b"), ("AKIA" + "ABCDEFGHIJKLMNOP", "secret", "[secret]"), ("ghp_" + "a1" * 18, "secret", "[secret]"),
    ("hf_" + "a" * 34, "secret", "[secret]"), ("xoxb-" + "123456789012-abc", "secret", "[secret]"), (JWT, "secret", "[secret]"),
]
HARMLESS = ["12 + 7", "12 +34567890123", "472547338\n+534883790586", "= +4512345678", "on 2026-11-21 at 14:30:38+00:00", "21.11.2026", "ISBN 978-3-16-148410-0",
            "ISBN 9783161484100", "version 10.4.2.11-beta", "0.4111111111111111", "+1.23456789", "3.14159265358979", "1 2 3 4 5 6 7 8 9 10 11 12 13",
            "4111 1111 1111 1112", "GB82 WEST 1234 5698 7654 33", "phone is $3000/200", "call on 2026-11-21", "user@example.com", "a@b", "@name",
            "2019 - 2020", "version 10.4.2.11",
            "[email] [phone]", "sk-learn", "1,000,000,000", "def f(x): return x[1234567]", "100-200-3000",
            "uuid 123e4567-e89b-12d3-a456-426614174000"]


def data(text):
    return TaskData(task=ABOUT, examples=(Example(id="e", prompt=f"q {text}", answer=text, split="train"),),
                    preferences=(Preference(id="p", prompt="p", chosen=text, rejected="r"),), documents=(Document(id="d", name="d", text=text),))


@pytest.mark.parametrize("text, kind, safe", SHAPES)
def test_each_shape_is_found_and_masked_once(text, kind, safe):
    assert kinds_in(text) == {kind} and masked_text(text) == safe and masked_text(safe) == safe


@pytest.mark.parametrize("text", HARMLESS)
def test_other_numbers_stay(text):
    assert kinds_in(text) == set() and masked_text(text) == text


@pytest.mark.parametrize("text, kind, safe", SHAPES)
def test_no_finding_shows_what_it_found(text, kind, safe):
    found = corpus.check(data(text))
    mine = [f for f in found if getattr(f, "mend", "") == "mask"]
    assert [(f.level, f.count, len(f.examples)) for f in mine] == [("warn", 3, 3)] and "examples: 1, preference pairs: 1, documents: 1" in mine[0].what
    assert all(masked_text(example) == example and f"[{kind}]" in example for example in mine[0].examples)


def test_other_findings_do_not_show_it_either():
    twice = TaskData(task=ABOUT, examples=tuple(Example(id=str(n), prompt="{{x}} +1-415-555-0132", answer="a", split=split)
                                                for n, split in enumerate(["train", "train", "test"])))
    assert "0132" not in str([f.examples for f in corpus.check(twice)])


def test_masks_stand_everywhere_and_nothing_else_changes():
    before = data("write to ann@firm.org or +1-415-555-0132").sealed()
    after = masked(before)
    assert after.examples[0].prompt == "q write to [email] or [phone]" and after.preferences[0].chosen == after.documents[0].text == after.examples[0].answer
    assert after.task.fingerprints != before.task.fingerprints and masked(after) == after
    assert not [f for f in corpus.check(after) if getattr(f, "mend", "") == "mask"]
    assert masked(data("nothing")) == data("nothing").sealed()


def test_ip_addresses_are_a_note_and_stay():
    found = [f for f in corpus.check(data("host 84.12.7.201 answers, 127.0.0.1 too")) if "IP addresses" in f.what]
    assert [(f.level, f.count, f.mend) for f in found] == [("note", 3, "")] and "84.12.…" in found[0].examples[0] and "201" not in found[0].examples[0]


def test_real_questions_hold_nothing_private(shared):
    for name in ("sft_banking77/train.csv", "sft_gsm8k/train.jsonl"):
        table = corpus.read_table(shared / name)
        rows, _ = corpus.to_examples(table, corpus.guess_mapping(table))
        assert not [row.id for row in rows if kinds_in(f"{row.prompt}\n{row.answer}")], name
