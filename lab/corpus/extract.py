"""The text of a document and where its pages and headings begin: plain text, Markdown, HTML, PDF, DOCX.

Runs in the guarded child; each parser is imported where it is used.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from typing import Any

from lab.corpus import sections
from lab.corpus.encoding import decode
from lab.corpus.limits import Limits, Notes, Refused
from lab.corpus.sections import Outline, Part, Section

MARKDOWN = (".md", ".markdown")
PLAIN = (".txt", *MARKDOWN, ".rst", ".text")
WEB = (".html", ".htm")
SUFFIXES = (*PLAIN, *WEB, ".pdf", ".docx")
_BLOCKS = ["address", "article", "blockquote", "br", "dd", "div", "dt", "figcaption", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
           "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "title", "tr", "ul"]
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_MARK = "\x01"  # stands before an HTML heading's level until the text is cut there; tidy text never holds it
_HIDDEN = ["script", "style", "noscript", "template", "svg", "iframe", "object"]
_LIGATURES = str.maketrans({"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"})


def text_of(data: bytes, suffix: str, limits: Limits, notes: Notes) -> tuple[str, list[Section]]:
    """The document's text, tidied, and its sections. Raises Refused where there is none or the format is unknown."""
    if not data.strip():
        raise Refused("The file is empty", "Choose a file with content")
    if suffix == ".pdf":
        return _joined(_pdf(data, limits, notes))
    if suffix == ".docx":
        return _joined(_docx(data, limits))
    if suffix in WEB:
        return _joined(_html(decode(data, notes)[0]))
    if suffix in PLAIN:
        text = tidy(decode(data, notes)[0])
        return text, sections.of_markdown(text) if suffix in MARKDOWN else []
    raise Refused(f"Files of the kind {suffix or '(no ending)'} cannot be read as documents", f"Use one of {', '.join(SUFFIXES)}")


def _joined(parts: list[Part]) -> tuple[str, list[Section]]:
    return sections.joined((tidy(text, indents=False), page, heading) for text, page, heading in parts)


def tidy(text: str, indents: bool = True) -> str:
    """White space made even: single spaces, at most one blank line, no control letters. Indents stay where they carry meaning."""
    text = re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u00ad\ufeff]", "", re.sub(r"\r\n?|[\x0c\x85\u2028\u2029]", "\n", text))
    lines = []
    for line in text.split("\n"):
        body = " ".join(line.split())
        indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip(" ")) if indents and body else 0
        lines.append(" " * min(indent, 16) + body)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").rstrip()


def _pdf(data: bytes, limits: Limits, notes: Notes) -> list[Part]:
    from pypdf import PdfReader
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every small fault, and the last line of the log is ours to show
    reader = _opened(lambda: PdfReader(io.BytesIO(data)), "PDF")
    if reader.is_encrypted and not _opens_without_password(reader):
        raise Refused("This PDF is encrypted", "Save it without a password and choose that file")
    count = _opened(lambda: len(reader.pages), "PDF")
    if count > limits.pages:
        raise Refused(f"This PDF has {count:,} pages; {limits.pages:,} are the most", "Cut it into smaller files")
    texts = [_page(reader, number, notes).translate(_LIGATURES) for number in range(count)]
    if not any(text.strip() for text in texts):
        raise Refused("This PDF holds no text (scanned pages or pictures)", "Run a text recognition (OCR) over it first")
    return [(text, number, ()) for number, text in enumerate(texts, start=1)]


def _opens_without_password(reader: Any) -> bool:
    """Many PDFs are locked against changes only: the empty password opens them."""
    try:
        return bool(reader.decrypt(""))
    except Exception:  # noqa: BLE001 - an algorithm that is not installed, or a damaged lock: either way it stays shut
        return False


def _page(reader: Any, number: int, notes: Notes) -> str:
    try:
        return reader.pages[number].extract_text() or ""
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # noqa: BLE001 - pypdf raises whatever a broken page makes it raise; the other pages are still good
        notes.add(None, f"page {number + 1} cannot be read ({type(error).__name__})")
        return ""


def _docx(data: bytes, limits: Limits) -> list[Part]:
    archive = _opened(lambda: zipfile.ZipFile(io.BytesIO(data)), "DOCX")
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > limits.unpacked_bytes:
        raise Refused(f"This file unpacks to {unpacked / 1e6:,.0f} MB; {limits.unpacked_bytes / 1e6:,.0f} MB are the most",
                      "Save it without its pictures")
    import docx
    document = _opened(lambda: docx.Document(io.BytesIO(data)), "DOCX")
    outline, parts = Outline(), [([], ())]
    for block in document.iter_inner_content():
        text = block.text if hasattr(block, "text") else _rows(block)
        level = _level(block) if text.strip() else None
        if level is not None:
            parts.append(([], outline.enter(level, text)))
        parts[-1][0].append(text)
    if not any(text.strip() for texts, _ in parts for text in texts):
        raise Refused("This document holds no text", "Choose a document with text")
    return [("\n\n".join(texts), None, heading) for texts, heading in parts]


def _level(block: Any) -> int | None:
    """A heading's level by its style ("Title", "Heading 2"), whatever language Word speaks; None for other blocks."""
    name = (getattr(getattr(block, "style", None), "name", "") or "").lower()
    if name == "title":
        return 0
    found = re.fullmatch(r"heading ([1-9])", name)
    return int(found[1]) if found else None


def _rows(table: Any) -> str:
    return "\n".join(" | ".join(dict.fromkeys(" ".join(cell.text.split()) for cell in row.cells)) for row in table.rows)


def _html(source: str) -> list[Part]:
    from bs4 import BeautifulSoup, Comment
    soup = BeautifulSoup(source, "html.parser")
    for words in soup.find_all(string=lambda text: _MARK in text):  # also written as a character reference
        words.replace_with(words.replace(_MARK, ""))
    for tag in soup.find_all(_HIDDEN):
        tag.extract()
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for tag in soup.find_all(_BLOCKS):
        tag.insert_before(f"\n{_MARK}{tag.name[1]}" if tag.name in _HEADINGS and tag.get_text(strip=True) else "\n")
        tag.insert_after("\n")
    for tag in soup.find_all(["td", "th"]):
        tag.insert_after(" ")
    first, *rest = re.split(f"{_MARK}([1-6])", soup.get_text())
    if not first.strip() and not rest:
        raise Refused("This page holds no text", "Save the page after it was drawn in the browser, or as text")
    outline = Outline()
    return [(first, None, ()), *((text, None, outline.enter(int(level), text.strip().split("\n")[0]))
                                 for level, text in zip(rest[::2], rest[1::2]))]


def _opened(make: Any, kind: str) -> Any:
    """Whatever a parser raises on a broken file becomes one sentence."""
    try:
        return make()
    except (MemoryError, RecursionError):
        raise
    except Exception as error:
        raise Refused(f"This cannot be read as {kind} ({type(error).__name__}: {error})"[:300],
                      f"Open it in its program and save it anew as {kind}") from error
