"""User data: read it, map its columns, check it, split it; documents and their chunks.

Names are loaded when they are first used: the guarded child that parses a strange file starts from this package too, and must start
light. The room knows nothing about models but the chat template; it never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "values": ("Chunk", "Finding", "Problem", "Table"),
    "limits": ("LIMITS", "Limits"),
    "tables": ("join_tables", "read_table"),
    "mapping": ("Mapping",),
    "guess": ("guess_mapping",),
    "rows": ("documents_of", "to_examples", "to_preferences"),
    "documents": ("read_documents",),
    "chunks": ("chunk",),
    "checks": ("check", "without_leaks"),
    "scorers": ("suggest_scorer",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
_ROOMS = ("template", "preview")

__all__ = ["LIMITS", "Chunk", "Finding", "Limits", "Mapping", "Problem", "Table", "check", "chunk", "documents_of", "guess_mapping",
           "join_tables", "preview", "read_documents", "read_table", "suggest_scorer", "template", "to_examples", "to_preferences",
           "without_leaks"]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
