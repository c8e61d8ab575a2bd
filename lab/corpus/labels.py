"""Names for labels that stand in a file as numbers or codes: where they can be known from, and which answers are labels at all."""

from __future__ import annotations

from lab.corpus.cells import fields, text_of
from lab.corpus.splits import looks_like_labels
from lab.corpus.values import Table

MOST = 200  # more different answers than this are no labels that people would name one by one
_COMPANIONS = ("{0}_text", "{0}_name", "{0}_names", "{0}_label", "text_{0}", "{0}_str", "{0}_title")


def labels_of(table: Table, template: str) -> list[str]:
    """The different answers of a template that is one column, in the order of the file; empty where they are no labels."""
    column = _column(template)
    answers = [text_of(row.get(column)).strip() for row in table.rows] if column else []
    different = list(dict.fromkeys(answer for answer in answers if answer))
    return different if len(different) <= MOST and looks_like_labels(answers) and all(len(each) <= 60 for each in different) else []


def named_labels(table: Table, template: str) -> dict[str, str]:
    """Value -> name: as the file's own description has it, or as a second column says beside it; empty where nothing does."""
    column = _column(template)
    values = labels_of(table, template) if column else []
    if known := table.labels.get(column, {}):
        return {value: known[value] for value in values if known.get(value)} or dict(known)
    return _beside(table, column, values) if values else {}


def _column(template: str) -> str:
    found = fields(template)
    return found[0] if len(found) == 1 and template == f"{{{found[0]}}}" else ""


def _beside(table: Table, column: str, values: list[str]) -> dict[str, str]:
    """Names from a column called after this one, where each value always has the same name and no name two values."""
    names = {name.lower(): name for name in table.columns}
    for companion in (names[shape.format(column.lower())] for shape in _COMPANIONS if shape.format(column.lower()) in names):
        pairs = {(text_of(row.get(column)).strip(), text_of(row.get(companion)).strip()) for row in table.rows if text_of(row.get(column)).strip()}
        if len(pairs) == len(values) == len({name for _, name in pairs if name}):
            found = dict(pairs)
            return {value: found[value] for value in values}
    return {}
