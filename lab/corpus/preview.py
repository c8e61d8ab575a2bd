"""An example as the model will see it: token by token, with the trained ones marked. Needs no torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from lab.core import ModelError
from lab.corpus.template import ChatTemplate, Message


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


def count_tokens(folder: Path, text: str) -> int:
    """Tokens of a text, special ones written in it included."""
    return len(tokenizer_of(folder).encode(text, add_special_tokens=False).ids)


def trained_tokens(folder: Path, template: ChatTemplate, messages: list[Message], answer: str) -> list[tuple[str, bool]]:
    """(token's text, whether it is trained) in order: the prompt's tokens, then the answer's with its end token."""
    tokenizer = tokenizer_of(folder)
    parts = template.training_text(messages, answer)
    return [(_shown(text, encoding.offsets[i], encoding.tokens[i]), trained)
            for text, trained in zip(parts, (False, True))
            for encoding in [tokenizer.encode(text, add_special_tokens=False)]
            for i in range(len(encoding.ids))]


def _shown(text: str, span: tuple[int, int], token: str) -> str:
    return text[span[0]:span[1]] or token
