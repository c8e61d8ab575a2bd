"""The shape of a task's rows on disk."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def example(number: int, split: str, prompt: str, answer: str, entity: str, documents: list[str] | None = None, **slices: str) -> Row:
    return {"id": f"{split}-{number:03d}", "prompt": prompt, "answer": answer, "split": split, "entity": entity,
            "documents": documents or [], "slices": slices}


def preference(number: int, split: str, prompt: str, chosen: str, rejected: str) -> Row:
    return {"id": f"pair-{number:03d}", "prompt": prompt, "chosen": chosen, "rejected": rejected, "split": split}


def numbered(rows: list[Row]) -> list[Row]:
    """Ids counted anew within each split."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["split"]] = counts.get(row["split"], 0) + 1
        row["id"] = f"{row['split']}-{counts[row['split']]:03d}"
    return rows
