"""What every value of the lab has in common: frozen, closed to unknown settings, and named by its content."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value. Unknown fields are refused, so that a misspelt setting never passes silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def content_key(*parts: Any, length: int = 16) -> str:
    """Name content by the SHA-256 of its sorted JSON, cut to `length` hexadecimal digits.

    Equal content has an equal key whatever the order of its fields; a Value counts as its fields.
    """
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
