"""Rows that are missing, empty, twice there, in contradiction or too long; and the same rows without second ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from lab.core import Example, Item, Preference, TaskData
from lab.corpus.check_pairs import content
from lab.corpus.finding import Mendable, finding
from lab.corpus.splits import prompt_key
from lab.corpus.values import Finding, Problem

Count = Callable[..., int]  # (prompt, answer) or (prompt) -> tokens
Row = TypeVar("Row", Example, Preference)
FEW_TEST_ROWS = 30
READS = frozenset({"answer_loss", "multiple_choice"})  # scorers that read given answers behind the question
_DOUBLE = {"train": "they weigh double", "validation": "they count double",
           "test": "they count double, and the interval looks narrower than it is"}


def missing_findings(data: TaskData) -> Iterator[Finding]:
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


def empty_findings(data: TaskData) -> Iterator[Finding]:
    yield from finding("refuse", "The prompt or the answer is empty", (f"{e.id} ({e.split})" for e in data.examples
                       if not e.prompt.strip() or not e.answer.strip()), "Fill them or leave these rows out")
    yield from finding("warn", "A document is empty", (d.name for d in data.documents if not d.text.strip()), "Leave it out")


def unreadable_findings(problems: Sequence[Problem], refused: int) -> Iterator[Finding]:
    """Rows of the file that are not part of the Task, with their lines. `refused`: how many rows stayed out."""
    if refused:
        yield from finding("warn", "Rows of the file stayed out", (problem.sentence() for problem in problems),
                           "Mend these lines and bring the file again, or go on without them", count=refused)


def duplicate_findings(data: TaskData) -> Iterator[Finding]:
    """Letter case and white space of the prompt do not count. The same prompt in two splits is a leak, and said there."""
    for split in _DOUBLE:
        seen: Counter[tuple[str, str, str]] = Counter()
        doubled = []
        for example in data.split(split):
            seen[_content(example)] += 1
            if seen[_content(example)] > 1:
                doubled.append(example.prompt)
        yield from twice(split, doubled)


def twice(split: str, prompts: Iterable[str], count: int | None = None) -> Iterator[Finding]:
    """Second ones of the same row in a split; `count` where only some of them are handed over."""
    yield from finding("warn", f"Rows stand twice in the {split} split: {_DOUBLE[split]}", prompts,
                       "Leave the second ones out (offered here), unless that is meant", "duplicates", count=count)


def without_duplicates(data: TaskData) -> TaskData:
    """The same with each row once in its split and each preference pair once: the first stays."""
    return data.model_copy(update={"examples": _firsts(data.examples, _content), "preferences": _firsts(data.preferences, content)}).sealed()


def _firsts(rows: Iterable[Row], content_of: Callable[[Row], tuple[str, ...]]) -> tuple[Row, ...]:
    first: dict[tuple[str, ...], Row] = {}
    for row in rows:
        first.setdefault(content_of(row), row)
    return tuple(first.values())


def _content(example: Example) -> tuple[str, str, str]:
    return example.split, prompt_key(example.prompt), example.answer.strip()


def contradiction_findings(data: TaskData) -> Iterator[Finding]:
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for example in data.examples:
        answers[example.split, prompt_key(example.prompt)].add(example.answer.strip())
    for split in ("train", "test"):
        several = [f"{key} -> {' | '.join(sorted(texts)[:2])}" for (where, key), texts in answers.items()
                   if where == split and len(texts) > 1]
        else_ = "an exact-match score then counts only one of them" if split == "test" else "else mend them"
        yield from finding("note", f"One prompt has several answers in the {split} split", several,
                           f"Fine where several answers are right; {else_}")


def few_findings(data: TaskData) -> Iterator[Finding]:
    count = len(data.split("test"))
    if 0 < count < FEW_TEST_ROWS:
        yield Finding(level="warn", what=f"Only {count} rows are in the test split: small differences between Systems cannot be shown",
                      count=count, do=f"Bring more rows; {FEW_TEST_ROWS} are the least, some hundreds are better")


def length_findings(data: TaskData, count: Count, max_length: int, answer: int = 0, reads: bool = False) -> Iterator[Mendable]:
    """Rows and pairs that training cannot read whole and questions that leave no room for an answer; Build refuses them all. `count`: prompt,
    answer -> tokens; `max_length` in tokens, `answer` of them kept for what a System writes. `reads`: a scorer reads the right answers (or
    the choices) of the test behind their questions."""
    rows = [(e.prompt, count(e.prompt, e.answer)) for e in data.examples if e.split != "test"]
    yield from _refused("examples", rows, max_length, f"have more than {max_length:,} tokens")
    pairs = [(p.prompt, max(count(p.prompt, p.chosen), count(p.prompt, p.rejected))) for p in data.preferences]
    yield from _refused("preference pairs", pairs, max_length, f"have more than {max_length:,} tokens")
    room = max_length - answer
    tests = [(item.prompt, count(item.prompt)) for item in data.test_suite().items]
    kept = f", with {answer:,} of the base's {max_length:,} kept for the answer" if answer else ""
    yield from _refused("test questions", tests, room, f"have more than {room:,} tokens{kept}")
    if reads:
        tests = [(item.prompt, _read(item, count)) for item in data.test_suite().items]
        yield from _refused("test questions", tests, max_length,
                            f"have more than {max_length:,} tokens with the right answer, which the score reads behind them")


def _read(item: Item, count: Count) -> int:
    """Tokens of a question with the longest answer that a scorer reads behind it."""
    return max(count(item.prompt, answer) for answer in item.choices or (item.answer,))


def fitting(data: TaskData, count: Count, max_length: int, answer: int = 0, reads: bool = False) -> TaskData:
    """The same without what `length_findings` points at, test rows included: no System with this base could be asked them."""
    tests = iter(data.test_suite().items)  # in the order of the test rows

    def asked(item: Item) -> bool:
        return count(item.prompt) <= max_length - answer and (not reads or _read(item, count) <= max_length)

    examples = tuple(e for e in data.examples if (asked(next(tests)) if e.split == "test" else count(e.prompt, e.answer) <= max_length))
    pairs = tuple(p for p in data.preferences if max(count(p.prompt, p.chosen), count(p.prompt, p.rejected)) <= max_length)
    return data.model_copy(update={"examples": examples, "preferences": pairs}).sealed()


def _refused(kind: str, rows: list[tuple[str, int]], limit: int, why: str) -> Iterator[Mendable]:
    long = sorted(((tokens, prompt) for prompt, tokens in rows if tokens > limit), reverse=True)
    if long:
        yield from finding("refuse", f"{len(long):,} of {len(rows):,} {kind} {why}: Build refuses them",
                           (f"{tokens:,} tokens: {prompt}" for tokens, prompt in long),
                           f"Leave them out (offered here), shorten them, or choose a base that reads more: the longest has {long[0][0]:,} tokens", "long")
