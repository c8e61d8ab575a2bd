"""The base's tokenizer: byte-level BPE in which a space, a digit and a mark are tokens of their own.

A word is therefore the same token after a space, after a quote and at the start: a town copied into JSON is the town that was read.
Names are left out of the training text and given as syllables, so known and unseen names split in the same way.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator

from lab.core import content_key
from lab.world import corpus, lexicon, names
from lab.world.dialogue import ASSISTANT, END, PAD, SYSTEM, USER
from lab.world.people import World

VOCABULARY = 1_024
SPECIAL = (END, PAD, USER, ASSISTANT, SYSTEM)
PIECES = r"\p{L}+|\p{N}|[^\p{L}\p{N}]"
TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message.role == 'system' -%}<|system|>{{ message.content }}"
    "{%- elif message.role == 'user' -%}<|user|>{{ message.content }}"
    "{%- else -%}<|assistant|>{{ message.content }}<|end|>"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
_NAME = re.compile("(" + "|".join(names.SYLLABLES) + ")+", re.IGNORECASE)


@lru_cache(maxsize=1)
def _ordinary() -> frozenset[str]:
    return frozenset([*lexicon.CAPITALS, *lexicon.CAPITALS.values(), *lexicon.WORDS, *lexicon.WORDS.values(), *lexicon.JOBS,
                      *lexicon.PETS, *lexicon.COLOURS])


def training_words(world: World, documents: int = 12_000) -> Iterator[str]:
    """Words of a sample of the corpus without names, in a fixed order; then the syllables, often enough to be merged first."""
    counts: Counter[str] = Counter()
    for text in corpus.held_out(world, documents, seed=7):
        counts.update(re.findall(r"[A-Za-z]+", re.sub(r"<\|\w+\|>", " ", text)))
    keep = {word: n for word, n in counts.items() if word in _ordinary() or not _NAME.fullmatch(word)}
    top = max(keep.values())
    for syllable in names.SYLLABLES:
        for form in (syllable, syllable.capitalize()):
            yield from [form] * top * 2
    for word, count in sorted(keep.items()):
        # Every word of the world counts for something, rare capitals as well.
        yield from [word] * (count + 20)


def train(world: World) -> Any:
    """A PreTrainedTokenizerFast of 1,024 tokens for this world."""
    from tokenizers import Tokenizer
    return wrapped(Tokenizer.from_str(_trained(world)))


@lru_cache(maxsize=1)
def _trained(world: World) -> str:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    bpe = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=list(SPECIAL), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    bpe.train_from_iterator(training_words(world), trainer)
    return bpe.to_str()


def wrapped(bpe: Any) -> Any:
    from transformers import PreTrainedTokenizerFast
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD, chat_template=TEMPLATE,
                                   additional_special_tokens=[USER, ASSISTANT, SYSTEM], model_max_length=512,
                                   padding_side="left", clean_up_tokenization_spaces=False)


def roles(tokenizer: Any) -> tuple[tuple[int, ...], int, int]:
    """Ids that open a user or system message, that open an answer, that end one."""
    user, system, assistant, end = tokenizer.convert_tokens_to_ids([USER, SYSTEM, ASSISTANT, END])
    return (user, system), assistant, end


def tokenizer_hash(tokenizer: Any) -> str:
    return content_key(tokenizer.backend_tokenizer.to_str(), tokenizer.chat_template)


def save(tokenizer: Any, folder: Path) -> None:
    """The standard folder. The class is named as every version of transformers knows it."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    about = json.loads(path.read_text("utf-8"))
    about["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(about, indent=2) + "\n", "utf-8")
