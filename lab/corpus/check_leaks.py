"""Test prompts that are also trained, word for word or nearly, and the same rows without them. Knows rows, no models.

Examples in a prompt (shots) are drawn from the training split: what holds for the training rows holds for them. Nearly means 13 words in
a row, the overlap that GPT-3's authors took for contamination (arXiv 2005.14165, appendix C); letter case and punctuation do not count.
Languages that write no spaces have no such words: there only equal prompts are found.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal

from lab.core import TaskData
from lab.corpus.finding import finding
from lab.corpus.splits import prompt_key
from lab.corpus.values import Finding

_NGRAM = 13  # words
_QUESTION = 6  # words; shorter questions stand in documents by chance
_COMMON = 10  # a sequence in more rows than this is a form of words, not a leak
_WORD = re.compile(r"\w+")
_LEAKS = {
    "test": ("refuse", "The prompt also stands in the test split: its score would be remembered, not earned",
             "Take them out of training and validation (offered here), or let the lab split the rows anew"),
    "pairs": ("refuse", "The prompt of a preference pair also stands in the test split", "Take these pairs out (offered here)"),
    "validation": ("warn", "The prompt of a validation row is also trained: the validation loss would look too good", "Take them out (offered here)"),
}
_NAMES = {"train": "Training rows", "validation": "Validation rows", "pairs": "Preference pairs"}


def leak_findings(data: TaskData) -> Iterator[Finding]:
    test, train = _keys(data, "test"), _keys(data, "train")
    yield from leaked("test", (e.prompt for e in data.examples if e.split != "test" and prompt_key(e.prompt) in test))
    yield from leaked("pairs", (p.prompt for p in data.preferences if prompt_key(p.prompt) in test))
    yield from leaked("validation", (e.prompt for e in data.split("validation") if prompt_key(e.prompt) in train))


def leaked(place: Literal["test", "pairs", "validation"], prompts: Iterable[str], count: int | None = None) -> Iterator[Finding]:
    """Prompts that stand where they must not; `count` where only some of them are handed over."""
    level, what, do = _LEAKS[place]
    yield from finding(level, what, prompts, do, "leaks", count=count)


def overlap_findings(data: TaskData) -> Iterator[Finding]:
    """Rows that share 13 words in a row with a test prompt without being the same prompt, and test questions that stand in a document."""
    sequences, test = _leaking(data), _keys(data, "test")
    for place, prompts in _learned(data).items():
        shared = (prompt for prompt in prompts if not sequences.isdisjoint(_sequences(prompt)) and prompt_key(prompt) not in test)
        yield from finding("warn", f"{_NAMES[place]} share {_NGRAM} words in a row with a test prompt", shared,
                           "Look whether they are the same question in other words, and take them out (offered here); rows about one thing belong "
                           "together (entity column)", "overlap", lambda prompt: _shared_words(prompt, sequences))
    yield from finding("warn", "Test questions stand word for word in a document: retrieval may find the question instead of the evidence",
                       _in_documents(data), "Fine where people will ask just so, as in a list of questions and answers; else take them out of the documents")


def without_leaks(data: TaskData) -> TaskData:
    """The same without training and validation rows, and preference pairs, whose prompt is also asked in the test; and without
    validation rows whose prompt is trained. The test split stays as it is."""
    test = _keys(data, "test")
    gone = {"train": test, "validation": test | _keys(data, "train"), "test": set()}
    examples = tuple(example for example in data.examples if prompt_key(example.prompt) not in gone[example.split])
    pairs = tuple(pair for pair in data.preferences if prompt_key(pair.prompt) not in test)
    return data.model_copy(update={"examples": examples, "preferences": pairs}).sealed()


def without_overlap(data: TaskData) -> TaskData:
    """The same without training and validation rows, and preference pairs, that share 13 words in a row with a test prompt. The test split
    stays as it is; so do rows with the very prompt of a test row, for these are a matter of `without_leaks`."""
    sequences, test = _leaking(data), _keys(data, "test")

    def stays(prompt: str) -> bool:
        return not shares(prompt, sequences) or prompt_key(prompt) in test

    return data.model_copy(update={"examples": tuple(row for row in data.examples if row.split == "test" or stays(row.prompt)),
                                   "preferences": tuple(pair for pair in data.preferences if stays(pair.prompt))}).sealed()


def flagged_items(data: TaskData) -> dict[str, frozenset[str]]:
    """Place ("train", "pairs", "documents") -> ids of the test rows that give themselves away there: word for word, by 13 words in a row, or,
    in documents, the whole question. Places where nothing was found are left out."""
    sequences, asked = _leaking(data), data.split("test")
    found: dict[str, set[str]] = {}
    for place, prompts in _learned(data).items():
        keys = {prompt_key(prompt) for prompt in prompts}
        shared = {sequence for prompt in prompts for sequence in _sequences(prompt) & sequences} if sequences else set()
        found[place] = {example.id for example in asked if prompt_key(example.prompt) in keys or not shared.isdisjoint(_sequences(example.prompt))}
    looked_up = set(_in_documents(data))
    found["documents"] = {example.id for example in asked if example.prompt in looked_up}
    del found["validation"]  # nothing learns from it
    return {place: frozenset(ids) for place, ids in found.items() if ids}


def _keys(data: TaskData, split: str) -> set[str]:
    return {prompt_key(example.prompt) for example in data.split(split)}


def _learned(data: TaskData) -> dict[str, list[str]]:
    """Prompts that something is learned or chosen from."""
    return {"train": [e.prompt for e in data.split("train")], "validation": [e.prompt for e in data.split("validation")],
            "pairs": [p.prompt for p in data.preferences]}


def _leaking(data: TaskData) -> set[int]:
    return leaking((example.prompt for example in data.split("test")), (prompt for prompts in _learned(data).values() for prompt in prompts))


def leaking(test: Iterable[str], learned: Iterable[str]) -> set[int]:
    """Sequences of the test prompts that give something away: those that only few rows hold. Kept as hashes; 64 bits do not collide here."""
    asked = Counter(sequence for prompt in test for sequence in _sequences(prompt))
    if not asked:
        return set()
    met: Counter[int] = Counter()
    for prompt in learned:
        met.update(asked.keys() & _sequences(prompt))
    return {sequence for sequence, rows in met.items() if rows <= _COMMON and asked[sequence] <= _COMMON}


def shares(prompt: str, sequences: set[int]) -> bool:
    """Whether a prompt holds one of the sequences."""
    return bool(sequences) and not sequences.isdisjoint(_sequences(prompt))


def _sequences(prompt: str) -> set[int]:
    words = _WORD.findall(prompt.casefold())[:5_000]
    return {hash(tuple(words[start:start + _NGRAM])) for start in range(len(words) - _NGRAM + 1)}


def _shared_words(prompt: str, sequences: set[int]) -> str:
    """The first words in a row that a prompt shares with the test; its beginning where masking took them away."""
    words = _WORD.findall(prompt.casefold())
    starts = (start for start in range(len(words)) if hash(tuple(words[start:start + _NGRAM])) in sequences)
    start = next(starts, None)
    return prompt if start is None else "… " + " ".join(words[start:start + _NGRAM]) + " …"


def _in_documents(data: TaskData) -> Iterable[str]:
    """Test prompts of six words and more all of whose words stand in a row in a document."""
    starting: dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for example in data.split("test") if data.documents else ():
        words = tuple(_WORD.findall(example.prompt.casefold()))
        if len(words) >= _QUESTION:
            starting[words[:_QUESTION]].append((words, example.prompt))
    found: dict[str, None] = {}
    for document in data.documents if starting else ():
        words = tuple(_WORD.findall(document.text.casefold()))
        for place, start in enumerate(zip(*(words[skip:] for skip in range(_QUESTION)))):
            for question, prompt in starting.get(start, ()):
                if words[place:place + len(question)] == question:
                    found[prompt] = None
    return found
