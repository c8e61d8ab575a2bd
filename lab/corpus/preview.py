"""An example as the model will see it: token by token, with the trained ones marked. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tokenizers import Encoding, Tokenizer

from lab.core import ModelError
from lab.corpus.template import ChatTemplate, Message

MOST_SHOWN = 2_000  # tokens of a prompt, and of an answer
MOST_KNOWN = 100_000  # counted rows that are remembered, some 15 MB


@lru_cache(maxsize=8)
def _tokenizer(path: Path, stamp: int) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more special
        raise ModelError(f"tokenizer.json cannot be read ({error})", str(path), "Save the tokenizer again with save_pretrained") from error


def tokenizer_of(folder: Path) -> Tokenizer:
    """The folder's tokenizer.json. Raises ModelError where there is none."""
    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise ModelError("The base has no tokenizer.json, so its tokens cannot be shown here", str(folder),
                         "Save the tokenizer as a fast one (tokenizer.save_pretrained)")
    return _tokenizer(path, path.stat().st_mtime_ns)


def row_tokens(folder: Path) -> Callable[..., int]:
    """(prompt, answer) -> tokens of a row through the base's template, as training reads it; without an answer the question as it is asked.
    Raises ModelError where there is no tokenizer.json or the template cannot be used. A row is counted once: checks ask again and again."""
    template, tokenizer = ChatTemplate.of(folder), tokenizer_of(folder)
    known = _counted(repr((template.text, template.tokens, str(folder), (folder / "tokenizer.json").stat().st_mtime_ns)))

    def count(prompt: str, answer: str = "") -> int:
        row = hashlib.blake2b(f"{len(prompt)} {prompt}{answer}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if (found := known.get(row)) is None:
            messages = [{"role": "user", "content": prompt}]
            texts = template.training_text(messages, answer) if answer else (template.render(messages, True),)
            found = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)
            if len(known) >= MOST_KNOWN:
                known.clear()
            known[row] = found
        return found

    return count


@lru_cache(maxsize=4)
def _counted(reader: str) -> dict[bytes, int]:
    """Rows (by their hash) whose tokens one base has counted in this process."""
    return {}


class Seen(NamedTuple):
    """An example as training sees it. `parts`: (token's text, "trained" | "prompt" | "cut") in order; cut are the tokens beyond the longest
    length, of which only so many are listed. `tokens` and `trained` count all."""

    parts: list[tuple[str, str]]
    tokens: int
    trained: int
    cut: int


def seen(folder: Path, template: ChatTemplate, messages: list[Message], answer: str, longest: int = 0) -> Seen:
    """The prompt's tokens, then the answer's with its end token. `longest` in tokens: what a training step reads of it; 0: everything."""
    tokenizer = tokenizer_of(folder)
    parts: list[tuple[str, str]] = []
    counts = []
    for text, kind in zip(template.training_text(messages, answer), ("prompt", "trained")):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        counts.append(len(encoding.ids))
        parts += [(piece, kind) for piece in _pieces(text, encoding)]
        if len(encoding.ids) > MOST_SHOWN:
            parts.append((f" … {len(encoding.ids) - MOST_SHOWN:,} more tokens … ", kind))
    total, cut = sum(counts), max(0, sum(counts) - longest) if longest else 0
    if cut:
        parts = [(text, "cut" if place >= longest else kind) for place, (text, kind) in enumerate(parts)]
    return Seen(parts, total, counts[1], cut)


def _pieces(text: str, encoding: Encoding) -> Iterator[str]:
    """What the first tokens stand for. Several tokens can share one letter (bytes of it): the first of them shows it."""
    behind = 0
    for (start, end), token in zip(encoding.offsets[:MOST_SHOWN], encoding.tokens):
        yield text[max(start, behind):end] if end > start else token
        behind = max(behind, end)
