"""Secrets and personal data in texts: where they stand, and the same text with masks in their place. Knows texts and rows, no findings.

Recognised are the shapes that can be told from other numbers: card numbers by issuer and check digit (Luhn, ISO/IEC 7812-1), IBANs by
their remainder (ISO 13616), telephone numbers by a country code, by the North American shape or by a word such as "phone" before them,
keys by their makers' prefixes. Names, addresses and passwords have no such shape and are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lab.core import TaskData

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s]*)"
    r"|\b(?:hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{30,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}\b|xox[abeprs]-[A-Za-z0-9-]{10,}|AIza[\w-]{35}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{5,})")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?!example\.(?:com|net|org)\b)(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}\b")  # RFC 2606
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w.,+-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{4,5})(?!\w|[.,-]\d)")
_ISSUER = re.compile(r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|35|65)\d{14}|2[2-7]\d{14}|3[47]\d{13}|6011\d{12}|64[4-9]\d{13}|3[068]\d{12}")
_PHONE = re.compile(
    r"(?<![\w)\]])\+[1-9][\d ()./-]{6,18}\d(?![\w+]|[.,]\d)"
    r"|(?<![\w.-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}(?![\w-])"
    r"|(?i:\b(?:tel|telephone|telefon|phone|fax|mobile|mobil|handy|whatsapp|cell|call(?: me| us)?)\b)[\s:.#-]{0,4}"
    r"(?i:(?:number|no|nr|at|on|is)\b[\s:.#-]{1,3}){0,3}(?P<number>\(?\d[\d ()./-]{5,16}\d)(?![\w-]|[.,]\d)")
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{4} ?- ?\d{4}")
_OPERAND = re.compile(r"[\d=)*/+-]\s*\Z")  # what stands before a plus that adds
_SIGNED = re.compile(r"\+\d+\.\d+|\+\d{1,9}")  # a number with its sign: +1.25, +100000
_IP = re.compile(r"(?<![\w.-])(?<!version )(?<!Version )(?!127\.|0\.)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)")
_DIGIT_RUN = re.compile(r"\d[\d ()./-]{5,}\d")


class Place(NamedTuple):
    """Letters `start` to `end` of a text hold something of this kind."""

    start: int
    end: int
    kind: str


def kinds_in(text: str) -> set[str]:
    """Kinds of what stands in the text: secret, email, iban, card, phone, ip."""
    found, rest = set(), text
    while places := _first_kind(rest):
        found.add(places[0].kind)
        rest = _replaced(rest, places)
    if text.count(".") >= 3 and _IP.search(text):
        found.add("ip")
    return found


def masked_text(text: str) -> str:
    """The text with [secret], [email], [iban], [card] and [phone] in their places. IP addresses stay. Masking twice changes nothing more."""
    while places := _first_kind(text):
        text = _replaced(text, places)
    return text


def masked(data: TaskData) -> TaskData:
    """The same with every prompt, answer, pair and document masked: the same kind of thing gets the same mask everywhere."""
    def with_masks(row, *fields):
        new = {name: masked_text(old) for name in fields if (old := getattr(row, name))}
        return row.model_copy(update=new) if any(getattr(row, name) != text for name, text in new.items()) else row

    return data.model_copy(update={"examples": tuple(row.with_texts(masked_text) for row in data.examples),
                                   "preferences": tuple(with_masks(row, "prompt", "chosen", "rejected") for row in data.preferences),
                                   "documents": tuple(with_masks(row, "name", "text") for row in data.documents)}).sealed()


def _first_kind(text: str) -> list[Place]:
    """The places of the first kind that stands in the text at all; keys go first, for they may hold what looks like a number."""
    for kind, find in _FINDERS.items():
        if places := list(find(text)):
            return [Place(start, end, kind) for start, end in places]
    return []


def _replaced(text: str, places: list[Place]) -> str:
    for place in reversed(places):
        text = f"{text[:place.start]}[{place.kind}]{text[place.end:]}"
    return text


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    yield from (match.span() for match in _SECRET.finditer(text))


def _emails(text: str) -> Iterator[tuple[int, int]]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Words in capitals may follow an IBAN: the longest beginning of whole groups that is one counts."""
    for match in _IBAN.finditer(text):
        ends = [len(match.group()), *(place for place in range(len(match.group()) - 1, 0, -1) if match.group()[place] == " ")]
        end = next((end for end in ends if _is_iban(match.group()[:end].replace(" ", ""))), None)
        if end:
            yield match.start(), match.start() + end


def _is_iban(written: str) -> bool:
    return 15 <= len(written) <= 34 and int("".join(str(int(sign, 36)) for sign in written[4:] + written[:4])) % 97 == 1


def _cards(text: str) -> Iterator[tuple[int, int]]:
    if _DIGIT_RUN.search(text):
        yield from (match.span() for match in _CARD.finditer(text) if _is_card(re.sub(r"\D", "", match.group())))


def _is_card(digits: str) -> bool:
    doubled = sum(sum(divmod(2 * int(sign), 10)) for sign in digits[-2::-2])
    return bool(_ISSUER.fullmatch(digits)) and (doubled + sum(int(sign) for sign in digits[-1::-2])) % 10 == 0


def _phones(text: str) -> Iterator[tuple[int, int]]:
    if not _DIGIT_RUN.search(text):
        return
    for match in _PHONE.finditer(text):
        span = match.span("number") if match["number"] else match.span()
        written = text[slice(*span)]
        if written[0] == "+" and _OPERAND.search(text, max(0, span[0] - 20), span[0]):
            continue
        if 7 <= len(re.sub(r"\D", "", written)) <= 15 and not _DATE.fullmatch(written) and not _SIGNED.fullmatch(written):
            yield span


_FINDERS = {"secret": _secrets, "email": _emails, "iban": _ibans, "card": _cards, "phone": _phones}
