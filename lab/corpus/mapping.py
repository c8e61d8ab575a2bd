"""Which columns mean what. A Mapping is a value that people correct; `guess` makes the first one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.core import Value


class Mapping(Value):
    """Templates over columns (see `cells`), and the columns that split, group and point to documents."""

    prompt: str = Field("", description="What the model is asked, as a template over columns: {question}, or {instruction}\\n{input}.")
    answer: str = Field("", description="The right answer, as a template over columns.")
    chosen: str = Field("", description="Preference pairs: the answer that people prefer.")
    rejected: str = Field("", description="Preference pairs: the other answer.")
    split_column: str = Field("", description="Column that says train, validation or test. Empty: the lab splits.")
    entity_column: str = Field("", description="Rows with the same value here stay in one split and count as one cluster.")
    document_column: str = Field("", description="Column with the text, or the name, of the document that holds the answer.")
    reason: str = Field("", description="Why the guess is unclear; empty once somebody decided.")

    @property
    def kind(self) -> Literal["examples", "preferences", "unclear"]:
        if self.reason:
            return "unclear"
        if self.prompt and self.chosen and self.rejected:
            return "preferences"
        return "examples" if self.prompt and self.answer and not (self.chosen or self.rejected) else "unclear"
