"""Garbled letters, placeholders, answers without a word, outliers, rows that stayed out: found with examples, mended where it is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import corpus
from lab.core import Document, Example, Scorer, Task, TaskData
from lab.corpus import mending
from lab.corpus.check_answers import only_markup
from lab.corpus.check_rows import unreadable_findings
from lab.corpus.garbled import garbled_runs, mended_text
from lab.corpus.values import Problem

GOOD = [(f"What is number {number}?", f"It is {number}.") for number in range(40)]


def task(*rows, documents=()):
    examples = [Example(id=f"e{number:05d}", prompt=prompt, answer=answer, split=("train", "test")[number % 2])
                for number, (prompt, answer) in enumerate([*rows, *GOOD], 1)]
    return TaskData(task=Task(id="t", name="t", scorers=(Scorer(kind="exact_match"),)), examples=tuple(examples), documents=tuple(documents))


def found(data, words):
    return [finding for finding in corpus.check(data) if words in finding.what]


def as_windows(text):
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())

WORDS = ["café", "Größe", "naïve", "señor", "“quoted”", "it’s", "5 €", "20 °C", "π r²", "привет", "日本語", "한국어", "😀", "a – b", "x"]


@given(st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join))
def test_garbling_is_undone_exactly(text):
    assert mended_text(as_windows(text)) == text and not garbled_runs(text)
    assert mended_text(text) == text


@pytest.mark.parametrize("text", ["le café\u00a0», dit-il", "il est né…» Puis", "mañana–", "manhã…»", "Fin à l’été.»",
                                  "Café, São Paulo, naïve", "« CAFÉ »", "Größe ½ ©", "NÃO É", "日本語", "привет"])
def test_good_letters_stay(text):
    assert mended_text(text) == text and not garbled_runs(text)


def test_garbled_rows_are_found_and_the_mend_leaves_none():
    data = task(("Where is the cafÃ©?", "Itâ€™s there"), documents=[Document(id="d", name="d", text="rÃ©sumÃ©")])
    finding = found(data, "wrong encoding")[0]
    assert finding.count == 2 and finding.mend == "garbled" and "Ã©" in finding.examples[0] and "café" in finding.examples[0]
    mended = mending.MENDS["garbled"].mended(data)
    assert not found(mended, "wrong encoding") and mended.examples[0].answer == "It’s there" and mended.documents[0].text == "résumé"
    assert mended.task.fingerprints != data.sealed().task.fingerprints


def test_lost_letters_are_said_and_nothing_is_offered():
    finding = found(task(("Who is Andr\ufffd?", "A man")), "lost")[0]
    assert finding.count == 1 and not finding.mend and "UTF-8" in finding.do


@pytest.mark.parametrize("text", ["Dear {{name}},", "Dear {name},", "Dear ${name},", "Dear <name>,", "Dear [NAME],", "Dear [customer name],", "Hello %s!",
                                  "Hello %(user)s!", "Regards, [Your Name]"])
def test_placeholders_are_found(text):
    assert found(task((text, "yes")), "Placeholders")[0].count == 1


@pytest.mark.parametrize("text", ["print(f'{name}')", 'def f(): return "%s" % x', "\\frac{a}{b}", "{'a': {b}}", "100%", "5 %s more".replace("%s", "% so"),
                                  "a <b>bold</b> word", "write to [email] or [phone]", "see [city](page)", "```\n{name}\n```"])
def test_code_formulas_links_and_masks_are_no_placeholders(text):
    assert not found(task((text, "yes")), "Placeholders")


@pytest.mark.parametrize("text", ["<p></p>", "<br/>", "```\n```", "---", "&nbsp;", "<div><br></div>", "![](picture.png)"])
def test_answers_of_markup_alone_are_found(text):
    assert only_markup(text) and found(task(("q", text)), "only markup")[0].count == 1


@pytest.mark.parametrize("text", ["+", "?", "0", "<b>word</b>", "a", "...", "A & B", "_", "5 > 3"])
def test_signs_and_words_are_answers(text):
    assert not only_markup(text)


def test_texts_far_longer_than_the_others_are_pointed_out():
    data = task(("q", "word " * 400))
    finding = found(data, "answers are far longer")[0]
    assert finding.count == 1 and finding.level == "note" and "2,000 letters" in finding.examples[0]
    assert not found(task(), "far longer")


def test_prompts_that_leave_no_room_for_an_answer():
    data = task(("long " * 90, "yes"), ("other " * 80, "yes"))
    moved = data.model_copy(update={"examples": tuple(e.model_copy(update={"split": "test"}) for e in data.examples)})
    found = corpus.check(moved, count=lambda *texts: sum(len(text.split()) for text in texts), max_length=50, answer=5)
    [finding] = [each for each in found if "test questions" in each.what]
    assert finding.count == 2 and "45 tokens" in finding.what, "nothing could be answered"


def test_rows_that_stayed_out_are_a_finding_with_their_lines():
    problems = [Problem(line=line, reason="1 cells where the header has 2") for line in (3, 9, 11, 12)]
    finding = list(unreadable_findings(problems, 4))[0]
    assert finding.count == 4 and finding.examples[0].startswith("line 3: ") and len(finding.examples) == 3 and finding.do
    assert not list(unreadable_findings(problems, 0)), "a problem without a lost row is told where the file was read"
