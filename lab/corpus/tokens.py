"""Passages whose length and overlap are counted in a tokenizer's tokens. Needs no torch.

Tokens do not add up: two texts have other tokens together than apart. So documents are cut into small pieces at natural borders
(semchunk), pieces are packed by estimate, and every passage and every overlap is counted as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lab.core import DataError
from lab.corpus.preview import tokenizer_of

FAR = 64  # letters per allowed token that are read to see that a text is too long; a passage is always read whole
Count = Callable[[str], int]
Span = tuple[int, int]


def counter(folder: Path) -> Count:
    """Text -> tokens by the folder's tokenizer.json; special ones that a model would add are not counted. Raises DataError where there is none,
    ModelError where it cannot be read."""
    if not (Path(folder) / "tokenizer.json").is_file():
        raise DataError("There is no tokenizer.json, so passages cannot be cut by its tokens", str(folder),
                        "Name a base that ships or a folder that holds tokenizer.json, or cut by words")
    tokenizer = tokenizer_of(folder)
    tokenizer.no_truncation()  # a file can ask for either, and then a long text would count as a short one
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids)


def token_spans(text: str, length: int, overlap: int, count: Count) -> Iterator[Span]:
    """[start, end) of passages of at most `length` tokens. A neighbour begins with the last pieces that fit into `overlap` tokens, so it shares
    something wherever one piece and the next fit into a passage. A single letter is never cut, whatever its tokens."""
    start, end = _stripped(text, 0, len(text))
    if end - start <= FAR * length and count(text[start:end]) <= length:
        yield from [(start, end)] if start < end else []
        return
    size = max(1, min(overlap, (length - overlap) // 2)) if overlap else length
    pieces = _pieces(text, size, count)
    yield from _packed(text, pieces, length, overlap, count) if overlap else pieces


def _pieces(text: str, size: int, count: Count) -> list[Span]:
    """Without white space around them, in order, each of at most `size` tokens."""
    from semchunk import chunk as cut  # heavy enough to wait until somebody has documents

    def judged(part: str) -> int:
        return count(part[:FAR * size]) if len(part) > 1 else 1  # one letter of many tokens would be cut for ever

    return [piece for left, right in cut(text, size, judged, memoize=False, offsets=True)[1] for piece in _fitting(text, left, right, size, count)]


def _fitting(text: str, start: int, end: int, size: int, count: Count) -> Iterator[Span]:
    start, end = _stripped(text, start, end)
    if end - start < 2 or count(text[start:end]) <= size:
        yield from [(start, end)] if start < end else []
        return
    middle = (start + end) // 2
    yield from _fitting(text, start, middle, size, count)
    yield from _fitting(text, middle, end, size, count)


def _packed(text: str, pieces: Sequence[Span], length: int, overlap: int, count: Count) -> Iterator[Span]:
    """Neighbours alone share pieces: a passage begins behind the first piece of the one before, at or after the first that was only there."""
    sizes = [count(text[start:end]) for start, end in pieces]
    first = fresh = 0
    while True:
        last = _last(text, pieces, sizes, first, fresh, length, count)
        yield pieces[first][0], pieces[last][1]
        if last + 1 == len(pieces):
            return
        first, fresh = _shared(text, pieces, max(fresh, first + 1), last, length, overlap, count), last + 1


def _last(text: str, pieces: Sequence[Span], sizes: Sequence[int], first: int, fresh: int, length: int, count: Count) -> int:
    """The last piece of the passage that begins with `first`; `fresh` at least, which is known to fit or stands alone."""
    def fits(last: int) -> bool:
        return count(text[pieces[first][0]:pieces[last][1]]) <= length

    last, held = fresh, sum(sizes[first:fresh + 1])
    while last + 1 < len(pieces) and held + sizes[last + 1] <= length:
        last += 1
        held += sizes[last]
    while last > fresh and not fits(last):
        last -= 1
    while last + 1 < len(pieces) and fits(last + 1):
        last += 1
    return last


def _shared(text: str, pieces: Sequence[Span], earliest: int, last: int, length: int, overlap: int, count: Count) -> int:
    """The piece that the next passage begins with: the first from which on to `last` is at most the overlap, with room for a fresh one."""
    first = last + 1
    while first > earliest and count(text[pieces[first - 1][0]:pieces[last][1]]) <= overlap \
            and count(text[pieces[first - 1][0]:pieces[last + 1][1]]) <= length:
        first -= 1
    return first


def _stripped(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())
