"""What is wrong with a Task's rows, said before anything is queued: each finding with its count, up to three examples, the way out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from lab.core import Example, TaskData
from lab.corpus.splits import prompt_key
from lab.corpus.values import Finding

Count = Callable[[str], int]
FEW_TEST_ROWS = 30
_NGRAM = 13  # words; the overlap that GPT-3's authors took for contamination (arXiv 2005.14165, appendix C)
_COMMON = 10  # a sequence in more training rows than this is a form of words, not a leak
_PLACEHOLDER = re.compile(r"\{\{\s*[\w. -]{1,60}\s*\}\}")
_TOKEN = re.compile(r"\b(?:hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{30,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[A-Z0-9]{16})\b")
_DOUBLE = {"train": "they weigh double", "validation": "they count double",
           "test": "they count double, and the interval looks narrower than it is"}
_INVISIBLE = re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069]")


def check(data: TaskData, count: Count | None = None, max_length: int | None = None) -> tuple[Finding, ...]:
    """Findings, the gravest first. With `count` (text -> tokens) and `max_length` also the rows that training would have to cut."""
    found = [finding for look in (_missing, _empty, _leaks, _duplicates, _contradictions, _overlap, _pairs, _strange, _few)
             for finding in look(data)]
    if count and max_length:
        found += _too_long(data, count, max_length)
    return tuple(sorted(found, key=lambda finding: ("refuse", "warn", "note").index(finding.level)))


def without_leaks(data: TaskData) -> TaskData:
    """The same without training and validation rows, and preference pairs, whose prompt is also asked in the test; and without
    validation rows whose prompt is trained. The test split stays as it is."""
    test = {prompt_key(example.prompt) for example in data.split("test")}
    train = {prompt_key(example.prompt) for example in data.split("train")}
    gone = {"train": test, "validation": test | train, "test": set()}
    examples = tuple(example for example in data.examples if prompt_key(example.prompt) not in gone[example.split])
    pairs = tuple(pair for pair in data.preferences if prompt_key(pair.prompt) not in test)
    return data.model_copy(update={"examples": examples, "preferences": pairs}).sealed()


def _finding(level: str, what: str, shown: Iterable[str], do: str) -> Iterator[Finding]:
    """One finding where there is something to show, else none."""
    shown = list(shown)
    if shown:
        yield Finding(level=level, what=what, count=len(shown), examples=tuple(_short(text) for text in shown[:3]), do=do)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:119] + "…"


def _missing(data: TaskData) -> Iterator[Finding]:
    if not data.examples:
        yield _lack("refuse", "There are no examples", "Bring rows with a prompt and an answer: without them nothing can be scored")
        return
    if not data.split("test"):
        yield _lack("refuse", "No row is in the test split", "Let the lab split the rows, or mark some as test")
    if not data.split("train"):
        yield _lack("warn", "No row is in the training split", "Only prompting without examples and retrieval can be tried")
    elif not data.split("validation"):
        yield _lack("warn", "No row is in the validation split", "The curves of fine-tuning need some: mark rows as validation")


def _lack(level: str, what: str, do: str) -> Finding:
    return Finding(level=level, what=what, count=0, do=do)


def _empty(data: TaskData) -> Iterator[Finding]:
    yield from _finding("refuse", "The prompt or the answer is empty", (f"{e.id} ({e.split})" for e in data.examples
                        if not e.prompt.strip() or not e.answer.strip()), "Fill them or leave these rows out")
    yield from _finding("warn", "A document is empty", (d.name for d in data.documents if not d.text.strip()), "Leave it out")


def _leaks(data: TaskData) -> Iterator[Finding]:
    test = {prompt_key(example.prompt) for example in data.split("test")}
    train = {prompt_key(example.prompt) for example in data.split("train")}
    yield from _finding("refuse", "The prompt also stands in the test split: its score would be remembered, not earned",
                        (e.prompt for e in data.examples if e.split != "test" and prompt_key(e.prompt) in test),
                        "Take them out of training and validation (offered here), or let the lab split the rows anew")
    yield from _finding("refuse", "The prompt of a preference pair also stands in the test split",
                        (p.prompt for p in data.preferences if prompt_key(p.prompt) in test), "Take these pairs out (offered here)")
    yield from _finding("warn", "The prompt of a validation row is also trained: the validation loss would look too good",
                        (e.prompt for e in data.split("validation") if prompt_key(e.prompt) in train), "Take them out (offered here)")


def _duplicates(data: TaskData) -> Iterator[Finding]:
    for split, consequence in _DOUBLE.items():
        seen: Counter[tuple[str, str]] = Counter()
        doubled = []
        for example in data.split(split):
            key = (prompt_key(example.prompt), example.answer.strip())
            seen[key] += 1
            if seen[key] > 1:
                doubled.append(example.prompt)
        yield from _finding("warn", f"Rows stand twice in the {split} split: {consequence}", doubled,
                            "Leave the second ones out, unless that is meant")


def _contradictions(data: TaskData) -> Iterator[Finding]:
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for example in data.examples:
        answers[example.split, prompt_key(example.prompt)].add(example.answer.strip())
    for split in ("train", "test"):
        several = [f"{key} -> {' | '.join(sorted(texts)[:2])}" for (where, key), texts in answers.items()
                   if where == split and len(texts) > 1]
        else_ = "an exact-match score then counts only one of them" if split == "test" else "else mend them"
        yield from _finding("note", f"One prompt has several answers in the {split} split", several,
                            f"Fine where several answers are right; {else_}")


def _overlap(data: TaskData) -> Iterator[Finding]:
    """Test prompts that share 13 words in a row with training texts without being the same prompt."""
    train = {prompt_key(example.prompt) for example in data.split("train")}
    test = [(example, _sequences(example)) for example in data.split("test") if prompt_key(example.prompt) not in train]
    wanted = {sequence for _, sequences in test for sequence in sequences}
    if not wanted:
        return
    met: Counter[tuple[str, ...]] = Counter()
    for example in data.split("train"):
        met.update(wanted & _sequences(example))
    shared = [example.prompt for example, sequences in test if any(0 < met[sequence] <= _COMMON for sequence in sequences)]
    yield from _finding("warn", f"Test prompts share {_NGRAM} words in a row with a training row", shared,
                        "Look whether they are the same question in other words; rows about one thing belong together (entity column)")


def _sequences(example: Example) -> set[tuple[str, ...]]:
    words = example.prompt.casefold().split()[:5_000]
    return {tuple(words[start:start + _NGRAM]) for start in range(len(words) - _NGRAM + 1)}


def _pairs(data: TaskData) -> Iterator[Finding]:
    yield from _finding("refuse", "The chosen and the rejected answer are the same", (p.prompt for p in data.preferences
                        if p.chosen.strip() == p.rejected.strip()), "Leave these pairs out: nothing can be learned from them")
    yield from _finding("refuse", "A preference pair has an empty prompt or answer", (p.id for p in data.preferences
                        if not (p.prompt.strip() and p.chosen.strip() and p.rejected.strip())), "Fill them or leave these pairs out")


def _strange(data: TaskData) -> Iterator[Finding]:
    texts = [(f"{e.prompt}\n{e.answer}") for e in data.examples] + [f"{p.prompt}\n{p.chosen}\n{p.rejected}" for p in data.preferences]
    yield from _finding("warn", "Placeholders such as {{name}} were never filled: the model would learn to write them",
                        (_around(_PLACEHOLDER, text) for text in texts if _PLACEHOLDER.search(text)),
                        "Replace them with what they stand for")
    yield from _finding("warn", "Something that looks like an access token stands in the rows",
                        (found.group()[:6] + "…" for text in texts if (found := _TOKEN.search(text))),
                        "Take it out, and withdraw the token")
    both = texts + [document.text for document in data.documents]
    yield from _finding("warn", "Invisible letters (tags or direction marks) stand in the texts: they can hide instructions",
                        (ascii(_around(_INVISIBLE, text)) for text in both if _INVISIBLE.search(text)),
                        "Take them out unless the language needs them")


def _around(pattern: re.Pattern[str], text: str) -> str:
    start = pattern.search(text).start()
    return text[max(0, start - 30):start + 50]


def _few(data: TaskData) -> Iterator[Finding]:
    count = len(data.split("test"))
    if 0 < count < FEW_TEST_ROWS:
        yield Finding(level="warn", what=f"Only {count} rows are in the test split: small differences between Systems cannot be shown",
                      count=count, do=f"Bring more rows; {FEW_TEST_ROWS} are the least, some hundreds are better")


def _too_long(data: TaskData, count: Count, max_length: int) -> Iterator[Finding]:
    rows = [(e.prompt, count(e.prompt) + count(e.answer)) for e in data.examples if e.split != "test"]
    yield from _cut("examples", rows, max_length)
    pairs = [(p.prompt, count(p.prompt) + max(count(p.chosen), count(p.rejected))) for p in data.preferences]
    yield from _cut("preference pairs", pairs, max_length)


def _cut(kind: str, rows: list[tuple[str, int]], max_length: int) -> Iterator[Finding]:
    long = sorted(((tokens, prompt) for prompt, tokens in rows if tokens > max_length), reverse=True)
    if long:
        what = f"{len(long):,} of {len(rows):,} {kind} are longer than {max_length:,} tokens: their answers would be cut"
        yield from _finding("refuse", what, (f"{tokens:,} tokens: {prompt}" for tokens, prompt in long),
                            f"Set the maximum length to {long[0][0]:,} or more, or leave these rows out")
