"""Rows of a table become Examples, Preferences and Documents, by a Mapping. Every row that stays out is a problem with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lab.core import DataError, Document, Example, Preference
from lab.corpus.cells import demand_columns, render, text_of
from lab.corpus.guess import thumbs
from lab.corpus.mapping import Mapping
from lab.corpus.nested import SPLITS
from lab.corpus.splits import NAMES, Fractions, assign
from lab.corpus.values import Problem, Table

_TEXT_WORDS = 15  # a document column with more words than this on average holds texts, not names
FRACTIONS: Fractions = (0.8, 0.1, 0.1)


def to_examples(table: Table, mapping: Mapping, seed: int = 0, fractions: Fractions = FRACTIONS,
                documents: Iterable[Document] = ()) -> tuple[tuple[Example, ...], tuple[Problem, ...]]:
    """Examples with their splits, and the rows that stayed out.

    A split column is respected; a split that it lacks is taken out of its training rows. `documents` are matched by name with the
    document column; without them, a column that holds texts is matched with what `documents_of` makes of it.
    """
    _demand(table, mapping, "examples")
    filled, problems = _filled(table, (mapping.prompt, mapping.answer), ("prompt", "answer"))
    if not filled:
        raise DataError("No row has both a prompt and an answer", table.name, problems[0].reason if problems else "Check the mapping")
    rows = [table.rows[number] for number, _ in filled]
    prompts, answers = [texts[0] for _, texts in filled], [mapping.labels.get(texts[1], texts[1]) for _, texts in filled]
    entities = [text_of(row.get(mapping.entity_column)) if mapping.entity_column else "" for row in rows]
    declared = _declared(rows, [table.number(number) for number, _ in filled], mapping.split_column, problems)
    splits = with_declared(declared, prompts, answers, entities, seed, fractions)
    links, lost = _links(rows, mapping, list(documents) or list(documents_of(table, mapping)))
    if lost:
        missing = ", ".join(list(lost)[:3])[:200]
        problems.append(Problem(reason=f"{sum(lost.values()):,} times a row names a document that is not there ({missing}): whether the "
                                "right passage was found cannot be measured with it"))
    if "tools" in table.columns and "{tools" not in mapping.prompt:
        problems.append(Problem(reason="the column 'tools' is not part of the prompt: the model will not see which tools there are"))
    choices = [choices_of(mapping, row, answer) for row, answer in zip(rows, answers)]
    examples = (Example(id=f"e{table.number(number):05d}", prompt=prompt, answer=answer, split=split, entity=entity, documents=linked, choices=among)
                for (number, _), prompt, answer, split, entity, linked, among in zip(filled, prompts, answers, splits, entities, links, choices) if split)
    return tuple(examples), tuple(problems)


def choices_of(mapping: Mapping, row: dict[str, Any], answer: str) -> tuple[str, ...] | None:
    """The right answer and the mapping's other one; None where a row has no other one, or the same."""
    try:
        other = render(mapping.other, row).strip() if mapping.other else ""
    except ValueError:  # the row does not hold what the template asks for: it is answered like any other
        return None
    other = mapping.labels.get(other, other)
    return (answer, other) if other and other != answer.strip() else None


def to_preferences(table: Table, mapping: Mapping, seed: int = 0) -> tuple[tuple[Preference, ...], tuple[Problem, ...]]:
    """Preference pairs, nine of ten for training and one for validation; pairs with the same prompt stay together."""
    demand_pairs(table)
    _demand(table, mapping, "preferences")
    filled, problems = _filled(table, (mapping.prompt, mapping.chosen, mapping.rejected), ("prompt", "chosen answer", "rejected answer"))
    if not filled:
        raise DataError("No row has a prompt and two answers", table.name, problems[0].reason if problems else "Check the mapping")
    prompts = [texts[0] for _, texts in filled]
    splits = assign(prompts, [""] * len(prompts), [""] * len(prompts), seed, (0.9, 0.1, 0.0))
    pairs = tuple(Preference(id=f"p{table.number(number):05d}", prompt=texts[0], chosen=texts[1], rejected=texts[2], split=split)
                  for (number, texts), split in zip(filled, splits))
    return pairs, tuple(problems)


def demand_pairs(table: Table) -> None:
    """Raises DataError where each row holds a single answer with a yes or no to it."""
    if thumbs(table):
        raise DataError(f"Each row holds one answer with a yes or no in '{thumbs(table)}' (KTO data), not two answers to one prompt",
                        table.name, "Bring pairs: a prompt, a chosen and a rejected answer. Answers marked yes can serve as examples")


def documents_of(table: Table, mapping: Mapping) -> tuple[Document, ...]:
    """Documents that stand in the table itself: each different text of the document column once. Empty where the column holds names."""
    column = mapping.document_column
    values = [text_of(value) for value in table.values(column, 200)] if column else []
    if not values or sum(len(value.split()) for value in values) / len(values) < _TEXT_WORDS:
        return ()
    titles: dict[str, str] = {}
    for row in table.rows:
        if text := text_of(row.get(column)).strip():
            titles.setdefault(text, text_of(row.get("title")) or " ".join(text.split()[:6]))
    count = Counter(titles.values())
    seen: Counter[str] = Counter()
    found = []
    for number, (text, title) in enumerate(titles.items(), 1):
        seen[title] += 1
        found.append(Document(id=f"d{number:04d}", name=f"{title} ({seen[title]})" if count[title] > 1 else title, text=text))
    return tuple(found)


def _demand(table: Table, mapping: Mapping, kind: str) -> None:
    if mapping.kind != kind:
        wanted = "a prompt and an answer" if kind == "examples" else "a prompt, a chosen and a rejected answer"
        what = mapping.reason or f"The mapping does not say which columns are {wanted}"
        raise DataError(what, table.name, f"Set {wanted} in the mapping")
    demand_columns((mapping.prompt, mapping.answer, mapping.other, mapping.chosen, mapping.rejected), table.columns, table.name)
    for column in (mapping.split_column, mapping.entity_column, mapping.document_column):
        if column and column not in table.columns:
            raise DataError(f"The mapping names a column that is not there: {column[:80]!r}", table.name,
                            f"Columns: {', '.join(table.columns)[:400]}")


def _filled(table: Table, templates: tuple[str, ...], names: tuple[str, ...]) -> tuple[list[tuple[int, list[str]]], list[Problem]]:
    """(row number from 0, texts) of the rows in which every template gave a text."""
    filled, problems = [], []
    for number, row in enumerate(table.rows):
        try:
            texts = [render(template, row) for template in templates]
        except ValueError as error:
            problems.append(Problem(reason=f"row {table.number(number):,}: {error}"))
            continue
        empty = [name for name, text in zip(names, texts) if not text]
        if empty:
            problems.append(Problem(reason=f"row {table.number(number):,}: the {' and the '.join(empty)} is empty"))
        else:
            filled.append((number, texts))
    return filled, problems


def _declared(rows: list[dict[str, Any]], numbers: list[int], column: str, problems: list[Problem]) -> list[str | None]:
    """The split that each row names; None where no column names splits, "" where the row's word is unknown."""
    if not column:
        return [None] * len(rows)
    found: list[str | None] = []
    for number, row in zip(numbers, rows):
        word = text_of(row.get(column)).strip().lower()
        found.append(SPLITS.get(word, ""))
        if word not in SPLITS:
            problems.append(Problem(reason=f"row {number:,}: {word[:40]!r} in '{column}' is no split (train, validation, test)"))
    return found


def with_declared(declared: list[str | None], prompts: list[str], answers: list[str], entities: list[str], seed: int,
                   fractions: Fractions) -> list[str]:
    """Declared splits as they are (None: the row names none, "": a word that is no split); rows without one, and training rows where a split
    is missing, are assigned by the seed."""
    present = {name for name in declared if name}
    shares = tuple(0.0 if name in present and name != "train" else share for name, share in zip(NAMES, fractions))
    free = [number for number, name in enumerate(declared) if name is None or name == "train"]
    made = assign([prompts[n] for n in free], [answers[n] for n in free], [entities[n] for n in free], seed, shares) if free else []
    result = [name or "" for name in declared]
    for number, name in zip(free, made):
        result[number] = name
    return result


def _links(rows: list[dict[str, Any]], mapping: Mapping, documents: list[Document]) -> tuple[list[tuple[str, ...]], Counter[str]]:
    """For each row the ids of its documents, and the names that no document has."""
    lost: Counter[str] = Counter()
    if not mapping.document_column or not documents:
        return [()] * len(rows), lost
    exact = {key: document.id for document in reversed(documents) for key in (document.text.strip(), document.name)}
    endings = Counter(document.name.rsplit("/", 1)[-1] for document in documents)
    by_ending = {name: document.id for document in documents if endings[name := document.name.rsplit("/", 1)[-1]] == 1}
    links = []
    for row in rows:
        value = row.get(mapping.document_column)
        wanted = [text_of(one).strip() for one in (value if isinstance(value, list) else [value])]
        found = {name: _find(name, exact, by_ending) for name in wanted if name}
        lost.update(name[:80] for name, document in found.items() if document is None)
        links.append(tuple(dict.fromkeys(document for document in found.values() if document)))
    return links, lost


def _find(wanted: str, exact: dict[str, str], by_ending: dict[str, str]) -> str | None:
    """The document with this text or name; else the one whose path ends like it: people write paths from different folders."""
    steps = wanted.split("/") if len(wanted) < 1_000 else [wanted]
    paths = ["/".join(steps[number:]) for number in range(len(steps))]
    return next((exact[path] for path in paths if path in exact), by_ending.get(steps[-1]))
