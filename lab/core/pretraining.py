"""Pretraining: a base made from random weights, as a Run like any other. Its checkpoints are Bases."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.core.base import Value

OBJECTIVES = {"causal": "next token", "masked": "masked token"}


class Pretraining(Value):
    """What is made: the size, the objective, and how often it is looked at on the way."""

    preset: Literal["XS", "S", "M"] = Field("XS", description="Size: XS has 0.9M parameters and takes about 45 minutes on one core, S 2M and "
                                            "about two hours, M 5M and some nine hours.")
    objective: Literal["causal", "masked"] = Field("causal", description="Next token: reads from left to right and can write. Masked token: "
                                                   "sees both sides of a gap; it fills gaps and cannot write answers.")
    steps: int = Field(0, ge=0, le=1_000_000, description="Optimizer steps; 0 takes the preset's own number.")
    checkpoints: int = Field(10, ge=1, le=100, description="How often the probes are asked on the way. Each time the model is kept as a base.")
    seed: int = Field(0, ge=0, description="Seed of the weights and of the order of the text.")

    @property
    def title(self) -> str:
        """For people: 'XS, next token, seed 0'."""
        return f"{self.preset}, {OBJECTIVES[self.objective]}, seed {self.seed}"
