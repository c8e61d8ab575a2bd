"""What leaves the lab is what plain transformers reads: the same text, the same tokens, and a word where it cannot stay the same."""

import json
import shutil

import pytest
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from lab.core import PLAIN_TEMPLATE
from lab.corpus.template import ChatTemplate
from lab.engine.export import Reader, as_exported, save_tokenizer

TALK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}, {"role": "assistant", "content": "Here."},
        {"role": "user", "content": "And <b>now</b>?"}]
DATED = "{{ 'Today is ' + strftime_now('%d %B %Y') + '. ' }}" + PLAIN_TEMPLATE


@pytest.fixture(scope="module")
def tokenizer():
    from lab import store
    return AutoTokenizer.from_pretrained(store.SHIPPED / "bases" / store.bases.shipped()[0])


def test_every_template_is_written_as_the_lab_writes_it(shipped_base, tokenizer):
    own = ChatTemplate.of(shipped_base)
    for template in (own, ChatTemplate(PLAIN_TEMPLATE, own.tokens | {"bos_token": ""}, "plain")):
        assert as_exported(tokenizer, template.text, TALK) == template.render(TALK, True)


def test_a_date_stands_as_words_because_an_export_is_asked_on_other_days(shipped_base, tokenizer):
    written = as_exported(tokenizer, DATED, TALK)
    assert "Today is (the date of the day). " in written
    assert written != ChatTemplate.of(shipped_base, DATED).render(TALK, True)


def test_a_template_that_refuses_elsewhere_says_so_and_ends_nothing(tokenizer):
    assert as_exported(tokenizer, "{{ raise_exception('no system here') }}", TALK) == "(refused: no system here)"
    assert as_exported(tokenizer, "{% broken", TALK).startswith("(refused: ")


def test_the_exported_tokenizer_carries_the_template_the_system_was_asked_with(shipped_base, tmp_path):
    save_tokenizer(shipped_base, PLAIN_TEMPLATE, tmp_path)
    found = AutoTokenizer.from_pretrained(tmp_path)
    assert found.apply_chat_template(TALK[1:], add_generation_prompt=True, tokenize=False) == \
        "Question: Where?\nAnswer: Here.<|end|>\n\nQuestion: And <b>now</b>?\nAnswer:"
    assert (tmp_path / "tokenizer.json").read_bytes() == (shipped_base / "tokenizer.json").read_bytes(), "copied, not saved anew"
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["chat_template"] == PLAIN_TEMPLATE, "where older programs look for it"


def test_a_second_start_token_is_seen(shipped_base, tmp_path):
    folder = tmp_path / "starts"
    shutil.copytree(shipped_base, folder)
    about = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(about | {"bos_token": "<|pad|>"}))
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    raw.post_processor = TemplateProcessing(single="<|pad|> $A", special_tokens=[("<|pad|>", raw.token_to_id("<|pad|>"))])
    raw.save(str(folder / "tokenizer.json"))
    reader = Reader.of(folder, PLAIN_TEMPLATE)
    text = reader.template.render(TALK[1:], True)
    assert text.startswith("<|pad|>") and reader.starts_twice(text)
    assert not Reader.of(shipped_base).starts_twice("Where?")
