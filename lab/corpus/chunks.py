"""Documents cut into passages: near a length (semchunk), never across a heading, or by whole sentences. Lengths are in words, or in tokens."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import partial

from lab.core import DataError, Document, Section
from lab.corpus.extract import tidy
from lab.corpus.sentences import sentence_spans
from lab.corpus.tokens import Count, token_spans
from lab.corpus.values import Chunk

# Scripts without spaces count by letter, and endless words by every 40 letters: else one "word" could be a whole document.
_WORD = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]{1,40}")
BETWEEN = " > "  # headings of a path in one line
Span = tuple[int, int]


def count_words(text: str) -> int:
    return len(_WORD.findall(text))


def chunk(documents: Iterable[Document], chunk_words: int, overlap_words: int, chunking: str = "words", count: Count | None = None) -> tuple[Chunk, ...]:
    """Passages of at most `chunk_words` words; neighbours share up to `overlap_words`. A shorter document stays whole.

    `chunking`: "words" cuts near the length, at paragraphs and sentences where it can; "headings" never crosses a heading and puts its
    path before the text; "sentences" packs whole sentences; "tokens" cuts as "words" does, and its lengths are what `count` says of a text
    (corpus/tokens.counter). Raises DataError where the lengths contradict each other.
    """
    if not 0 <= overlap_words < chunk_words:
        raise DataError(f"Passages of {chunk_words} {'tokens' if chunking == 'tokens' else 'words'} cannot share {overlap_words}", "retrieval settings",
                        "Set the overlap below the length of a passage")
    cut = partial(_by_tokens, count) if chunking == "tokens" else CHUNKINGS[chunking]
    found: list[Chunk] = []
    for document in documents:
        text = document.text if document.sections else tidy(document.text)  # what has sections is tidy, and they count places in it
        for position, (context, start, end) in enumerate(cut(text, document.sections, chunk_words, overlap_words)):
            place = _main_section(document.sections, start, end)
            body = text[start:end]
            found.append(Chunk(document=document.id, position=position, text=f"{context}\n{body}" if context else body, start=start, end=end,
                               page=place.page if place else None, heading=BETWEEN.join(place.heading) if place else ""))
    return tuple(found)


def _by_words(text: str, sections: tuple[Section, ...], length: int, overlap: int) -> Iterator[tuple[str, int, int]]:
    yield from (("", *span) for span in _cut(text, 0, len(text), length, overlap))


def _by_tokens(count: Count, text: str, sections: tuple[Section, ...], length: int, overlap: int) -> Iterator[tuple[str, int, int]]:
    yield from (("", *span) for span in token_spans(text, length, overlap, count))


def _by_headings(text: str, sections: tuple[Section, ...], length: int, overlap: int) -> Iterator[tuple[str, int, int]]:
    """The path stands before every passage; the heading itself only where it is not the passage's first line anyway."""
    for start, body, end, above, path in _headed(text, sections):
        opening, inside = _context(above, length), _context(path, length)
        first = count_words(opening) + count_words(text[start:body])
        room = length - max(first, count_words(inside))
        if room < length // 3:  # headings as long as passages stand alone
            start, body, room = start, start, length - max(count_words(opening), count_words(inside))
        spans = list(_cut(text, body, end, room, min(overlap, room - 1))) or [(start, end)]
        yield (opening, *_stripped(text, start, spans[0][1]))
        yield from ((inside, *span) for span in spans[1:])


def _by_sentences(text: str, sections: tuple[Section, ...], length: int, overlap: int) -> Iterator[tuple[str, int, int]]:
    """Sentences go into a passage while they fit. Its neighbour begins with the last sentences of it that fit into the overlap."""
    sizes = [(start, end, count_words(text[start:end])) for start, end in _short_sentences(text, length)]
    first = fresh = held = 0  # the passage's first sentence, its first that no earlier passage has, its words
    for number, (_, _, size) in enumerate(sizes):
        if held + size > length:
            yield ("", *_stripped(text, sizes[first][0], sizes[number - 1][1]))
            room, old = min(overlap, length - size), fresh
            first = fresh = number
            held = 0
            while first > old + 1 and held + sizes[first - 1][2] <= room:  # one new sentence stays unshared: only neighbours overlap
                first -= 1
                held += sizes[first][2]
        held += size
    if sizes:
        yield ("", *_stripped(text, sizes[first][0], sizes[-1][1]))


CHUNKINGS = {"words": _by_words, "headings": _by_headings, "sentences": _by_sentences}


def _short_sentences(text: str, length: int) -> Iterator[Span]:
    """Sentences with words in them; one that is longer than a passage is cut."""
    for start, end in sentence_spans(text):
        if text[start:end].strip():
            yield from [(start, end)] if count_words(text[start:end]) <= length else _cut(text, start, end, length, 0)


def _cut(text: str, start: int, end: int, length: int, overlap: int) -> Iterator[Span]:
    """Spans of at most `length` words inside [start, end), without white space around them."""
    from semchunk import chunk as cut  # heavy enough to wait until somebody has documents
    part = text[start:end]
    if count_words(part) <= length:
        spans = [(0, len(part))]
    else:
        spans = cut(part, length, count_words, memoize=False, offsets=True, overlap=overlap or None)[1]
    ended = [0, 0]  # where the two spans before end: only neighbours share text, also where a sign that counts as no word was shared twice
    for left, right in spans:
        left = max(left, ended[0])
        if part[left:right].strip():
            ended = [ended[1], right]
            yield _stripped(text, start + left, start + right)


def _stripped(text: str, start: int, end: int) -> Span:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _headed(text: str, sections: tuple[Section, ...]) -> Iterator[tuple[int, int, int, tuple[str, ...], tuple[str, ...]]]:
    """(start, where its headings' lines end, end, path above its first line, path) from heading to heading.

    A heading with nothing below it but a deeper heading stays with that one.
    """
    borders = [(section.start, section.heading) for section in sections if section.heading]
    starts = [*(start for start, _ in borders), len(text)]
    if text[:starts[0]].strip():
        yield 0, 0, starts[0], (), ()
    waiting: tuple[int, tuple[str, ...]] | None = None
    for number, (start, path) in enumerate(borders):
        end = starts[number + 1]
        deeper = number + 1 < len(borders) and len(borders[number + 1][1]) > len(path)
        if deeper and count_words(text[start:end]) <= count_words(path[-1]) + 1:  # the hashes, or the line under it, count one
            waiting = waiting or (start, path[:-1])
            continue
        first, above = waiting or (start, path[:-1])
        line = text.find("\n", start, end)
        yield first, end if line < 0 else line, end, above, path
        waiting = None


def _context(path: tuple[str, ...], length: int) -> str:
    """The path in one line, at most a third of the passage: outer headings go first."""
    while path and count_words(BETWEEN.join(path)) > length // 3:
        path = path[1:]
    return BETWEEN.join(path)


def _main_section(sections: tuple[Section, ...], start: int, end: int) -> Section | None:
    """The section that holds most of [start, end)."""
    first = max(0, bisect_right(sections, start, key=lambda section: section.start) - 1)
    last = bisect_right(sections, end - 1, key=lambda section: section.start)
    ends = [*(section.start for section in sections[first + 1:last]), end]
    shares = [(min(stop, end) - max(section.start, start), -number, section) for number, (section, stop) in enumerate(zip(sections[first:last], ends))]
    return max(shares)[2] if shares else None
